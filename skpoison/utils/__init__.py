"""Utilities of attacks and defences: containers, validation, checks of contracts."""
