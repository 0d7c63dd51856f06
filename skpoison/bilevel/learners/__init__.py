"""Learners: what is minimised."""
