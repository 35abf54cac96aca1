"""What follows for an opportunity from what happens elsewhere."""


def connect() -> None:
    """Listen."""
