"""Learning from a stream: attacks on it, and defences that learn row by row."""

__all__ = []
