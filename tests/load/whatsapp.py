"""WhatsApp: how many webhooks are acknowledged a second, and lists, search and statistics as messages grow.

The floor of the acknowledgement is a view in the same server that only inserts the body, without signature, middleware
or waking a worker. Both are measured in turns, in one run.
"""

import argparse
import os
import sys
import urllib.error
import urllib.request
from typing import Any

import psycopg
from django.core.management import call_command
from rest_framework_simplejwt.tokens import RefreshToken

from tests.load.data import people
from tests.load.generator import Measured, fire, request
from tests.load.processes import DurablePostgres, create_database, environment_of, our_service, settle
from tests.load.report import print_columns
from tests.load.sizes import Timed, _first_answer, _ratio, _use
from tests.whatsapp.payloads import SECRET, a_request, status, text_message
from whatsapp.receiving.signature import sign

WEBHOOK = "/api/v1/whatsapp/webhook"
SIZES = (2_000, 2_000_000)
MESSAGES_A_THREAD = 40
# One in a thousand messages says it, and one in three; the number is that of one thread.
RARE_WORD, COMMON_WORD = "empadronamiento", "consulta"
ROUNDS = 3


def run(postgres: DurablePostgres, options: argparse.Namespace) -> None:
    _acknowledgements(postgres, options)
    _growth(postgres, options)


# --- Acknowledgements -------------------------------------------------------------------------


def _acknowledgements(postgres: DurablePostgres, options: argparse.Namespace) -> None:
    environment = environment_of(os.environ["DATABASE_URL"], os.environ["REDIS_URL"])
    environment |= {"WHATSAPP_APP_SECRET": SECRET, "WHATSAPP_VERIFY_TOKEN": "medida"}
    call_command("migrate", verbosity=0)
    with psycopg.connect(environment["DATABASE_URL"], autocommit=True) as connection:
        connection.execute("CREATE TABLE bare_body (id bigserial PRIMARY KEY, body bytea NOT NULL)")
    small = [a_request(text_message(f"mensaje {number}")) for number in range(200)]
    large = [a_request(*(text_message("hola " * 20) for _ in range(100)), statuses=[status("wamid.X")])]
    lines = []
    for name, bodies in (("one message", small), ("a batch of 100", large)):
        ours, floor = _in_turns(environment, bodies, options)
        lines.append(
            [
                f"{name} ({len(bodies[0]):,} bytes)",
                f"{ours.rate:.0f}",
                f"{ours.p50:.1f}",
                f"{ours.p99:.1f}",
                f"{floor.rate:.0f}",
                f"{floor.p99:.1f}",
                f"{ours.rate / floor.rate:.2f}",
                str(ours.refused + floor.refused),
            ]
        )
    print("\nAcknowledged webhooks a second, one worker: signature, raw row, worker woken\n")
    print_columns(["", "ours", "p50 ms", "p99 ms", "bare insert", "p99 ms", "ours / bare", "refused"], lines)


def _in_turns(
    environment: dict[str, str], bodies: list[bytes], options: argparse.Namespace
) -> tuple[Measured, Measured]:
    signed = [_post(WEBHOOK, body, {"X-Hub-Signature-256": f"sha256={sign(body, SECRET)}"}) for body in bodies]
    plain = [_post("/bare", body, {}) for body in bodies]
    found: dict[str, list[Measured]] = {"ours": [], "bare": []}
    bare = {**environment, "DJANGO_SETTINGS_MODULE": "tests.load.bare_settings"}
    for _ in range(ROUNDS):
        for name, surroundings, shots in (("ours", environment, signed), ("bare", bare, plain)):
            settle(environment["DATABASE_URL"])
            with our_service(surroundings) as port:
                measured = fire(port, shots, connections=options.connections, seconds=options.seconds)
            print(f"{name}: {measured.rate:.0f} a second, {measured.statuses}", file=sys.stderr, flush=True)
            found[name].append(measured)
    return tuple(sorted(rows, key=lambda one: one.rate)[ROUNDS // 2] for rows in found.values())  # type: ignore[return-value]


def _post(path: str, body: bytes, headers: dict[str, str]) -> bytes:
    lines = [f"POST {path} HTTP/1.1", "Host: 127.0.0.1", "Content-Type: application/json"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, f"Content-Length: {len(body)}"]).encode() + b"\r\n\r\n" + body


# --- Growth -----------------------------------------------------------------------------------


def paths(size: int) -> dict[str, str]:
    base = "/api/v1/conversaciones-whatsapp"
    return {
        "list, first page": base,
        "list, received only": f"{base}?direccion=INBOUND",
        "list, without contact": f"{base}?sin_cliente=true",
        "list, one day": f"{base}?desde=2026-03-01T00:00:00Z&hasta=2026-03-02T00:00:00Z",
        "list, typed digits": f"{base}?from_number=51900000007",
        "messages of a number": f"{base}/numero/51900000007",
        "search, a word of one in 1000": f"{base}?q={RARE_WORD}",
        "search, a word of one in 3": f"{base}?q={COMMON_WORD}",
        "statistics": f"{base}/estadisticas",
        "page in the middle": f"{base}?per_page=20&page={size // 40}",
    }


def _growth(postgres: DurablePostgres, options: argparse.Namespace) -> None:
    sizes = [options.rows, *SIZES[1:]] if options.rows < SIZES[0] else list(SIZES)
    found = {size: _measure(postgres, size, options) for size in sizes}
    smallest, largest = sizes[0], sizes[-1]
    print("\nOne worker, as messages grow (a ratio of 1 means that size does not matter)\n")
    print_columns(
        ["requests a second", f"{smallest:,}", f"{largest:,}", "ratio", "first ms", "p99 ms"],
        [
            [
                name,
                f"{found[smallest][name].steady.rate:.0f}",
                f"{found[largest][name].steady.rate:.0f}",
                _ratio(found[smallest][name].steady.rate, found[largest][name].steady.rate),
                f"{found[largest][name].first:.0f}",
                f"{found[largest][name].steady.p99:.1f}",
            ]
            for name in paths(smallest)
        ],
    )


def _measure(postgres: DurablePostgres, size: int, options: argparse.Namespace) -> dict[str, Timed]:
    environment = environment_of(create_database(postgres, f"messages_{size}"), os.environ["REDIS_URL"])
    _use(environment["DATABASE_URL"])
    call_command("migrate", verbosity=0)
    administrator, _ = people()
    fill(environment["DATABASE_URL"], size)
    token = str(RefreshToken.for_user(administrator).access_token)
    results = {}
    with our_service(environment) as port:
        for name, path in paths(size).items():
            first = _first_answer(port, path, token)
            shots = [request("GET", path, token=token)]
            steady = fire(port, shots, connections=options.connections, seconds=options.seconds)
            print(f"{size:>9,}  {name}: {first:.0f} ms, then {steady.rate:.0f} a second", file=sys.stderr, flush=True)
            if steady.refused:
                raise SystemExit(f"{name}: {steady.statuses} {_body(port, path, token)}")
            results[name] = Timed(first, steady)
    return results


def _body(port: int, path: str, token: str) -> str:
    asked = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers={"Authorization": f"Bearer {token}"})
    try:
        return str(urllib.request.urlopen(asked, timeout=60).read()[:500])
    except urllib.error.HTTPError as error:
        return str(error.read()[:500])


def fill(database_url: str, size: int) -> None:
    """`size` messages of a year in threads of forty, a tenth of the threads with a contact, and their hourly counts."""
    threads = max(size // MESSAGES_A_THREAD, 1)
    with psycopg.connect(database_url, autocommit=True) as connection:
        for statement in _STATEMENTS:
            _execute(connection, statement, {"size": size, "threads": threads})
        connection.execute("VACUUM ANALYZE")


def _execute(connection: psycopg.Connection[Any], statement: str, values: dict[str, int]) -> None:
    for name, value in values.items():
        statement = statement.replace(f":{name}", str(value))
    connection.execute(statement)


_WORDS = (
    f"ARRAY['hola {COMMON_WORD}', 'buenas tardes', 'quiero informacion', 'gracias {COMMON_WORD}', 'cuando abren',"
    f" 'precio del lote', '{COMMON_WORD} por la cita', 'confirmo la visita', 'envie los documentos']"
)
_STATEMENTS = (
    """INSERT INTO whatsapp_businessnumber (phone_number_id, display_number, created_at)
       VALUES ('105500001', '15550783881', now())""",
    """INSERT INTO crm_contact (id, name, mobile, created_at, updated_at, custom_fields, initial_contact_completed,
         is_deleted, name_in_order, search_words)
       SELECT md5('contact' || n)::uuid, 'Cliente ' || n, '+51' || (900000000 + n), now(), now(), '{}', false, false,
         'cliente ' || n, 'cliente ' || n FROM generate_series(1, GREATEST(:threads / 10, 1)) n""",
    """INSERT INTO whatsapp_thread (number_id, contact_id, link_state, address, profile_name, username, unread,
         last_preview, last_direction, silence, search_words, last_message_at, created_at, updated_at)
       SELECT 1, CASE WHEN n % 10 = 0 THEN md5('contact' || n / 10)::uuid END,
         CASE WHEN n % 10 = 0 THEN 'linked' ELSE 'unknown' END, '51' || (900000000 + n), 'Persona ' || n, '', 0, 'hola',
         'INBOUND', '', 'persona ' || n, timestamptz '2026-11-01' - (n || ' minutes')::interval, now(), now()
       FROM generate_series(1, :threads) n""",
    """INSERT INTO whatsapp_alias (number_id, thread_id, kind, value, digits, first_seen_at)
       SELECT 1, id, kind, address, (SELECT string_agg(substr(address, s), ' ') FROM generate_series(1, 8) s), now()
       FROM whatsapp_thread, (VALUES ('wa_id'), ('phone')) k(kind)""",
    f"""INSERT INTO conversaciones_whatsapp (message_id, key, thread_id, from_number, to_number, message_type, body,
         timestamp, direccion, cliente_id, procesado, respuesta_enviada, creado_en, actualizado_en, author, about,
         content, status, status_rank, search_words)
       SELECT 'wamid.' || n, md5('m' || n)::uuid, t.id, CASE WHEN n % 3 = 0 THEN '105500001' ELSE t.address END,
         CASE WHEN n % 3 = 0 THEN t.address ELSE '105500001' END, 'text', words,
         timestamptz '2026-11-01' - (n::float / :size) * interval '365 days',
         CASE WHEN n % 3 = 0 THEN 'OUTBOUND' ELSE 'INBOUND' END, t.contact_id, true, n % 3 = 0, now(), now(),
         CASE WHEN n % 3 = 0 THEN 'user' ELSE 'contact' END, '', '{{}}',
         CASE WHEN n % 3 = 0 THEN 'read' ELSE 'received' END, 0, words
       FROM generate_series(1, :size) n
       JOIN whatsapp_thread t ON t.id = 1 + n % :threads,
       LATERAL (SELECT ({_WORDS})[1 + (n::bigint * 7919) % 9]
         || CASE WHEN n % 1000 = 0 THEN ' {RARE_WORD}' ELSE '' END) w(words)""",
    """INSERT INTO whatsapp_messagecount (at, is_day, shard, inbound, outbound, linked, answered)
       SELECT date_trunc('day', timestamp AT TIME ZONE 'UTC') AT TIME ZONE 'UTC', true, 0,
         count(*) FILTER (WHERE direccion = 'INBOUND'),
         count(*) FILTER (WHERE direccion = 'OUTBOUND'), count(cliente_id), count(*) FILTER (WHERE respuesta_enviada)
       FROM conversaciones_whatsapp GROUP BY 1""",
)
