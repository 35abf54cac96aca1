"""A local server that speaks Retell's documented API: it counts whom it dials, and behaves as badly as it is told."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from uuid import uuid4

import orjson

from jobs.providers.retell_signature import signature_of

KEY = "key_de_pruebas"
FROM = "+51600000000"
AGENT = "agent_pruebas"
FIELDS = {
    "from_number",
    "to_number",
    "override_agent_id",
    "override_agent_version",
    "agent_override",
    "retell_llm_dynamic_variables",
    "metadata",
    "custom_sip_headers",
    "honor_internal_dnc",
    "ignore_e164_validation",
    "idempotency_key",
}
Answer = tuple[int, Any, dict[str, str]]
Behaviour = Callable[["RetellServer", BaseHTTPRequestHandler, dict[str, Any]], Answer | None]


class HangUp(Exception):
    """The connection ends without an answer."""


def refusing(status: int, message: str = "No.", **headers: str) -> Behaviour:
    """No call is made."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda server, handler, body: (status, {"status": "error", "message": message}, named)


def dropping_before(server: "RetellServer", handler: BaseHTTPRequestHandler, body: dict[str, Any]) -> Answer:
    raise HangUp


def dropping_after(server: "RetellServer", handler: BaseHTTPRequestHandler, body: dict[str, Any]) -> Answer:
    """The call is made, and nobody hears of it."""
    server.create(body)
    raise HangUp


def failing_after(server: "RetellServer", handler: BaseHTTPRequestHandler, body: dict[str, Any]) -> Answer:
    server.create(body)
    return 500, {"status": "error", "message": "Internal error."}, {}


def holding(seconds: float) -> Behaviour:
    """The call is made; the answer comes late, or never for who does not wait."""

    def behave(server: "RetellServer", handler: BaseHTTPRequestHandler, body: dict[str, Any]) -> Answer | None:
        answer = server.create(body)
        server.released.wait(seconds)
        return answer

    return behave


def answering_only_together(requests: int) -> Behaviour:
    """Nobody is answered before so many ask at the same moment; who asks alone gets no call."""
    gate = threading.Barrier(requests, timeout=10)

    def behave(server: "RetellServer", handler: BaseHTTPRequestHandler, body: dict[str, Any]) -> Answer | None:
        try:
            gate.wait()
        except threading.BrokenBarrierError:
            return _error(503, "Alone.")
        return server.create(body)

    return behave


def mumbling(server: "RetellServer", handler: BaseHTTPRequestHandler, body: dict[str, Any]) -> Answer:
    """Never comes to the end of its headers: no pause is long enough for a limit on pauses."""
    server.create(body)
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    for _ in range(100):
        handler.wfile.write(b"a")
        time.sleep(0.05)  # the fault itself
    raise HangUp


def answering(status: int, body: Any) -> Behaviour:
    return lambda server, handler, asked: (status, body, {})


@dataclass
class RetellServer:
    """`dials`: how often each number was really rung; a repeated key rings nobody."""

    calls: dict[str, dict[str, Any]] = field(default_factory=dict)
    dials: Counter[str] = field(default_factory=Counter)
    asked: list[tuple[str, str, Any]] = field(default_factory=list)
    stopped: list[str] = field(default_factory=list)
    # For each `create-phone-call` the next one, then the last of `always`.
    behaviours: list[Behaviour] = field(default_factory=list)
    always: Behaviour | None = None
    # For other paths, by their beginning.
    on_path: dict[str, Behaviour] = field(default_factory=dict)
    seconds_to_place: float = 0.0
    # Given, a call is over as soon as it is made.
    ends_as: str | None = None
    lines: int = 1000
    page: int = 50
    filters: bool = True

    def __post_init__(self) -> None:
        server = self
        self._lock = threading.Lock()
        self._keys: dict[str, str] = {}
        self.released = threading.Event()

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                server._serve(self, None)

            def do_POST(self) -> None:
                raw = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                server._serve(self, orjson.loads(raw) if raw else None)

            def log_message(self, *args: Any) -> None:
                pass

        class Quiet(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 100

            def handle_error(self, *args: Any) -> None:
                """A client that was killed is what some tests are about."""

        self._server = Quiet(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        self.released.set()
        self._server.shutdown()
        self._server.server_close()

    # --- What tests say and ask -----------------------------------------------------------

    def end(self, ref: str, reason: str = "user_hangup", *, status: str = "ended", **values: Any) -> dict[str, Any]:
        """The call is over, as it would be told."""
        call = self.calls[ref]
        seconds = values.pop("seconds", 42 if status == "ended" else 0)
        now = int(time.time() * 1000)
        call |= {"call_status": status, "disconnection_reason": reason, "end_timestamp": now}
        if seconds:
            cost = {"combined_cost": 14.5, "total_duration_seconds": seconds, "product_costs": []}
            analysis = {"in_voicemail": False, "call_summary": "Acuerda pagar.", "user_sentiment": "Positive"}
            call |= {"start_timestamp": now - seconds * 1000, "duration_ms": seconds * 1000, "call_cost": cost}
            call |= {"call_analysis": {**analysis, "call_successful": True}, "transcript": "Agent: Hola."}
        call |= values
        return call

    def paths(self, beginning: str) -> list[str]:
        return [path for _, path, _ in self.asked if path.startswith(beginning)]

    @property
    def bodies(self) -> list[dict[str, Any]]:
        return [body for _, path, body in self.asked if path == "/v2/create-phone-call"]

    # --- Serving --------------------------------------------------------------------------

    def _serve(self, handler: BaseHTTPRequestHandler, body: Any) -> None:
        self.asked.append((handler.command, handler.path, body))
        try:
            answer = self._answer(handler, body)
        except HangUp:
            answer = None
        if answer is None:
            handler.close_connection = True
            return
        status, told, headers = answer
        raw = b"" if told is None else orjson.dumps(told)
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(raw)))
        handler.end_headers()
        handler.wfile.write(raw)

    def _answer(self, handler: BaseHTTPRequestHandler, body: Any) -> Answer | None:
        if handler.headers.get("Authorization") != f"Bearer {KEY}":
            return _error(401, "Invalid API key.")
        for beginning, behave in self.on_path.items():
            if handler.path.startswith(beginning):
                return behave(self, handler, body)
        if (handler.command, handler.path) == ("POST", "/v2/create-phone-call"):
            behave = self.behaviours.pop(0) if self.behaviours else self.always
            return behave(self, handler, body) if behave else self.create(body)
        name, _, ref = handler.path.removeprefix("/v2/").partition("/")
        if (handler.command, name) == ("GET", "get-call"):
            return (200, self.calls[ref], {}) if ref in self.calls else _error(404, "Call not found.")
        if (handler.command, name) == ("POST", "stop-call"):
            return self._stop(ref)
        if (handler.command, handler.path) == ("POST", "/v3/list-calls"):
            return self._list(body)
        if (handler.command, handler.path) == ("GET", "/get-concurrency"):
            return 200, {"current_concurrency": 0, "concurrency_limit": self.lines, "base_concurrency": 20}, {}
        return _error(404, "Cannot be found.")

    def create(self, body: dict[str, Any]) -> Answer:
        if mistake := _mistake_in(body):
            return _error(400, mistake)
        if self.seconds_to_place:
            time.sleep(self.seconds_to_place)  # as long as a carrier takes
        with self._lock:
            key = body.get("idempotency_key") or uuid4().hex
            if key not in self._keys:
                ref = f"call_{uuid4().hex}"
                self._keys[key] = ref
                self.dials[body["to_number"]] += 1
                self.calls[ref] = {
                    "call_id": ref,
                    "call_type": "phone_call",
                    "call_status": "registered",
                    "agent_id": body["override_agent_id"],
                    "from_number": body["from_number"],
                    "to_number": body["to_number"],
                    "metadata": body.get("metadata", {}),
                    "direction": "outbound",
                }
                if self.ends_as:
                    self.end(ref, self.ends_as)
            return 201, self.calls[self._keys[key]], {}

    def _stop(self, ref: str) -> Answer:
        if ref not in self.calls:
            return _error(404, "Call not found.")
        if self.calls[ref]["call_status"] not in ("registered", "ongoing"):
            return _error(400, "Call is not ongoing.")
        self.stopped.append(ref)
        self.end(ref, "manual_stopped", seconds=3)
        return 204, None, {}

    def _list(self, body: dict[str, Any]) -> Answer:
        wanted = (body.get("filter_criteria") or {}).get("metadata") or []
        found = [call for call in list(self.calls.values()) if not self.filters or _has(call, wanted)]
        first = int(body.get("pagination_key") or 0)
        end = first + self.page
        told: dict[str, Any] = {"items": found[first:end], "has_more": end < len(found)}
        if told["has_more"]:
            told["pagination_key"] = str(end)
        return 200, told, {}


def _error(status: int, message: str) -> Answer:
    return status, {"status": "error", "message": message}, {}


def _has(call: dict[str, Any], wanted: list[dict[str, Any]]) -> bool:
    for one in wanted:
        assert (one["type"], one["op"]) == ("string", "eq")
    return all(call["metadata"].get(one["key"]) == one["value"] for one in wanted)


def _mistake_in(body: dict[str, Any]) -> str:
    """What Retell would not take."""
    if unknown := set(body) - FIELDS:
        return f"request body has unknown properties: {sorted(unknown)}"
    for name in ("from_number", "to_number"):
        number = body.get(name)
        if not isinstance(number, str) or not number.startswith("+") or not number[1:].isdigit():
            return f"{name} must be a phone number in E.164 format"
    variables = body.get("retell_llm_dynamic_variables", {})
    if not all(isinstance(value, str) for value in variables.values()):
        return "retell_llm_dynamic_variables must be strings"
    agent = body.get("agent_override", {}).get("agent", {})
    if not 5_000 <= agent.get("ring_duration_ms", 30_000) <= 300_000:
        return "agent_override ring_duration_ms is out of range"
    return "" if agent.get("max_call_duration_ms", 60_000) >= 60_000 else "agent_override max_call_duration_ms"


def signed(body: bytes, *, key: str = KEY, at: float | None = None) -> dict[str, str]:
    """The header of Retell's webhooks."""
    moment = str(int((time.time() if at is None else at) * 1000))
    return {"x-retell-signature": f"v={moment},d={signature_of(body, moment, key=key)}"}


@contextmanager
def a_retell_server(settings: Any) -> Iterator[RetellServer]:
    """A server that runs, and settings that lead to it."""
    server = RetellServer()
    settings.CALL_PROVIDER = "retell"
    settings.RETELL_API_URL = server.url
    settings.RETELL_API_KEY = KEY
    settings.RETELL_FROM_NUMBER = FROM
    settings.RETELL_AGENT_ID = AGENT
    try:
        yield server
    finally:
        server.close()
