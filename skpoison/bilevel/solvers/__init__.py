"""Solvers: optima of learners, and linear systems with their Hessians."""
