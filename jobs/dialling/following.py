"""Calls that go on, and attempts whose worker is gone."""


def follow_due(*, seconds: float = 20.0) -> int:
    """Ask the provider about what is due to be looked at; how many were."""
    return 0
