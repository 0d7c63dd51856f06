"""Differentiation: hypergradients of goals, through optima and through steps."""
