"""`manage.py serve`, in processes of its own (contract sections 7 and 8, design "Two commands")."""

import logging
import re
import signal
import socket
import sqlite3
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import requests
from django.core.management import call_command
from django.test import Client

from config import process
from config.celery import app as celery_app
from config.env import ENV
from config.management.commands.serve import Command
from tests.servers import PostgresServer, RedisServer
from tests.serving import PROJECT, FirstStart, Serve, answer_of

A_KEY = "a-key-of-these-tests-that-is-long-enough"


# --- The demonstration ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def demonstration(first_start: FirstStart, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serve]:
    """Started with nothing but a folder and a port, from another folder than the project's."""
    folder = first_start.copy_to(tmp_path_factory.mktemp("otra carpeta con espacios"))
    with Serve(folder, where=folder) as serve:
        yield serve


@pytest.fixture
def loaded(first_start: FirstStart, tmp_path: Path) -> Path:
    """A folder that has the demonstration's data."""
    return first_start.copy_to(tmp_path)


def test_the_ready_message_names_address_accounts_first_steps_and_documentation(
    first_start: FirstStart, demonstration: Serve
) -> None:
    demonstration.wait_until_it_says("Ctrl-C")
    assert f"Puente CRM está listo en {demonstration.url}\n" in demonstration.output
    assert f"{demonstration.url}/api/docs/" in demonstration.output
    for said in (first_start.output, demonstration.output):
        assert re.search(r"Puente CRM está listo en http://127\.0\.0\.1:\d+", said)
        assert re.search(r"http://127\.0\.0\.1:\d+/api/docs/", said)
        for account in ("admin@puente.test", "abogada@puente.test", "agente1@puente.test", "demo-puente"):
            assert account in said
        assert [f"    {step}." in said for step in (1, 2, 3)] == [True, True, True]


def test_what_the_ready_message_names_is_there(demonstration: Serve) -> None:
    assert answer_of(f"{demonstration.url}/").headers["Location"] == "/admin/"
    assert answer_of(f"{demonstration.url}/admin/login/").status_code == 200
    assert answer_of(f"{demonstration.url}/api/docs/").status_code == 200
    for account in ("admin", "abogada", "agente1", "agente5"):
        assert demonstration.sign_in(f"{account}@puente.test", "demo-puente").status_code == 200


def test_the_accounts_of_the_demonstration_enter_the_staff_pages(demonstration: Serve) -> None:
    from requests import Session

    with Session() as browser:
        login = f"{demonstration.url}/admin/login/?next=/admin/"
        browser.get(login, timeout=10)
        entry = {"username": "agente1@puente.test", "password": "demo-puente"}
        done = browser.post(login, {**entry, "csrfmiddlewaretoken": browser.cookies["csrftoken"]}, timeout=10)
        assert done.url == f"{demonstration.url}/admin/"
        assert done.status_code == 200


@pytest.mark.parametrize("path", ["/health", "/api/v1/jobs", "/admin/login/", "/static/jobs/live.js"])
def test_the_answer_to_head_has_no_body(demonstration: Serve, path: str) -> None:
    """On a connection that stays open the next answer would begin with it."""
    with socket.create_connection(("127.0.0.1", int(demonstration.environment["PORT"])), timeout=10) as line:
        line.sendall(f"HEAD {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode())
        told = b"".join(iter(lambda: line.recv(65536), b""))
    head, _, body = told.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 ")
    assert body == b""


def test_health_answers_again_and_again_and_ready_knows_the_worker(demonstration: Serve) -> None:
    ready = answer_of(f"{demonstration.url}/health/ready")
    assert ready.status_code == 200, ready.text
    assert {ready.json()[part] for part in ("database", "broker", "worker")} == {"ok"}
    for _ in range(10):
        assert answer_of(f"{demonstration.url}/health").ok


def test_a_demonstration_on_loopback_warns_of_nothing(first_start: FirstStart, demonstration: Serve) -> None:
    for said in (first_start.output, demonstration.output):
        assert "Atención" not in said
        assert "WARNING" not in said
        assert "Warning" not in said


def test_everything_it_writes_lies_in_its_folder(first_start: FirstStart, demonstration: Serve) -> None:
    assert (demonstration.data / "puente.sqlite3").exists()
    for folder in (PROJECT, first_start.folder, demonstration.folder):
        assert not list(folder.glob("celerybeat*"))


def test_a_second_start_neither_migrates_nor_loads_and_changes_no_data(first_start: FirstStart, loaded: Path) -> None:
    serve = Serve(loaded)
    before = rows_of(serve)
    with serve:
        serve.wait_until_it_says("Ctrl-C")
        serve.stop()
        assert rows_of(serve) == before
        assert len(before["crm_contact"]) == 300
    assert first_start.output.count("Cargando los datos de demostración") == 1
    for word in ("Preparando la base de datos", "Cargando los datos de demostración"):
        assert word in first_start.output
        assert word not in serve.output


def test_it_stops_at_once_and_cleanly_and_can_be_started_again(loaded: Path) -> None:
    with Serve(loaded) as serve:
        for number in (signal.SIGINT, signal.SIGTERM):
            code, seconds = serve.stop(number)
            assert code == 0
            assert seconds < 5  # two seconds at most on a quiet machine
            assert "Traceback" not in serve.output
            serve.start()  # the port is free again at once


def test_a_busy_port_ends_it_with_one_line_before_anything_else(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])
        code, said = Serve(tmp_path, PORT=port).refuse()
    assert code == 1
    assert said.startswith(f"No se puede escuchar en 127.0.0.1:{port}")
    assert said.count("\n") == 1
    assert not (tmp_path / "data" / "puente.sqlite3").exists()


@pytest.mark.parametrize(("host", "port"), [("127.0.0.1", 99_999), ("no.such.name.invalid", 8000)])
def test_an_impossible_address_ends_it_with_a_reason(monkeypatch: pytest.MonkeyPatch, host: str, port: int) -> None:
    monkeypatch.setattr("config.management.commands.serve.ENV", replace(ENV, host=host, port=port))
    monkeypatch.setattr(process, "stop_on_signals", lambda: None)
    said = StringIO()
    with pytest.raises(SystemExit) as end:
        call_command("serve", stderr=said)
    assert end.value.code == 1
    assert f"No se puede escuchar en {host}:{port}" in said.getvalue()


@pytest.mark.parametrize(
    ("environment", "sentence"),
    [
        ({"PORT": "ocho mil"}, "PORT must be a whole number, not 'ocho mil'."),
        ({"CRM_AGENT_SCOPE": "mine"}, "CRM_AGENT_SCOPE must be 'open' or 'own'."),
    ],
)
def test_an_impossible_setting_ends_it_with_a_reason(
    tmp_path: Path, environment: dict[str, str], sentence: str
) -> None:
    code, said = Serve(tmp_path, **environment).refuse()
    assert code == 1
    assert sentence in said


def test_a_folder_that_cannot_be_written_ends_it_with_a_reason(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    code, said = Serve(tmp_path, DATA_DIR=str(tmp_path / "file" / "data")).refuse()
    assert code == 1
    assert "Elija otra carpeta con DATA_DIR" in said
    assert "Traceback" not in said


def test_a_demonstration_open_to_the_network_says_so_and_answers_by_any_name(loaded: Path) -> None:
    with Serve(loaded, HOST="0.0.0.0") as serve:
        serve.wait_until_it_says("Atención: la demostración, con contraseñas públicas, está abierta a la red")
        assert answer_of(f"{serve.url}/health", headers={"Host": "crm.oficina.lan"}).status_code == 200


def test_help_tells_what_it_does() -> None:
    told = Command().create_parser("manage.py", "serve").format_help()
    for word in ("DATABASE_URL", "REDIS_URL", "HOST", "PORT", "DATA_DIR", "Ctrl-C"):
        assert word in told


def rows_of(serve: Serve) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table."""
    with sqlite3.connect(serve.data / "puente.sqlite3") as database:
        tables = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {name: sorted(database.execute(f'SELECT * FROM "{name}"'), key=repr) for name in tables}


# --- A deployment -----------------------------------------------------------------------------


def test_a_deployment_that_lacks_something_is_told_all_of_it(tmp_path: Path) -> None:
    code, said = Serve(tmp_path, DATABASE_URL="postgres://nobody@127.0.0.1:1/nothing").refuse()
    assert code == 1
    for name in ("SECRET_KEY", "ALLOWED_HOSTS", "REDIS_URL"):
        assert f"  - {name} is missing." in said
    assert "Traceback" not in said


def test_a_database_that_does_not_answer_ends_it_with_a_reason(tmp_path: Path) -> None:
    serve = Serve(
        tmp_path,
        DATABASE_URL="postgres://nobody@127.0.0.1:1/nothing",
        REDIS_URL="redis://127.0.0.1:1/0",
        SECRET_KEY=A_KEY,
        ALLOWED_HOSTS="127.0.0.1",
    )
    code, said = serve.refuse()
    assert code == 1
    assert "La base de datos no responde" in said
    assert "Traceback" not in said


@dataclass(frozen=True)
class Installation:
    """Two that were started at once on an empty database, and what each answered then."""

    both: list[Serve]
    answers: list[int]


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    with PostgresServer() as postgres, RedisServer() as redis, ExitStack() as running:
        deployment = {
            "DATABASE_URL": postgres.url,
            "REDIS_URL": redis.url,
            "SECRET_KEY": A_KEY,
            "ALLOWED_HOSTS": "127.0.0.1",
        }
        both = [Serve(tmp_path_factory.mktemp(name), **deployment) for name in ("one", "two")]
        starting = [threading.Thread(target=running.enter_context, args=(serve,)) for serve in both]
        for thread in starting:
            thread.start()
        for thread in starting:
            thread.join()
        yield Installation(both, [answer_of(f"{serve.url}/health").status_code for serve in both])


def test_two_that_start_at_once_on_an_empty_database_both_come_up(installation: Installation) -> None:
    assert installation.answers == [200, 200]


def test_with_postgresql_and_redis_it_is_the_same_product_without_invented_data(installation: Installation) -> None:
    for serve in installation.both:
        serve.wait_until_it_says("manage.py createsuperuser")
        assert "demo-puente" not in serve.output
        assert serve.sign_in("admin@puente.test", "demo-puente").status_code == 401
    serve = installation.both[0]
    assert serve.run("load_demo").returncode == 1
    created = serve.run(
        "createsuperuser",
        "--noinput",
        "--email",
        "jefa@oficina.test",
        DJANGO_SUPERUSER_PASSWORD="una-clave-larga-9",
    )
    assert created.returncode == 0, created.stderr
    signed_in = serve.sign_in("jefa@oficina.test", "una-clave-larga-9")
    assert signed_in.status_code == 200
    bearer = {"Authorization": f"Bearer {signed_in.json()['access_token']}"}
    assert answer_of(f"{serve.url}/api/crm/contacts", headers=bearer).json()["total"] == 0
    assert wait_for(lambda: answer_of(f"{serve.url}/health/ready").status_code == 200)
    code, seconds = serve.stop(signal.SIGTERM)
    assert code == 0
    assert seconds < 5
    assert not (serve.data / "puente.sqlite3").exists()


# --- Worker and clock -------------------------------------------------------------------------


@pytest.mark.parametrize("scene", ["does_what_is_queued", "does_not_wait_for_a_long_task", "starts_again"])
def test_in_the_demonstration_the_background(scene: str, tmp_path: Path) -> None:
    assert_as_it_should(Serve(tmp_path).play("tests.config.background_program", scene))


def test_on_redis_the_background_does_what_is_queued(tmp_path: Path, own_redis: RedisServer) -> None:
    on_redis = Serve(tmp_path, REDIS_URL=own_redis.url)
    assert_as_it_should(on_redis.play("tests.config.background_program", "does_what_is_queued"))


def assert_as_it_should(done: subprocess.CompletedProcess[str]) -> None:
    assert done.returncode == 0, done.stderr
    assert done.stdout == "as it should\n"


@pytest.mark.django_db
def test_a_worker_that_crashes_is_logged_and_reported_and_tried_again(
    settings: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    settings.DEMONSTRATION = True
    background = process.Background(celery_app)
    monkeypatch.setattr(process, "_background", background)
    monkeypatch.setattr(process, "SECONDS_TO_RESTART", 0.5)
    starts = threading.Semaphore(0)

    def crash(**options: object) -> None:
        starts.release()
        raise MemoryError("no room for one more")

    monkeypatch.setattr(celery_app, "WorkController", crash)
    monkeypatch.setattr(background, "_run_clock", lambda: None)
    with caplog.at_level(logging.CRITICAL, logger="puente.process"):
        background.start()
        assert starts.acquire(timeout=20)
        assert wait_for(lambda: Client().get("/health/ready").status_code == 503)
        assert Client().get("/health").status_code == 200
        assert starts.acquire(timeout=20)  # a second try
    assert not background.is_running
    background.stop(seconds=5)
    assert "The worker has ended by itself" in caplog.text


@pytest.mark.django_db
def test_without_a_worker_the_demonstration_is_not_ready(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.DEMONSTRATION = True
    monkeypatch.setattr(process, "_background", None)
    assert Client().get("/health/ready").json()["worker"] == "error"


def test_the_worker_knows_every_task_of_the_schedule() -> None:
    celery_app.loader.import_default_modules()
    scheduled = {entry["task"] for entry in celery_app.conf.beat_schedule.values()}
    assert scheduled <= set(celery_app.tasks)


@pytest.mark.parametrize(("trusted", "believed"), [(0, False), (1, True)])
def test_a_forwarded_address_is_believed_only_behind_a_trusted_proxy(trusted: int, believed: bool) -> None:
    seen: list[str | None] = []

    def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        seen.append(environ.get("HTTP_X_FORWARDED_FOR"))
        start_response("200 OK", [])
        return [b""]

    holder = process.reserve_address("127.0.0.1", 0)
    url = process.url_of(holder)
    server = process.web_server(application, holder, trusted_proxies=trusted, largest_body=1000)
    threading.Thread(target=server.run, daemon=True).start()
    answer_of(url, headers={"X-Forwarded-For": "203.0.113.9"})
    assert seen == ["203.0.113.9" if believed else None]


def test_what_is_too_large_for_the_server_is_refused_in_the_shape_of_all_errors() -> None:
    holder = process.reserve_address("127.0.0.1", 0)
    url = process.url_of(holder)
    server = process.web_server(lambda *call: [b""], holder, trusted_proxies=0, largest_body=1000)
    threading.Thread(target=server.run, daemon=True).start()
    answer = requests.post(url, data=b"x" * 2000, timeout=10)
    sentence = "La petición es demasiado grande."
    assert (answer.status_code, answer.headers["Content-Type"]) == (413, "application/json")
    assert answer.json() == {"detail": sentence, "message": sentence, "code": "demasiado_grande"}


@pytest.mark.parametrize(
    ("host", "url", "outside"),
    [
        ("127.0.0.1", "http://127.0.0.1:", False),
        ("localhost", "http://127.0.0.1:", False),
        ("0.0.0.0", "http://127.0.0.1:", True),
    ],
)
def test_an_address_is_told_as_a_browser_reaches_it(host: str, url: str, outside: bool) -> None:
    with process.reserve_address(host, 0) as holder:
        assert process.url_of(holder).startswith(url)
        assert process.is_reachable_from_outside(holder) is outside


def wait_for(condition: Callable[[], bool], seconds: float = 20) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.05)
    return condition()
