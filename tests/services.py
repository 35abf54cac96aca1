"""The pytest plugin that gives every test run a real PostgreSQL and a real Redis.

`pyproject.toml` loads it with `-p tests.services`: a hook in `conftest.py` would run after pytest-django
has read the settings. Each service comes from the first of these that is there:

1. `DATABASE_URL` or `REDIS_URL` of the environment: any user who may create databases, and a Redis
   whose databases the tests may empty;
2. the programs on `PATH` and in the usual folders of PostgreSQL packages;
3. the programs inside the wheels of `requirements-dev.txt`.

Otherwise the run ends with one line that says what to install; nothing passes by being skipped.
`PUENTE_TEST_ENGINE=sqlite` runs on SQLite with no service at all.

A test that stops, crashes and restarts a server takes its own: `own_postgres`, `own_redis`.
"""

import os
import re
from collections.abc import Generator, Iterator, MutableMapping
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import redis

from tests.servers import PostgresServer, RedisServer, find_postgresql, find_redis, what_to_install

# The whole surroundings of a test: every other variable the product knows is emptied.
TEST_ENVIRONMENT = {
    "SECRET_KEY": "only-for-tests-and-long-enough-to-be-accepted",
    "ALLOWED_HOSTS": "testserver,localhost,127.0.0.1",
}
# Eight workers with a race of twenty threads each fit into the server's connections.
MOST_WORKERS = 8
RUNS_ON = pytest.StashKey[list[str]]()
READING_OF_A_VARIABLE = re.compile(r'_(?:text|words|numbers?|switch)\("([A-Z_]+)"')
ENVIRONMENT_READER = Path(__file__).resolve().parent.parent / "config" / "env.py"


@pytest.hookimpl(wrapper=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Generator[None, object, object]:
    """Before pytest-django reads the settings: bring the services and say where they are."""
    options = early_config.known_args_namespace
    if not (options.help or options.version):
        services = ExitStack()
        early_config.add_cleanup(services.close)
        early_config.stash[RUNS_ON] = _prepare_environment(os.environ, services)
    return (yield)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """`-n auto`: one worker a core, two at least so that every run is a parallel one."""
    return min(max(os.cpu_count() or 2, 2), MOST_WORKERS)


def pytest_report_header(config: pytest.Config) -> str:
    """What this run really runs on."""
    runs_on = config.stash[RUNS_ON]
    return "services: " + ", ".join(runs_on)


@pytest.fixture
def own_postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL only for this test, to be stopped and started at will."""
    with PostgresServer() as server:
        yield server


@pytest.fixture
def own_redis() -> Iterator[RedisServer]:
    """A Redis only for this test, to be stopped and started at will."""
    with RedisServer() as server:
        yield server


def _prepare_environment(environment: MutableMapping[str, str], services: ExitStack) -> list[str]:
    """Workers inherit what the controller has set; only their Redis database is their own."""
    worker = environment.get("PYTEST_XDIST_WORKER", "")
    if worker:
        environment["REDIS_URL"] = redis_url_of_worker(environment["REDIS_URL"], worker)
        return []
    for name in known_variables() - {"DATABASE_URL", "REDIS_URL"}:
        environment[name] = TEST_ENVIRONMENT.get(name, "")
    match environment.get("PUENTE_TEST_ENGINE", "postgresql"):
        case "sqlite":
            environment["DATABASE_URL"] = environment["REDIS_URL"] = ""
            return ["SQLite", "broker in memory"]
        case "postgresql":
            return _bring_services(environment, services)
        case other:
            raise pytest.UsageError(f"PUENTE_TEST_ENGINE is '{other}': choose 'postgresql' or 'sqlite'.")


def known_variables() -> set[str]:
    """Every variable the product reads; an empty one means its default and wins over a `.env` file."""
    return set(READING_OF_A_VARIABLE.findall(ENVIRONMENT_READER.read_text()))


def _bring_services(environment: MutableMapping[str, str], services: ExitStack) -> list[str]:
    postgresql = None if environment.get("DATABASE_URL") else find_postgresql()
    redis_server = None if environment.get("REDIS_URL") else find_redis()
    lacks_postgresql = not (environment.get("DATABASE_URL") or postgresql)
    lacks_redis = not (environment.get("REDIS_URL") or redis_server)
    if lacks_postgresql or lacks_redis:
        raise pytest.UsageError(what_to_install(postgresql=lacks_postgresql, redis_server=lacks_redis))
    if postgresql:
        environment["DATABASE_URL"] = services.enter_context(PostgresServer(postgresql)).url
    if redis_server:
        environment["REDIS_URL"] = services.enter_context(RedisServer(redis_server)).url
    return [
        f"PostgreSQL of {postgresql}" if postgresql else "PostgreSQL of DATABASE_URL",
        f"Redis of {redis_server}" if redis_server else "Redis of REDIS_URL",
    ]


def redis_url_of_worker(url: str, worker: str) -> str:
    """The worker's own database of the same Redis: `gw2` on `redis://host/0` gets `redis://host/2`."""
    if not url:
        return url
    parts = urlsplit(url)
    number = int(parts.path.strip("/") or 0) + int(worker.removeprefix("gw"))
    own = parts._replace(path=f"/{number}").geturl()
    try:
        with redis.Redis.from_url(own) as client:
            client.ping()
    except redis.ResponseError:
        refusal = f"This Redis has no database {number}: use fewer workers or another Redis."
        raise pytest.UsageError(refusal) from None
    return own
