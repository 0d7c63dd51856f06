"""What is wrong with what the user asked for?"""


class ReportError(Exception):
    """What is wrong and what to do about it, in one line for the user."""
