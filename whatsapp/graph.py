"""Meta's Graph API, as far as it is asked and not written to: one small client, limited in time and size.

What `requests` does not have is added here: a limit on the whole exchange and on the answer. The access token goes to
the Graph API and to the addresses where Meta keeps files, and nowhere else: no redirect takes it along.
"""

import errno
import hashlib
import ipaddress
import os
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any, BinaryIO
from urllib.parse import urljoin, urlsplit
from uuid import uuid4

import orjson
import requests
from django.conf import settings
from urllib3.exceptions import HTTPError, NameResolutionError

from crm.wires import WatchedAdapter, Wire, watchdog

CONNECT_SECONDS = 5.0
READ_SECONDS = 15.0
QUESTION_SECONDS = 20.0
# A hundred megabytes at a line of ten megabits; shorter than the lease of a file (models/media.py).
TRANSFER_SECONDS = 110.0
LARGEST_ANSWER = 4 * 1024 * 1024
PIECE = 64 * 1024
MOST_HOPS = 3
# Where Meta keeps the files of messages: each of these, and the names below it.
META_HOSTS = ("facebook.com", "fbsbx.com", "fbcdn.net", "whatsapp.net", "whatsapp.com")

_TOKEN_CODES = frozenset({0, 3, 10, 102, 190, *range(200, 300), 131005})
_DEAD_TOKEN_CODES = frozenset({102, 190})
_RATE_CODES = frozenset({4, 17, 32, 613, 80007, 80008, 130429, 131056, 131057})
_NO_SUCH_OBJECT = 33  # subcode of 100


class GraphError(Exception):
    """Why Meta could not be asked, or what it refused: `sentence` for people, the rest for rules."""

    def __init__(
        self, sentence: str, *, status: int | None = None, code: int | None = None, subcode: int | None = None
    ) -> None:
        self.sentence = sentence
        self.status = status
        self.code = code
        self.subcode = subcode
        super().__init__(sentence)

    @property
    def is_answered(self) -> bool:
        """Meta said something: then it counts among the errors that it counts."""
        return self.status is not None

    @property
    def is_token(self) -> bool:
        """The token is not taken, or not for this."""
        return self.status == 401 or self.code in _TOKEN_CODES

    @property
    def is_dead_token(self) -> bool:
        """Nothing at all can be asked with this token: the Graph API itself says so, not the keeper of one file."""
        return self.code in _DEAD_TOKEN_CODES

    @property
    def is_limit(self) -> bool:
        return self.status == 429 or self.code in _RATE_CODES

    @property
    def is_gone(self) -> bool:
        """There is no such thing, or no longer."""
        return self.status in (404, 410) or (self.code == 100 and self.subcode == _NO_SUCH_OBJECT)


class TooLarge(GraphError):
    """There is more of it than is taken."""


@dataclass(frozen=True)
class Reply:
    body: dict[str, Any]
    # Meta's clock when it answered; None where it does not tell.
    at: datetime | None = None


@dataclass(frozen=True)
class Download:
    size: int
    digest: bytes

    @property
    def hex(self) -> str:
        return self.digest.hex()


def get(path: str, params: Mapping[str, str | int] | None = None) -> Reply:
    """What the Graph API says at `path`; GraphError when it says no, or nothing."""
    base = _base()
    with _exchange("GET", f"{base}/{path.lstrip('/')}", seconds=QUESTION_SECONDS, params=params) as response:
        return _reply(response)


def upload(path: str, fields: Mapping[str, str], file: BinaryIO, *, filename: str, mime_type: str) -> Reply:
    """POST `file` as a form, read piece by piece: it may be larger than what fits into memory twice."""
    form = _Form(fields, file, filename=filename, mime_type=mime_type)
    with _exchange(
        "POST",
        f"{_base()}/{path.lstrip('/')}",
        seconds=TRANSFER_SECONDS,
        data=form,
        headers={"Content-Type": form.content_type},
    ) as response:
        return _reply(response)


def download(url: str, into: BinaryIO, *, most: int) -> Download:
    """Write what is at `url` to `into`: at most `most` bytes, all of it or a GraphError.

    The address is one that Meta has just told. It gets the token only if it is one of Meta's, and a redirect is
    followed only to such a one.
    """
    for _ in range(MOST_HOPS):
        _check_file_address(url)
        with _exchange("GET", url, seconds=TRANSFER_SECONDS) as response:
            if response.is_redirect:
                url = urljoin(url, response.headers["Location"])
                continue
            if response.status_code != 200:
                raise _refused(response)
            return _copy(response, into, most=most)
    raise GraphError("Meta mandó de una dirección a otra sin llegar al archivo.", status=302)


# --- One exchange -----------------------------------------------------------------------------


@dataclass
class _Line:
    """The session of one thread of one process; a child does not use its parent's connections."""

    wire: Wire = field(default_factory=Wire)
    session: requests.Session = field(default_factory=requests.Session)
    process: int = field(default_factory=os.getpid)

    def __post_init__(self) -> None:
        # The machine's environment would put its own passwords (.netrc) in the place of the token.
        self.session.trust_env = False
        for scheme in ("https://", "http://"):
            self.session.mount(scheme, WatchedAdapter(self.wire, pools=2))


_lines = threading.local()


def _line() -> _Line:
    found: _Line | None = getattr(_lines, "line", None)
    if found is None or found.process != os.getpid():
        found = _lines.line = _Line()
    return found


@contextmanager
def _exchange(method: str, url: str, *, seconds: float, **arguments: Any) -> Iterator[requests.Response]:
    """One request and the reading of its answer, cut when both together take longer than `seconds`."""
    if not settings.WHATSAPP_ACCESS_TOKEN:
        raise GraphError("Falta el token de acceso de WhatsApp (WHATSAPP_ACCESS_TOKEN).")
    line = _line()
    headers = {
        "Authorization": f"Bearer {settings.WHATSAPP_ACCESS_TOKEN}",
        "Accept-Encoding": "identity",
        "User-Agent": "Puente-CRM/1",
        **arguments.pop("headers", {}),
    }
    try:
        with (
            watchdog.over(line.wire, seconds),
            line.session.request(
                method,
                url,
                headers=headers,
                timeout=(CONNECT_SECONDS, READ_SECONDS),
                allow_redirects=False,
                stream=True,
                **arguments,
            ) as response,
        ):
            line.session.cookies.clear()
            # http.client takes a head, and a body without a length, that was cut short for a whole one.
            if not line.wire.was_cut:
                yield response
            if line.wire.was_cut:
                raise GraphError(_TOO_SLOW.format(seconds))
    except GraphError as error:
        if line.wire.was_cut and error.status in (None, 200):
            # What was read made no sense because it was cut.
            raise GraphError(_TOO_SLOW.format(seconds)) from error
        raise
    except (requests.RequestException, HTTPError, OSError, UnicodeError) as error:
        sentence = _TOO_SLOW.format(seconds) if line.wire.was_cut else _sentence_for(error)
        raise GraphError(sentence) from error


def _pieces(response: requests.Response) -> Iterator[bytes]:
    """The body as it comes over the line, packed or not: nobody asked for it packed."""
    while piece := response.raw.read1(PIECE, decode_content=False):
        yield piece


def _copy(response: requests.Response, into: BinaryIO, *, most: int) -> Download:
    told = response.headers.get("Content-Length", "")
    if told.isascii() and told.isdigit() and int(told[:18]) > most:
        raise TooLarge(_too_large(most), status=200)
    size, digest = 0, hashlib.sha256()
    for piece in _pieces(response):
        size += len(piece)
        if size > most:
            raise TooLarge(_too_large(most), status=200)
        digest.update(piece)
        into.write(piece)
    if told.isascii() and told.isdigit() and int(told[:18]) != size:
        raise GraphError("La descarga se cortó antes de terminar.")
    return Download(size, digest.digest())


def _too_large(most: int) -> str:
    return f"El archivo pasa de {megabytes(most)}."


def megabytes(size: int) -> str:
    return f"{size / 1024 / 1024:.1f} MB".replace(".0 MB", " MB").replace(".", ",")


# --- What it says -----------------------------------------------------------------------------


def _reply(response: requests.Response) -> Reply:
    if response.status_code != 200:
        raise _refused(response)
    body = _json(response)
    if body is None:
        raise GraphError("Meta respondió algo que no es JSON.", status=response.status_code)
    return Reply(body, _moment(response.headers.get("Date")))


def _json(response: requests.Response) -> dict[str, Any] | None:
    kept = bytearray()
    for piece in _pieces(response):
        kept += piece
        if len(kept) > LARGEST_ANSWER:
            raise TooLarge("La respuesta de Meta es demasiado grande.", status=response.status_code)
    try:
        body = orjson.loads(kept)
    except orjson.JSONDecodeError:
        return None
    return body if isinstance(body, dict) else None


def _moment(text: str | None) -> datetime | None:
    try:
        return parsedate_to_datetime(text or "")
    except (TypeError, ValueError, IndexError, OverflowError):
        return None


def _refused(response: requests.Response) -> GraphError:
    """The refusal in Meta's own code, where there is one; a status without a code speaks for itself."""
    status = response.status_code
    try:
        error = (_json(response) or {}).get("error")
    except (TooLarge, HTTPError, OSError):
        error = None
    error = error if isinstance(error, dict) else {}
    code, subcode = _whole(error.get("code")), _whole(error.get("error_subcode"))
    found = GraphError("", status=status, code=code, subcode=subcode)
    found.sentence = _explained(found, _details(error))
    found.args = (found.sentence,)
    return found


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _details(error: dict[str, Any]) -> str:
    data = error.get("error_data")
    told = data.get("details") if isinstance(data, dict) else None
    text = told or error.get("error_user_msg") or error.get("message")
    return " ".join(str(text).replace("\x00", "").split())[:200] if text else ""


def _explained(error: GraphError, details: str) -> str:
    told = f" Meta dice: {details}" if details else ""
    number = f" (código {error.code})" if error.code is not None else f" ({error.status})"
    if error.is_gone:
        return f"Meta no tiene lo que se pidió, o ya no lo tiene{number}.{told}"
    if error.code in (10, 3) or (error.code is not None and 200 <= error.code < 300):
        return f"Al token de acceso le falta un permiso{number}.{told}"
    if error.is_token:
        return f"Meta no acepta el token de acceso; ponga uno nuevo en WHATSAPP_ACCESS_TOKEN{number}.{told}"
    if error.is_limit:
        return f"Meta pide que preguntemos más despacio{number}.{told}"
    if error.status is not None and 300 <= error.status < 400:
        return f"Meta quiso mandarnos a otra dirección ({error.status}); no se siguen desvíos."
    if error.status is not None and error.status >= 500:
        return f"Meta tiene un error propio{number}.{told}"
    return f"Meta rechazó la petición{number}.{told}"


_TOO_SLOW = "Meta tardó más de {:g} segundos en total."


def _sentence_for(error: BaseException) -> str:
    seen: list[BaseException] = []
    cause: BaseException | None = error
    while cause is not None and cause not in seen:
        seen.append(cause)
        inner = (getattr(cause, "reason", None), *cause.args, cause.__cause__)
        cause = next((one for one in inner if isinstance(one, BaseException)), None)
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return "No queda espacio en el disco."
    if any(isinstance(one, NameResolutionError | socket.gaierror | UnicodeError) for one in seen):
        return "El nombre de Meta no se puede resolver: ¿hay salida a Internet?"
    if isinstance(error, requests.exceptions.SSLError):
        return "El certificado de Meta no es válido desde aquí."
    if isinstance(error, requests.exceptions.InvalidHeader):
        return "El token de acceso tiene caracteres que no se pueden enviar (WHATSAPP_ACCESS_TOKEN)."
    if isinstance(error, requests.ConnectTimeout):
        return "Meta no aceptó la conexión a tiempo."
    if isinstance(error, requests.Timeout) or any(isinstance(one, TimeoutError) for one in seen):
        return "Meta no respondió a tiempo."
    if any(isinstance(one, ConnectionRefusedError) for one in seen):
        return "Meta no acepta conexiones."
    return "La conexión con Meta se cortó."


# --- Where it goes ----------------------------------------------------------------------------


def _base() -> str:
    """The address of the Graph API: encrypted, unless it is a stand-in inside the own network."""
    base: str = settings.WHATSAPP_GRAPH_URL
    parts = _parts(base)
    if parts.scheme == "https" or (parts.scheme == "http" and _is_own_network(parts.hostname or "")):
        return base
    raise GraphError("La dirección de Meta debe empezar por https:// (WHATSAPP_GRAPH_URL).")


def _parts(url: str) -> Any:
    """The parts of an address; one that cannot be taken apart has none."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return urlsplit("")
    return parts if parts.hostname and parts.username is None and parts.password is None else urlsplit("")


def _is_own_network(host: str) -> bool:
    try:
        found = {str(row[4][0]).partition("%")[0] for row in socket.getaddrinfo(host, None)}
    except (OSError, UnicodeError):
        return False
    return all(ipaddress.ip_address(address).is_private for address in found)


def _check_file_address(url: str) -> None:
    parts, graph = _parts(url), _parts(settings.WHATSAPP_GRAPH_URL)
    host = (parts.hostname or "").rstrip(".")
    if parts.scheme == "https" and any(host == one or host.endswith(f".{one}") for one in META_HOSTS):
        return
    if parts.scheme and (parts.scheme, parts.hostname, parts.port) == (graph.scheme, graph.hostname, graph.port):
        _base()
        return
    raise GraphError("Meta indicó una dirección que no es suya; no se le entrega el token.", status=302)


# --- A form with a file -----------------------------------------------------------------------


class _Form:
    """`multipart/form-data` with one file, whose bytes are read when they are sent."""

    def __init__(self, fields: Mapping[str, str], file: BinaryIO, *, filename: str, mime_type: str) -> None:
        boundary = uuid4().hex
        self.content_type = f"multipart/form-data; boundary={boundary}"
        quoted = filename.replace("\\", "_").replace('"', "%22").replace("\r", "").replace("\n", "")
        head = "".join(
            f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
            for name, value in fields.items()
        )
        head += f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{quoted}"\r\n'
        head += f"Content-Type: {mime_type}\r\n\r\n"
        self._parts = [head.encode(), f"\r\n--{boundary}--\r\n".encode()]
        self._file = file
        file.seek(0, os.SEEK_END)
        self._size = file.tell()
        file.seek(0)

    def __len__(self) -> int:
        return self._size + sum(map(len, self._parts))

    def __iter__(self) -> Iterator[bytes]:
        yield self._parts[0]
        while piece := self._file.read(PIECE):
            yield piece
        yield self._parts[1]
