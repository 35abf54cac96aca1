"""The tick of the dispatcher."""


def dial_due(*, seconds: float = 20.0) -> int:
    """Claim and place what is due; how many were asked for."""
    return 0
