"""A receiver in a process of its own: stores each presence once, counts every request, and misbehaves by plan.

    python -m tests.chaos.sink PORT DATABASE_FILE

`GET /misbehave?rate=0.3` sets the share of requests that are answered 500, hang, are dropped or answered late;
`GET /counts` tells what was stored.
"""

import random
import sqlite3
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import orjson


class Store:
    """A presence is stored once, by its unique id; how often each message came is kept beside it."""

    def __init__(self, path: str) -> None:
        self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._lock = threading.Lock()
        self._connection.executescript(
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF;"
            "CREATE TABLE IF NOT EXISTS presence (id_presencia_crm TEXT PRIMARY KEY, message TEXT);"
            "CREATE TABLE IF NOT EXISTS request (message TEXT, id_presencia_crm TEXT, accepted INTEGER);"
        )

    def take(self, message: str, presence: str) -> None:
        with self._lock:
            self._connection.execute("INSERT OR IGNORE INTO presence VALUES (?, ?)", (presence, message))
            self._connection.execute("INSERT INTO request VALUES (?, ?, 1)", (message, presence))

    def refuse(self, message: str, presence: str) -> None:
        with self._lock:
            self._connection.execute("INSERT INTO request VALUES (?, ?, 0)", (message, presence))

    def counts(self) -> dict[str, object]:
        with self._lock:
            presences = [row[0] for row in self._connection.execute("SELECT id_presencia_crm FROM presence")]
            requests = self._connection.execute("SELECT count(*), sum(accepted) FROM request").fetchone()
            repeats = self._connection.execute(
                "SELECT count(*) FROM (SELECT 1 FROM request WHERE accepted GROUP BY message HAVING count(*) > 1)"
            ).fetchone()
        return {
            "presences": presences,
            "requests": requests[0],
            "accepted": requests[1] or 0,
            "accepted_again": repeats[0],
        }


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    store: Store
    rate = 0.0

    def do_GET(self) -> None:
        asked = urlsplit(self.path)
        if asked.path == "/misbehave":
            Handler.rate = float(parse_qs(asked.query)["rate"][0])
        self._answer(200, orjson.dumps(self.store.counts() if asked.path == "/counts" else {}))

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        message, presence = self.headers["webhook-id"], orjson.loads(body)["id_presencia_crm"]
        if random.random() < Handler.rate:  # noqa: S311  no secret
            self._misbehave(message, presence)
        else:
            self.store.take(message, presence)
            # Long enough that a killed worker is killed between the effect and its record.
            time.sleep(random.uniform(0, 0.2))  # noqa: S311
            self._answer(200, b'{"detail":"bien"}')

    def _misbehave(self, message: str, presence: str) -> None:
        how = random.choice(["error", "busy", "drop", "hang", "late"])  # noqa: S311
        if how == "late":  # it stores, and answers when nobody listens any more
            self.store.take(message, presence)
            time.sleep(2)
            self._answer(200, b"{}")
            return
        self.store.refuse(message, presence)
        if how == "error":
            self._answer(500, b"roto")
        elif how == "busy":
            self._answer(429, b"", retry_after="1")
        else:
            time.sleep(3 if how == "hang" else 0)
            self.close_connection = True

    def _answer(self, status: int, body: bytes, *, retry_after: str = "") -> None:
        try:
            self.send_response(status)
            if retry_after:
                self.send_header("Retry-After", retry_after)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
        except OSError:
            self.close_connection = True

    def log_message(self, *args: object) -> None:
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def handle_error(self, request: object, client_address: object) -> None:
        """A sender that was killed is no error of ours."""


def main() -> None:
    port, path = int(sys.argv[1]), sys.argv[2]
    Handler.store = Store(path)
    Server(("127.0.0.1", port), Handler).serve_forever()


if __name__ == "__main__":
    main()
