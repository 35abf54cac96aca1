"""A receiver that costs as little as a Python process can: answers 200, counts messages by their id.

    python -m tests.load.sink PORT

`GET /` tells how many, how many of them again, and the seconds from the first to the last; `DELETE /` forgets all.
"""

import asyncio
import json
import sys
import time
from collections import Counter

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"


class Sink(asyncio.Protocol):
    seen: Counter[bytes] = Counter()
    first = last = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: asyncio.Transport = transport  # type: ignore[assignment]
        self.buffer = b""

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while (request := self._next_request()) is not None:
            method, head = request
            if method == b"POST":
                self._count(head)
                self.transport.write(ANSWER)
            else:
                self._tell(forget=method == b"DELETE")

    def _next_request(self) -> tuple[bytes, bytes] | None:
        head, separator, rest = self.buffer.partition(b"\r\n\r\n")
        if not separator:
            return None
        lowered = head.lower()
        at = lowered.find(b"content-length:")
        length = int(lowered[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
        if len(rest) < length:
            return None
        self.buffer = rest[length:]
        return head.split(b" ", 1)[0], lowered

    def _count(self, head: bytes) -> None:
        now = time.monotonic()
        Sink.first, Sink.last = Sink.first or now, now
        at = head.find(b"webhook-id:")
        Sink.seen[head[at + 11 :].split(b"\r\n", 1)[0].strip()] += 1

    def _tell(self, *, forget: bool) -> None:
        counts = {
            "messages": len(Sink.seen),
            "requests": sum(Sink.seen.values()),
            "seconds": Sink.last - Sink.first,
        }
        if forget:
            Sink.seen, Sink.first, Sink.last = Counter(), 0.0, 0.0
        body = json.dumps(counts).encode()
        head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        self.transport.write(head.encode() + body)


async def main() -> None:
    server = await asyncio.get_running_loop().create_server(Sink, "127.0.0.1", int(sys.argv[1]), backlog=256)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
