"""A named lock for what has no row yet to lock, and acts that cannot lock in everybody's order."""

import logging
import random
import time
from collections.abc import Callable, Iterable
from functools import wraps
from typing import ParamSpec, TypeVar

from django.db import OperationalError, connection, transaction

logger = logging.getLogger("puente.locks")

# Whoever meets another act in a circle meets, the next time, one that has moved on; four in a row are no accident.
MOST_TRIES = 4
DEADLOCK_DETECTED = "40P01"
SECONDS_TO_LET_OTHERS_PASS = (0.1, 0.3)

Given = ParamSpec("Given")
Result = TypeVar("Result")


def hold(name: str) -> None:
    """Wait for, then keep until the transaction ends, the right to act on `name`.

    SQLite needs none: its writing transactions are IMMEDIATE, so there is only ever one.
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [name])


def hold_all(names: Iterable[str]) -> None:
    """Like `hold` for many names in one query; always in the same order, so that two never wait for each other."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_advisory_xact_lock(hashtextextended(name, 0))"
                " FROM unnest(%s::text[]) WITH ORDINALITY AS asked(name, position) ORDER BY position",
                [sorted(set(names))],
            )


def again_after_deadlock(act: Callable[Given, Result]) -> Callable[Given, Result]:
    """For an act that locks rows of many tables, and so may wait in a circle with others: the database ends one of
    them, and where it is this one, it is done again from the beginning, with fresh locks, a few times.

    Each try is a transaction or, within one, a savepoint: what is rolled back gives its locks back, so the others move
    on. `act` is given ids, or rows that it reads again.
    """

    @wraps(act)
    def done(*args: Given.args, **kwargs: Given.kwargs) -> Result:
        for _ in range(MOST_TRIES - 1):
            try:
                with transaction.atomic():
                    return act(*args, **kwargs)
            except OperationalError as error:
                if getattr(error.__cause__, "sqlstate", "") != DEADLOCK_DETECTED:
                    raise
                logger.warning("%s was in a deadlock and is done again", act.__qualname__)
            # Whoever waited for our locks is only waking up. Taken back at once, they would make a circle again, and
            # this time it might be the other who is ended.
            time.sleep(random.uniform(*SECONDS_TO_LET_OTHERS_PASS))  # noqa: S311  no secret
        with transaction.atomic():
            return act(*args, **kwargs)

    return done
