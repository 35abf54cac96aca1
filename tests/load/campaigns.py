"""Campaigns: removals, lists, claims, imports and the counts behind them, as a campaign grows, beside the SQL floor.

    python -m tests.load campaigns [--small] [--seconds 5] [--reference DIR --reference-python PATH]

The reference counts a batch anew after each removal; what it remembers after four clients is compared with its rows.
"""

import argparse
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import psycopg
from django.core.management import call_command
from django.db import connection
from rest_framework_simplejwt.tokens import RefreshToken

from crm.models import User
from jobs.models import Batch, Count
from tests.load import campaign_floor, floor
from tests.load.campaign_data import a_campaign, fill, job_ids
from tests.load.campaign_work import bulk_updates, claims, imports
from tests.load.data import RARE_NAME, people
from tests.load.generator import Measured, fire, request, spend
from tests.load.processes import (
    DurablePostgres,
    create_database,
    environment_of,
    our_service,
    reference_service,
    settle,
)
from tests.load.report import print_columns
from tests.load.sizes import _ratio, _use

CLIENTS = (1, 4)
# Removals before the clock runs: a server's first request imports its views.
WARM_UP = 10


@dataclass(frozen=True)
class Scale:
    """`removals` of each figure, `slow_removals` where each reads a million rows."""

    sizes: tuple[int, int] = (1_000, 1_000_000)
    removals: int = 1_000
    slow_removals: int = 60
    claims: int = 1_000
    imported: int = 50_000
    updated: int = 100_000
    seconds: float = 5


SMALL = Scale((200, 2_000), removals=40, slow_removals=20, claims=80, imported=300, updated=1_000, seconds=0.4)


@dataclass
class Place:
    """A database with one campaign of `size` jobs, and who asks."""

    size: int
    environment: dict[str, str]
    user: User
    batch: Batch
    next_number: int

    @property
    def url(self) -> str:
        return self.environment["DATABASE_URL"]

    @property
    def token(self) -> str:
        return str(RefreshToken.for_user(self.user).access_token)

    def fresh_ids(self, how_many: int) -> list[str]:
        """Jobs added to the campaign, so that it keeps its size while they are removed."""
        first, self.next_number = self.next_number, self.next_number + how_many
        fill(self.batch, how_many, first=first)
        return job_ids(range(first, first + how_many))


def run(postgres: DurablePostgres, options: argparse.Namespace) -> None:
    scale = SMALL if options.small else Scale(seconds=options.seconds)
    call_command("migrate", verbosity=0)
    connection.close()
    removed: dict[int, dict[str, Measured]] = {}
    listed: dict[int, dict[str, tuple[Measured, Measured]]] = {}
    for size in scale.sizes:
        place = _place(postgres, size)
        removed[size] = _removals(place, scale)
        listed[size] = _lists(place, options.connections, scale)
        if options.reference:
            removed[size] |= _reference_removals(postgres, size, options, scale)
    _print_removals(scale, removed)
    _print_lists(scale, listed)
    claims(place.environment, place.batch, scale.claims)
    bulk_updates(place.url, scale.updated)
    imports(_place(postgres, 0).url, place.user, scale.imported)


def _place(postgres: DurablePostgres, size: int) -> Place:
    """A copy of the migrated database, filled; this process's models point to it."""
    measured = os.environ["DATABASE_URL"].rsplit("/", 1)[1]
    connection.close()
    url = create_database(postgres, f"campaign_{size}", template=measured)
    _use(url)
    administrator, _ = people()
    batch = a_campaign()
    if size:
        fill(batch, size)
    _say(f"{size:,} jobs are there")
    environment = environment_of(url, os.environ["REDIS_URL"])
    return Place(size, environment, administrator, batch, next_number=size + 1)


# --- Removals ---------------------------------------------------------------------------------


def _removals(place: Place, scale: Scale) -> dict[str, Measured]:
    found: dict[str, Measured] = {}
    with our_service(place.environment) as port:
        for clients in CLIENTS:
            ids = place.fresh_ids(scale.removals + WARM_UP)
            found[f"ours, {clients}"] = _told(place.size, f"ours, {clients}", _removed(port, ids, place.token, clients))
    for clients in CLIENTS:
        ids = place.fresh_ids(scale.removals)
        measured = campaign_floor.removing(place.url, place.user, ids, clients=clients)
        found[f"floor, {clients}"] = _told(place.size, f"floor, {clients}", measured)
    _compare(f"ours, {place.size:,}", *_our_counts(place.batch))
    return found


def _removed(port: int, ids: list[str], token: str, clients: int) -> Measured:
    """Each of `ids` once, over so many connections; on either side of a comparison."""
    shots = [request("DELETE", f"/api/v1/jobs/{job_id}", token=token) for job_id in ids]
    spend(port, shots[:WARM_UP], connections=clients)
    return spend(port, shots[WARM_UP:], connections=clients)


def _our_counts(batch: Batch) -> tuple[dict[str, int], dict[str, int]]:
    kept = Count.objects.of(batch.pk)
    with connection.cursor() as cursor:
        cursor.execute("SELECT status, count(*) FROM jobs_job WHERE batch_id = %s GROUP BY status", [batch.pk])
        truth = dict(cursor.fetchall())
    return {status: getattr(kept, status) for status in truth}, truth


def _reference_removals(
    postgres: DurablePostgres, size: int, options: argparse.Namespace, scale: Scale
) -> dict[str, Measured]:
    url = create_database(postgres, f"reference_{size}")
    found: dict[str, Measured] = {}
    removals = scale.removals if size == scale.sizes[0] else scale.slow_removals
    with reference_service(options.reference, options.reference_python, url, rows=100) as (port, known):
        last = _grow_reference(url, 100, size)
        for clients in CLIENTS:
            ids = job_ids(range(last, last + removals + WARM_UP))
            last = _grow_reference(url, last, last + removals + WARM_UP)
            name = f"reference, {clients}"
            found[name] = _told(size, name, _removed(port, ids, known["token"], clients))
        with psycopg.connect(url) as asking:
            kept = asking.execute("SELECT total_jobs FROM batches").fetchone()
            truth = asking.execute("SELECT count(*) FROM jobs").fetchone()
        _compare(f"reference, {size:,}", kept, truth)
    return found


def _grow_reference(url: str, first: int, end: int) -> int:
    with psycopg.connect(url) as growing:
        growing.execute(
            "INSERT INTO jobs (id, job_id, batch_id, contact, status, attempts, max_attempts)"
            " SELECT lpad(to_hex(i), 24, '0'), 'job-' || lpad(to_hex(i), 24, '0'), 'batch-1',"
            """ '{"name": "Ana", "phones": ["+51999888777"]}', 'pending', 0, 3"""
            " FROM generate_series(%s::int, %s::int) i",
            [first, end - 1],
        )
    settle(url)
    return end


def _compare(who: str, kept: object, truth: object) -> None:
    verdict = "exact" if kept == truth else f"WRONG: {kept} kept, {truth} there"
    print(f"Counts after four clients, {who} jobs: {verdict}", flush=True)
    if kept != truth and who.startswith("ours"):
        raise SystemExit("The counts of a campaign are wrong.")


def _print_removals(scale: Scale, found: dict[int, dict[str, Measured]]) -> None:
    few, many = scale.sizes
    lines = []
    for name, small in found[few].items():
        large, same = found[many][name], name.split(", ")[1]
        lines.append(
            [
                f"{name} client{'s' if same != '1' else ''}",
                f"{small.rate:.0f}",
                f"{large.rate:.0f}",
                _ratio(small.rate, large.rate),
                f"{large.p50:.1f}",
                f"{large.p99:.1f}",
                _ratio(found[many][f"floor, {same}"].rate, large.rate),
                str(small.refused + large.refused),
            ]
        )
    print("\nJobs removed a second, one worker, in a batch of so many jobs\n")
    head = ["", f"{few:,}", f"{many:,}", "ratio", "p50 ms", "p99 ms", "floor / it", "refused"]
    print_columns(head, lines)


# --- Lists ------------------------------------------------------------------------------------


def paths(batch: Batch, size: int) -> dict[str, str]:
    base = "/api/v1/jobs?limit=50"
    return {
        "list, plain": base,
        "list, one status": f"{base}&status=pending",
        "list, one campaign": f"{base}&batch_id={batch.batch_id}",
        "list, one account": f"{base}&account_id={batch.account.account_id}",
        "campaign and status": f"{base}&batch_id={batch.batch_id}&status=completed",
        "search, name of one in 1000": f"{base}&q={RARE_NAME}",
        "search, name of one in 10": f"{base}&q=quispe",
        "search, phone": f"{base}&q=900000123",
        "page in the middle": f"{base}&skip={size // 2}",
    }


_USUAL, _NEWEST = "WHERE j.status <> 'cancelled'", "ORDER BY j.id DESC LIMIT 50"
_KEPT = "SELECT sum(pending), sum(completed) FROM jobs_count WHERE owner = %s"


def _floors(place: Place) -> Iterator[tuple[str, floor.Work]]:
    batch, account = place.batch.pk, place.batch.account_id
    pages: dict[str, tuple[str, list[Any]]] = {
        "list, plain": (f"{_USUAL} {_NEWEST}", []),
        "list, one status": (f"WHERE j.status = 'pending' {_NEWEST}", []),
        "list, one campaign": (f"{_USUAL} AND j.batch_id = %s {_NEWEST}", [batch]),
        "list, one account": (f"{_USUAL} AND j.account_id = %s {_NEWEST}", [account]),
        "campaign and status": (f"WHERE j.status = 'completed' AND j.batch_id = %s {_NEWEST}", [batch]),
    }
    for name, (page, parameters) in pages.items():
        yield name, campaign_floor.listing(place.user, page, _KEPT, parameters, owner=batch)


def _lists(place: Place, connections: int, scale: Scale) -> dict[str, tuple[Measured, Measured]]:
    grounds = {name: floor.measure(place.url, work, seconds=scale.seconds) for name, work in _floors(place)}
    found = {}
    with our_service(place.environment) as port:
        for name, path in paths(place.batch, place.size).items():
            shots = [request("GET", path, token=place.token)]
            measured = _told(place.size, name, fire(port, shots, connections=connections, seconds=scale.seconds))
            if measured.refused:
                raise SystemExit(f"{name}: {measured.statuses}")
            found[name] = (measured, grounds.get(name, Measured(0, 0, 0)))
    return found


def _print_lists(scale: Scale, found: dict[int, dict[str, tuple[Measured, Measured]]]) -> None:
    few, many = scale.sizes
    print("\nLists of 50 jobs, requests a second, one worker, four connections\n")
    print_columns(
        ["", f"{few:,}", f"{many:,}", "ratio", "p50 ms", "p99 ms", "floor / ours"],
        [
            [
                name,
                f"{small.rate:.0f}",
                f"{found[many][name][0].rate:.0f}",
                _ratio(small.rate, found[many][name][0].rate),
                f"{found[many][name][0].p50:.1f}",
                f"{found[many][name][0].p99:.1f}",
                f"{found[many][name][1].rate / found[many][name][0].rate:.2f}" if found[many][name][1].rate else "-",
            ]
            for name, (small, _) in found[few].items()
        ],
    )


def _told(size: int, name: str, measured: Measured) -> Measured:
    _say(f"{size:>9,}  {name}: {measured.rate:.0f} a second, {measured.statuses or ''}")
    return measured


def _say(what: str) -> None:
    print(what, file=sys.stderr, flush=True)
