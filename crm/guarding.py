"""Texts that a spreadsheet would run as a formula, made harmless, and back.

Whoever may write a name into the CRM must not thereby write a formula into the sheet of the one who exports it.
"""

# What starts a formula in some spreadsheet; the last four are their wide forms, which some read alike.
STARTS_OF_A_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def guarded(text: str) -> str:
    """With a leading apostrophe where a spreadsheet would see a formula: it then shows the text as it is."""
    return f"'{text}" if text.lstrip("'").startswith(STARTS_OF_A_FORMULA) else text


def unguarded(text: str) -> str:
    """What `guarded` was given."""
    return text[1:] if text.startswith("'") and guarded(text[1:]) == text else text
