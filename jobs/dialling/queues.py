"""Who waits, campaign by campaign in turn: what a claim looks at before it looks at people.

What this costs follows from the queues with somebody in them, never from how many campaigns there are or how long their
queues are: of each queue only the head is read, in the index that has just who waits (`jobs_job_due`).
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from itertools import groupby, islice
from operator import itemgetter
from typing import Any

import orjson
from django.db import connection

from jobs.call_settings import CallSettings
from jobs.dialling.facts import Facts
from jobs.dialling.rules import room_of
from jobs.models import Account, Job

# Jobs that are looked at beside as many as may be dialled: some that must not be called may stand before them.
SPARE = 25

# The first of each queue, in one walk from queue to queue. SQLite, which has no LATERAL, reads the whole index.
HEADS = {
    "postgresql": """
        RECURSIVE head (batch_id, lane, next_try_at) AS (
            (SELECT batch_id, lane, next_try_at FROM jobs_job WHERE status = 'pending'
             ORDER BY batch_id, lane, next_try_at LIMIT 1)
            UNION ALL
            SELECT later.* FROM head CROSS JOIN LATERAL (
                SELECT batch_id, lane, next_try_at FROM jobs_job
                WHERE status = 'pending' AND (batch_id, lane) > (head.batch_id, head.lane)
                ORDER BY batch_id, lane, next_try_at LIMIT 1
            ) AS later
        )""",
    "sqlite": """
        head (batch_id, lane, next_try_at) AS (
            SELECT batch_id, lane, min(next_try_at) FROM jobs_job WHERE status = 'pending'
            GROUP BY batch_id, lane
        )""",
}  # fmt: skip
_DUE = """
    SELECT batch.id, batch.account_id, batch.call_settings, head.lane
    FROM head JOIN jobs_batch AS batch ON batch.id = head.batch_id
    JOIN jobs_account AS account ON account.id = batch.account_id
    WHERE head.next_try_at <= %s AND account.status = 'active'
    AND batch.is_active AND batch.cancelled_at IS NULL AND batch.removed_at IS NULL
    ORDER BY batch.priority DESC, batch.created_at, batch.id, head.lane
"""
_BEGINNINGS = """
    SELECT queue.position, job.id
    FROM json_to_recordset(%s::json) AS queue (position int, batch_id text, lane text, wanted int)
    CROSS JOIN LATERAL (
        SELECT id, next_try_at FROM jobs_job
        WHERE batch_id = queue.batch_id AND lane = queue.lane AND status = 'pending' AND next_try_at <= %s
        ORDER BY next_try_at, id LIMIT queue.wanted
    ) AS job
    ORDER BY queue.position, job.next_try_at, job.id LIMIT %s
"""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A campaign with somebody due, as far as its caps and hours are concerned. `lanes`: where they wait."""

    pk: str
    account: Account
    settings: CallSettings
    lanes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Queue:
    """`room`: how many calls of its campaign may begin."""

    batch_id: str
    lane: str
    room: int


def in_turn(at: datetime) -> list[Waiting]:
    """Campaigns that may be dialled, as far as they and their accounts go, and have somebody due: the highest priority
    first, of the same priority the oldest.
    """
    rows = _rows(f"WITH {HEADS[connection.vendor]} {_DUE}", [connection.ops.adapt_datetimefield_value(at)])
    accounts = Account.objects.in_bulk({account for _, account, *_ in rows}) if rows else {}
    return [
        Waiting(pk, accounts[account], _settings_of(stored), tuple(lane for *_, lane in its_rows))
        for (pk, account, stored), its_rows in groupby(rows, key=itemgetter(0, 1, 2))
    ]


def open_queues(waiting: Iterable[Waiting], facts: Facts) -> Iterator[list[Queue]]:
    """Campaign by campaign, where it has room and its hours have begun."""
    for campaign in waiting:
        lanes = [lane for lane in campaign.lanes if facts.calendar.is_open(campaign.settings, lane, facts.at)]
        room = room_of(campaign, facts) if lanes else 0
        if room > 0:
            yield [Queue(campaign.pk, lane, room) for lane in lanes]


def beginnings(queues: Sequence[Queue], at: datetime, *, limit: int, spare: int, most: int) -> list[str]:
    """Ids of due jobs, queue by queue, in each the longest waiting first: as many as `limit` calls may need, with
    `spare` beside them, and never more than `most`.
    """
    room = {queue.batch_id: queue.room for queue in queues}
    wanted = [min(limit, queue.room) + spare for queue in queues]
    chosen: list[str] = []
    likely = 0
    for queue, pk in islice(_heads_of(queues, wanted, at, most), most):
        if likely >= limit and len(chosen) >= limit + spare:
            break
        chosen.append(pk)
        likely += room[queue.batch_id] > 0
        room[queue.batch_id] -= 1
    return chosen


def _heads_of(queues: Sequence[Queue], wanted: Sequence[int], at: datetime, most: int) -> Iterator[tuple[Queue, str]]:
    if connection.vendor != "postgresql":
        for queue, number in zip(queues, wanted, strict=True):
            due = Job.objects.due(queue.batch_id, queue.lane).values_list("pk", flat=True)
            yield from ((queue, pk) for pk in due[:number])
        return
    given = [
        {"position": position, "batch_id": queue.batch_id, "lane": queue.lane, "wanted": number}
        for position, (queue, number) in enumerate(zip(queues, wanted, strict=True))
    ]
    rows = _rows(_BEGINNINGS, [orjson.dumps(given).decode(), at, most]) if given else []
    yield from ((queues[position], pk) for position, pk in rows)


@lru_cache(maxsize=4096)
def _settings_of(stored: str) -> CallSettings:
    """Many campaigns have the same, and each keeps its own for days."""
    return CallSettings.of(json.loads(stored))


def _rows(sql: str, values: list[Any]) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return cursor.fetchall()
