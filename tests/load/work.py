"""What people do all day, per worker, beside the floor and the reference."""

import argparse
import os
import random
from datetime import timedelta
from uuid import UUID

from django.core.management import call_command
from rest_framework_simplejwt.tokens import RefreshToken

from tests.load import floor
from tests.load.data import NOW, fill, people, row_id
from tests.load.generator import Measured, fire, request
from tests.load.processes import DurablePostgres, create_database, our_service, reference_service, settle
from tests.load.report import Row, print_table

BULK = "bulk-assign of 100"
KEYED = "bulk, with a key"
LIST = "list, first page of 50"


def run(postgres: DurablePostgres, options: argparse.Namespace) -> None:
    call_command("migrate", verbosity=0)
    administrator, agent = people()
    fill(options.rows, agent)
    token = str(RefreshToken.for_user(administrator).access_token)
    dice = random.Random(7)
    bulks = [[row_id(2, n) for n in dice.sample(range(1, options.rows + 1), 100)] for _ in range(400)]
    singles = [[row_id(2, n)] for n in dice.sample(range(1, options.rows + 1), 2000)]

    def bulk_assign(ids: list[UUID], **headers: str) -> bytes:
        body = {"opportunity_ids": [str(i) for i in ids], "assigned_to_id": str(agent.pk)}
        return request("POST", "/api/crm/opportunities/bulk-assign", token=token, body=body, **headers)

    requests = {
        BULK: [bulk_assign(ids) for ids in bulks],
        # A key of its own for each: a key that comes again is answered without doing anything.
        KEYED: [bulk_assign(ids, Idempotency_Key=f"carga-{n}") for n, ids in enumerate(bulks * 20)],
        "single assign": [
            request("POST", f"/api/crm/opportunities/{i}/assign", token=token, body={"assigned_to_id": str(agent.pk)})
            for [i] in singles
        ],
        "call with task": [
            request("POST", "/api/crm/calls", token=token, body=_call(n, options.rows, str(administrator.pk)))
            for n in range(20_000)
        ],
        LIST: [request("GET", "/api/crm/opportunities?status=pending&page=1&limit=50", token=token)],
    }  # fmt: skip
    floors = {
        BULK: floor.assigning(administrator, agent, bulks, "bulk"),
        KEYED: floor.assigning(administrator, agent, bulks, "bulk"),
        "single assign": floor.assigning(administrator, agent, singles, "single"),
        "call with task": floor.calling(administrator, options.rows),
        LIST: floor.listing(administrator),
    }
    ours: dict[str, Measured] = {}
    with our_service(dict(os.environ)) as port:
        for name, shots in requests.items():
            settle(os.environ["DATABASE_URL"])
            ours[name] = fire(port, shots, connections=options.connections, seconds=options.seconds)
        one_by_one = fire(port, requests["single assign"], connections=1, seconds=options.seconds)
        all_at_once = fire(port, requests[BULK], connections=1, seconds=options.seconds)
    theirs = _reference(postgres, options) if options.reference else {}
    database_url = os.environ["DATABASE_URL"]
    grounds = {}
    for name, work in floors.items():
        settle(database_url)
        grounds[name] = floor.measure(database_url, work, seconds=options.seconds)

    print_table(
        "Per worker, requests a second",
        [Row(name, ours[name], grounds[name], theirs.get(name)) for name in requests],
    )
    print(
        f"\n100 opportunities, one client: {all_at_once.p50:.1f} ms in one request,"
        f" {100 * one_by_one.p50:.0f} ms in 100: {100 * one_by_one.p50 / all_at_once.p50:.0f} times faster\n"
    )


def _call(number: int, contacts: int, responsible: str) -> dict[str, object]:
    return {
        "entity_type": "contacts",
        "entity_id": str(row_id(1, 1 + number % contacts)),
        "direction": "outbound",
        "phone": "+51900000001",
        "call_status": "completed",
        "started_at": NOW.isoformat(),
        "proxima_llamada_fecha": (NOW + timedelta(days=30, seconds=number)).isoformat(),
        "responsible_user_id": responsible,
    }


def _reference(postgres: DurablePostgres, options: argparse.Namespace) -> dict[str, Measured]:
    database_url = create_database(postgres, "reference")
    with reference_service(options.reference, options.reference_python, database_url, rows=options.rows) as (
        port,
        known,
    ):
        ids, token, agent = known["opportunities"], known["token"], known["agent"]
        dice = random.Random(7)
        call = {**_call(1, 1, agent), "entity_id": known["contact"]}
        requests = {
            BULK: [
                request(
                    "POST", "/api/crm/opportunities/bulk-assign", token=token,
                    body={"opportunity_ids": dice.sample(ids, 100), "assigned_to_id": agent},
                )
                for _ in range(400)
            ],
            "single assign": [
                request("POST", f"/api/crm/opportunities/{i}/assign", token=token, body={"assigned_to_id": agent})
                for i in ids
            ],
            "call with task": [request("POST", "/api/crm/calls", token=token, body=call)],
            LIST: [request("GET", "/api/v1/jobs?status=pending&limit=50", token=token)],
        }  # fmt: skip
        measured = {}
        for name, shots in requests.items():
            settle(database_url)
            measured[name] = fire(port, shots, connections=options.connections, seconds=options.seconds)
        return {**measured, KEYED: measured[BULK]}  # it knows no keys
