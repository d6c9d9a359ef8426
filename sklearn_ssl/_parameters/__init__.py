"""Hyper-parameters: their declaration, their documentation, and modules as values."""
