"""Lists, deep pages and searches as the tables grow."""

import argparse
import os

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
    found: dict[int, list[Measured]] = {}
    for size in options.sizes:
        found[size] = _measure(postgres, size, options)
    smallest = options.sizes[0]
    names = [name.split(" (skip")[0] for name in paths(smallest)]
    head = [
        "requests a second",
        *(f"{size:,}" for size in options.sizes),
        *(f"{smallest:,} / {size:,}" for size in options.sizes[1:]),
    ]
    lines = [
        [
            name,
            *(f"{found[size][position].rate:.0f}" for size in options.sizes),
            *(f"{found[smallest][position].rate / found[size][position].rate:.2f}" for size in options.sizes[1:]),
        ]
        for position, name in enumerate(names)
    ]
    print("\nOne worker, as the tables grow (a ratio of 1 means that size does not matter)\n")
    print_columns(head, lines)


def _measure(postgres: DurablePostgres, size: int, options: argparse.Namespace) -> list[Measured]:
    environment = environment_of(create_database(postgres, f"rows_{size}"), os.environ["REDIS_URL"])
    _use(environment["DATABASE_URL"])
    call_command("migrate", verbosity=0)
    administrator, agent = people()
    fill(size, agent)
    token = str(RefreshToken.for_user(administrator).access_token)
    with our_service(environment) as port:
        results = [
            fire(
                port,
                [request("GET", path, token=token)],
                connections=options.connections,
                seconds=options.seconds,
            )
            for path in paths(size).values()
        ]
    for name, result in zip(paths(size), results, strict=True):
        if result.refused:
            raise SystemExit(f"{name}: {result.statuses}")
    return results


def _use(database_url: str) -> None:
    """Point this process's models at another database."""
    connection = connections["default"]
    connection.close()
    connection.settings_dict["NAME"] = database_url.rsplit("/", 1)[1]
