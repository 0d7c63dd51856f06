"""Solvers: where the minimum is."""
