"""The error a command raises when the caller can put it right."""


class CommandError(Exception):
    """The text says what was found, what was expected and what to do."""
