"""Numerics without networks: linear algebra of few rows, statistics of embeddings, frequencies of sequences."""
