"""Attacks that flip labels."""
