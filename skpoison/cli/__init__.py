"""Command-line interface: the robustness report of a data set in one command."""

from skpoison.cli._command import main

__all__ = ["main"]
