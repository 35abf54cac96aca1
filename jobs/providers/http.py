"""One request to a provider's API: limited in time and size, never repeated, and sure of whether it left.

What `requests` does not have is added here: a limit on the whole exchange, and the moment from which on the request may
have arrived. Each goes over a connection of its own: a kept one that the other side closes just then would leave a
call of which nobody knows.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import orjson
import requests
from urllib3.exceptions import HTTPError

from crm.wires import WatchedAdapter, Wire, watchdog

CONNECT_SECONDS = 3.0
READ_SECONDS = 10.0
TOTAL_SECONDS = 15.0
# A call of two hours with every word of its transcript has a few megabytes.
LARGEST_ANSWER = 16 * 1024 * 1024
PIECE = 64 * 1024


class NotSent(Exception):
    """There was no connection: surely nothing arrived."""


class NotAnswered(Exception):
    """The request left, and what became of it is not known."""


@dataclass(frozen=True, slots=True)
class Answer:
    """`body`: the JSON that came; None where none did, or none that can be read."""

    status: int
    body: Any
    retry_after: float | None = None

    @property
    def is_good(self) -> bool:
        return 200 <= self.status < 300

    @property
    def message(self) -> str:
        """What the provider says of an error, in its own words, shortened."""
        told = self.body if isinstance(self.body, dict) else {}
        text = told.get("message") or told.get("error_message") or told.get("error") or told.get("detail") or ""
        return " ".join(str(text).replace("\x00", "").split())[:200]


def ask(method: str, url: str, *, headers: Mapping[str, str], json: Any = None) -> Answer:
    """The answer, whatever its status; `NotSent` or `NotAnswered`, nothing else."""
    wire = Wire()
    try:
        with _session(wire) as session, watchdog.over(wire, TOTAL_SECONDS):
            answer = _exchange(session, method, url, headers=dict(headers), json=json)
        if wire.was_cut:
            raise TimeoutError
        return answer
    except (requests.RequestException, HTTPError, OSError, ValueError) as error:
        sentence = _sentence_for(error, was_cut=wire.was_cut)
        raise (NotAnswered if wire.is_connected else NotSent)(sentence) from error


def _exchange(session: requests.Session, method: str, url: str, *, headers: dict[str, str], json: Any) -> Answer:
    body = None if json is None else orjson.dumps(json)
    usual = {"Accept-Encoding": "identity", "Connection": "close", "User-Agent": "Puente-CRM/1"}
    if body is not None:
        usual["Content-Type"] = "application/json"
    with session.request(
        method,
        url,
        data=body,
        headers={**usual, **headers},
        timeout=(CONNECT_SECONDS, READ_SECONDS),
        allow_redirects=False,
        stream=True,
    ) as response:
        return Answer(response.status_code, _read(response), _seconds(response.headers.get("Retry-After")))


def _read(response: requests.Response) -> Any:
    """Unpacked by nobody: a small packed answer can be huge."""
    kept = bytearray()
    while piece := response.raw.read1(PIECE, decode_content=False):
        kept += piece
        if len(kept) > LARGEST_ANSWER:
            raise ValueError("too large")
    length = response.headers.get("Content-Length", "")
    if length.isdecimal() and int(length[:18]) != len(kept):
        raise ValueError("cut short")
    try:
        return orjson.loads(kept) if kept else None
    except orjson.JSONDecodeError:
        return None


def _seconds(text: str | None) -> float | None:
    """`Retry-After` as seconds; its other form, a date, is rare, and a usual pause does for it."""
    return float(text) if text and text.isascii() and text.isdecimal() and len(text) < 7 else None


# --- The connection ---------------------------------------------------------------------------


@contextmanager
def _session(wire: Wire) -> Iterator[requests.Session]:
    with requests.Session() as session:
        # The machine's environment would put its own passwords (.netrc) in the place of the key.
        session.trust_env = False
        for scheme in ("https://", "http://"):
            session.mount(scheme, WatchedAdapter(wire))
        yield session


def _sentence_for(error: Exception, *, was_cut: bool) -> str:
    if was_cut:
        return f"tardó más de {TOTAL_SECONDS:g} segundos en total"
    if isinstance(error, requests.exceptions.SSLError):
        return "su certificado no es válido desde aquí"
    if isinstance(error, requests.ConnectTimeout):
        return "no aceptó la conexión a tiempo"
    if isinstance(error, requests.Timeout | TimeoutError):
        return "no respondió a tiempo"
    if isinstance(error, requests.exceptions.InvalidHeader | UnicodeError):
        return "la clave tiene caracteres que no se pueden enviar"
    return "la conexión no se pudo establecer o se cortó"
