"""A load generator for servers on this machine: raw requests over kept connections, in a process of its own.

It is as lean as it can be, because it shares the machine with what it measures; both sides of every
comparison meet the same one.
"""

import json
import multiprocessing
import selectors
import socket
import statistics
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import cycle
from typing import Any


@dataclass(frozen=True)
class Measured:
    """What came of one run: answers a second, latency in milliseconds, answers by status."""

    rate: float
    p50: float
    p99: float
    statuses: dict[int, int] = field(default_factory=dict)

    @property
    def refused(self) -> int:
        return sum(count for status, count in self.statuses.items() if not 200 <= status < 300)


def request(method: str, path: str, *, token: str, body: Any = None, **headers: str) -> bytes:
    """One HTTP request as it goes over the wire."""
    content = b"" if body is None else json.dumps(body).encode()
    lines = [
        f"{method} {path} HTTP/1.1",
        "Host: 127.0.0.1",
        f"Authorization: Bearer {token}",
        *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items()),
        *(["Content-Type: application/json"] if content else []),
        f"Content-Length: {len(content)}",
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + content


def fire(port: int, requests: Sequence[bytes], *, connections: int = 4, seconds: float = 5) -> Measured:
    """Send `requests` in turn over `connections` for `seconds`; the first half second is warm-up."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_fire, (port, list(requests), connections, seconds))


def _fire(port: int, requests: list[bytes], connections: int, seconds: float) -> Measured:
    selector = selectors.DefaultSelector()
    queue = cycle(requests)
    started = time.perf_counter()
    counted_from, end = started + 0.5, started + 0.5 + seconds
    open_connections = [_Connection(port, queue) for _ in range(connections)]
    for connection in open_connections:
        selector.register(connection.socket, selectors.EVENT_READ, connection)
        connection.send()
    latencies: list[float] = []
    statuses: dict[int, int] = {}
    while (now := time.perf_counter()) < end:
        for key, _ in selector.select(timeout=1):
            connection = key.data
            status = connection.receive()
            if status is None:
                continue
            now = time.perf_counter()
            if now >= counted_from:
                latencies.append(now - connection.sent_at)
                statuses[status] = statuses.get(status, 0) + 1
            connection.send()
    for connection in open_connections:
        connection.socket.close()
    return summary(latencies, seconds, statuses)


def spend(port: int, requests: Sequence[bytes], *, connections: int = 4) -> Measured:
    """Send each of `requests` once, over `connections`: what can be done only once."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_spend, (port, list(requests), connections))


def _spend(port: int, requests: list[bytes], connections: int) -> Measured:
    selector = selectors.DefaultSelector()
    queue = iter(requests)
    latencies: list[float] = []
    statuses: dict[int, int] = {}
    started = time.perf_counter()
    for connection in (_Connection(port, queue) for _ in range(min(connections, len(requests)))):
        selector.register(connection.socket, selectors.EVENT_READ, connection)
        connection.send()
    while selector.get_map():
        for key, _ in selector.select(timeout=1):
            connection = key.data
            if (status := connection.receive()) is None:
                continue
            latencies.append(time.perf_counter() - connection.sent_at)
            statuses[status] = statuses.get(status, 0) + 1
            try:
                connection.send()
            except StopIteration:
                selector.unregister(connection.socket)
                connection.socket.close()
    return summary(latencies, time.perf_counter() - started, statuses)


def summary(latencies: list[float], seconds: float, statuses: dict[int, int] | None = None) -> Measured:
    if len(latencies) < 2:
        return Measured(len(latencies) / seconds, 0, 0, statuses or {})
    cuts = statistics.quantiles(latencies, n=100)
    return Measured(len(latencies) / seconds, cuts[49] * 1000, cuts[98] * 1000, statuses or {})


class _Connection:
    """One kept connection with at most one request under way."""

    def __init__(self, port: int, queue: Iterator[bytes]) -> None:
        self.port = port
        self.queue = queue
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""
        self.sent_at = 0.0

    def send(self) -> None:
        self.buffer = b""
        self.sent_at = time.perf_counter()
        self.socket.sendall(next(self.queue))

    def receive(self) -> int | None:
        """The status once the answer is whole; None while it is not."""
        arrived = self.socket.recv(1 << 18)
        if not arrived:
            raise ConnectionError("The server closed a kept connection.")
        self.buffer += arrived
        head, separator, content = self.buffer.partition(b"\r\n\r\n")
        if not separator:
            return None
        lowered = head.lower()
        position = lowered.find(b"content-length:")
        if position < 0:
            raise ValueError("An answer without Content-Length cannot be measured.")
        length = int(lowered[position + 15 :].split(b"\r\n", 1)[0])
        return int(head[9:12]) if len(content) >= length else None
