"""Differentiation: how the minimum moves with the training rows."""
