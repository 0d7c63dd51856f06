"""Attacks that insert, modify or delete rows."""
