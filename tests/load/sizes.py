"""Lists, deep pages and searches as the tables grow."""

import argparse
import os
import sys
import time
import urllib.request
from typing import NamedTuple

from django.core.management import call_command
from django.db import connections
from rest_framework_simplejwt.tokens import RefreshToken

from tests.load.data import RARE_NAME, fill, people
from tests.load.generator import Measured, fire, request
from tests.load.processes import DurablePostgres, create_database, environment_of, our_service
from tests.load.report import print_columns


def paths(size: int) -> dict[str, str]:
    deep = size // 2
    return {
        "contacts, first page": "/api/crm/contacts?limit=50",
        "contacts, by name": "/api/crm/contacts?limit=50&sort_by=name&sort_order=asc",
        "opportunities, first page": "/api/crm/opportunities?limit=50",
        "opportunities, one status": "/api/crm/opportunities?limit=50&status=pending",
        "tasks, open": "/api/crm/tasks?limit=50&is_completed=false",
        "calls, first page": "/api/crm/calls?limit=50",
        "search, name of one in 1000": f"/api/crm/contacts?limit=50&search={RARE_NAME}%20qui",
        "search, name of one in 10": "/api/crm/contacts?limit=50&search=quispe",
        "search, phone": "/api/crm/contacts?limit=50&search=900000123",
        "search opportunities, phone": "/api/crm/opportunities?limit=50&search=900000123",
        f"contacts, page in the middle (skip {deep})": f"/api/crm/contacts?limit=50&skip={deep}",
        f"opportunities, page in the middle (skip {deep})": f"/api/crm/opportunities?limit=50&skip={deep}",
    }


def run(postgres: DurablePostgres, options: argparse.Namespace) -> None:
    smallest = options.sizes[0]
    found = {size: _measure(postgres, size, options) for size in options.sizes}
    names = [name.split(" (skip")[0] for name in paths(smallest)]
    sizes = [f"{size:,}" for size in options.sizes]
    print("\nOne worker, as the tables grow (a ratio of 1 means that size does not matter)\n")
    print_columns(
        ["requests a second", *sizes, *(f"{smallest:,} / {size}" for size in sizes[1:])],
        [
            [
                name,
                *(f"{found[size][at].steady.rate:.0f}" for size in options.sizes),
                *(_ratio(found[smallest][at].steady.rate, found[size][at].steady.rate) for size in options.sizes[1:]),
            ]
            for at, name in enumerate(names)
        ],
    )
    print("\nThe first time it is asked, in milliseconds: nothing remembered, pages cold\n")
    print_columns(
        ["first answer, ms", *sizes],
        [[name, *(f"{found[size][at].first:.0f}" for size in options.sizes)] for at, name in enumerate(names)],
    )


class Timed(NamedTuple):
    first: float
    steady: Measured


def _ratio(small: float, large: float) -> str:
    return f"{small / large:.2f}" if large else "no answer"


def _measure(postgres: DurablePostgres, size: int, options: argparse.Namespace) -> list[Timed]:
    environment = environment_of(create_database(postgres, f"rows_{size}"), os.environ["REDIS_URL"])
    _use(environment["DATABASE_URL"])
    call_command("migrate", verbosity=0)
    administrator, agent = people()
    fill(size, agent)
    token = str(RefreshToken.for_user(administrator).access_token)
    results = []
    with our_service(environment) as port:
        for name, path in paths(size).items():
            first = _first_answer(port, path, token)
            shots = [request("GET", path, token=token)]
            steady = fire(port, shots, connections=options.connections, seconds=options.seconds)
            print(f"{size:>9,}  {name}: {first:.0f} ms, then {steady.rate:.0f} a second", file=sys.stderr, flush=True)
            if steady.refused:
                raise SystemExit(f"{name}: {steady.statuses}")
            results.append(Timed(first, steady))
    return results


def _first_answer(port: int, path: str, token: str) -> float:
    asked = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers={"Authorization": f"Bearer {token}"})
    started = time.perf_counter()
    with urllib.request.urlopen(asked, timeout=120) as answer:
        answer.read()
    return (time.perf_counter() - started) * 1000


def _use(database_url: str) -> None:
    """Point this process's models at another database."""
    connection = connections["default"]
    connection.close()
    connection.settings_dict["NAME"] = database_url.rsplit("/", 1)[1]
