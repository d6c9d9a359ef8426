"""Hyper-parameters, their documentation, and modules as values."""
