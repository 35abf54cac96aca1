"""Several rows at a time, each in a thread of its own: another system is waited for, not computed."""

import logging
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from functools import partial
from typing import TypeVar

from django.conf import settings

from crm.crews import Crew

logger = logging.getLogger("puente.calls")

_Row = TypeVar("_Row")


def a_crew() -> Crew:
    """For one turn of whoever places calls or asks after them."""
    return Crew(settings.CALL_THREADS, name="calls")


def do_each(act: Callable[[_Row], None], rows: Sequence[_Row], crew: Crew | None = None) -> None:
    """`act` on each row. One that fails is logged and costs no other: its lease runs out, and it is looked at again.

    `crew`: of a turn that has more such rows; else one is called together for these.
    """
    with nullcontext(crew) if crew else a_crew() as workers:
        workers.do(partial(_guarded, act), rows)


def _guarded(act: Callable[[_Row], None], row: _Row) -> None:
    try:
        act(row)
    except Exception:  # logged; whatever came of it, the row says where to go on
        logger.exception("%s: %s", act.__name__, row)
