"""Connections that only go where messages may go: the address that was checked is the one that is connected to."""

import http.client
import queue
import socket
import threading
from typing import Any

from django.conf import settings
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError

from crm.wires import Wire
from integrations.sending.addresses import is_public


class AddressRefused(NewConnectionError):
    """The name leads to an address that messages may not go to."""


class NotEncrypted(AddressRefused):
    """The address is on the open Internet and the connection would not be encrypted."""


class GuardedAdapter(HTTPAdapter):
    def __init__(self, wire: "Wire") -> None:
        self._wire = wire
        super().__init__(pool_connections=4, pool_maxsize=1, max_retries=0)

    def init_poolmanager(self, connections: int, maxsize: int, block: bool = False, **kwargs: Any) -> None:
        self.poolmanager = PoolManager(num_pools=connections, maxsize=maxsize, block=block, **kwargs)
        one = self._wire

        class Http(_Guarded, HTTPConnection):
            is_encrypted = False
            wire = one

        class Https(_Guarded, HTTPSConnection):
            is_encrypted = True
            wire = one

        self.poolmanager.pool_classes_by_scheme = {
            "http": type("HttpPool", (HTTPConnectionPool,), {"ConnectionCls": Http}),
            "https": type("HttpsPool", (HTTPSConnectionPool,), {"ConnectionCls": Https}),
        }


class _FinalResponse(http.client.HTTPResponse):
    """The answer after all announcements (1xx). http.client takes an announcement other than 100 for the answer,
    and would then read the real one as the answer to the next message."""

    def _read_status(self) -> Any:
        while True:
            found = super()._read_status()  # type: ignore[misc]
            if found[1] >= http.client.OK or found[1] == http.client.CONTINUE:
                return found
            http.client.parse_headers(self.fp)


class _Guarded:
    """Resolves the name once and connects to one of the very addresses that were checked."""

    is_encrypted: bool
    wire: "Wire"
    response_class: Any = _FinalResponse

    def connect(self: Any) -> None:
        self.wire.is_new = True
        super().connect()  # type: ignore[misc]
        self.wire.sock = self.sock

    def request(self: Any, *args: Any, **kwargs: Any) -> None:
        # A sender that serves two destinations has a connection to each.
        self.wire.sock = self.sock
        super().request(*args, **kwargs)  # type: ignore[misc]

    def send(self: Any, data: Any) -> None:
        if self.sock is None:
            self.connect()
        self.wire.has_left = True
        super().send(data)  # type: ignore[misc]

    def _new_conn(self: Any) -> socket.socket:
        try:
            found = resolve(self._dns_host, self.port, seconds=self.wire.seconds_left)
        except TimeoutError as error:
            raise ConnectTimeoutError(self, f"{self.host} was not resolved in time") from error
        except (socket.gaierror, UnicodeError) as error:
            raise NameResolutionError(self.host, self, error) from error  # type: ignore[arg-type]
        allowed = [row for row in found if may_connect(str(row[4][0]), is_encrypted=self.is_encrypted)]
        if not allowed:
            is_only_plain = any(is_public(str(row[4][0])) for row in found)
            refused = NotEncrypted if is_only_plain else AddressRefused
            raise refused(self, f"{self.host} leads to {[row[4][0] for row in found]}")
        return _connected(self, allowed)


def resolve(host: str, port: int, *, seconds: float) -> list[Any]:
    """The addresses of a name. `getaddrinfo` has no limit of its own: a silent name server holds it for minutes.

    TimeoutError after `seconds`; socket.gaierror or UnicodeError for a name that leads nowhere.
    """
    answers: queue.SimpleQueue[Any] = queue.SimpleQueue()

    def ask() -> None:
        try:
            answers.put(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except (OSError, UnicodeError) as error:
            answers.put(error)

    threading.Thread(target=ask, name="webhook-resolver", daemon=True).start()
    try:
        found = answers.get(timeout=seconds)
    except queue.Empty:
        raise TimeoutError from None
    if isinstance(found, Exception):
        raise found
    return list(found)


def _connected(connection: Any, addresses: list[Any]) -> socket.socket:
    problem: OSError | None = None
    for family, kind, protocol, _, address in addresses:
        sock = socket.socket(family, kind, protocol)
        try:
            for option in connection.socket_options or []:
                sock.setsockopt(*option)
            # Stays in force for the TLS handshake, which Python limits as a whole.
            sock.settimeout(min(settings.WEBHOOK_CONNECT_SECONDS, connection.wire.seconds_left))
            sock.connect(address)
            return sock
        except OSError as error:
            problem = error
            sock.close()
    if isinstance(problem, TimeoutError):
        raise ConnectTimeoutError(connection, f"{problem}") from problem
    raise NewConnectionError(connection, f"{problem}") from problem


def may_connect(address: str, *, is_encrypted: bool) -> bool:
    """Public addresses over TLS. Private ones where the setting allows, also without TLS: nobody is in between."""
    if is_public(address):
        return is_encrypted or settings.DEMONSTRATION
    return bool(settings.WEBHOOK_ALLOW_PRIVATE)
