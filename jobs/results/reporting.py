"""What the CRM hears of a campaign's calls."""


def report_due() -> int:
    """Put the calls that reached somebody on record in the CRM; how many."""
    return 0
