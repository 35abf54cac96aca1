"""A conversation in a file, played as Meta would bring it: signed, over HTTP, to a server that runs.

The file says what the customer does and what the bot is expected to say; see `manage.py whatsapp_simulate --help`.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
import requests
from django.conf import settings
from django.db import connection
from django.utils import timezone

from crm.exceptions import Refusal
from crm.ids import new_id
from crm.text import fold
from whatsapp import media
from whatsapp.choices import Author, Direction
from whatsapp.models import Message
from whatsapp.receiving.signature import sign

WEBHOOK_PATH = "/api/v1/whatsapp/webhook"
SIGNATURE_HEADER = "X-Hub-Signature-256"
POLL_SECONDS = 0.25
FILE_KINDS = ("image", "audio", "video", "document", "sticker")
STATUS_WORDS = ("sent", "delivered", "read", "played", "failed")
LONGEST_WAIT = 3_600.0


class Unreadable(Exception):
    """The file says something that cannot be played; the sentence names the line."""


class NotPlayed(Exception):
    """The server cannot be reached, or does not take what it is sent."""


@dataclass(frozen=True)
class Step:
    line: int
    verb: str
    text: str = ""
    more: str = ""


@dataclass
class Script:
    number: str = "51999000111"
    name: str = "Cliente de prueba"
    steps: list[Step] = field(default_factory=list)
    # Where files that it names are looked for.
    folder: Path = field(default_factory=Path)


# --- Reading ----------------------------------------------------------------------------------


def read(path: Path) -> Script:
    """The script in a file; Unreadable says which line is wrong, before anything is sent."""
    try:
        text = path.read_text("utf-8-sig")
    except OSError as error:
        raise Unreadable(f"No se puede leer «{path}».") from error
    except UnicodeDecodeError as error:
        raise Unreadable(f"«{path}» no es un texto en UTF-8.") from error
    return parse(text, folder=path.parent)


def parse(text: str, *, folder: Path) -> Script:
    script = Script(folder=folder)
    for position, raw in enumerate(text.splitlines(), start=1):
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        try:
            _take(script, position, line)
        except ValueError as error:
            raise Unreadable(f"Línea {position}: {error}") from error
    if not any(step.verb != "wait" for step in script.steps):
        raise Unreadable("El archivo no tiene ningún mensaje.")
    return script


def _take(script: Script, position: int, line: str) -> None:
    if line[0] in "><":
        text = line[1:].strip()
        if line[0] == ">" and not text:
            raise ValueError("después de «>» falta el texto.")
        script.steps.append(Step(position, "say" if line[0] == ">" else "expect", text.replace("\\n", "\n")))
        return
    word, _, rest = line.partition(" ")
    verb, rest = word.lower().rstrip(":"), rest.strip()
    if verb in ("number", "name"):
        setattr(script, verb, _number(rest) if verb == "number" else _given(rest, "el nombre"))
    elif verb in _READERS:
        text, more = _READERS[verb](rest, script)
        script.steps.append(Step(position, verb, text, more))
    else:
        raise ValueError(f"«{word}» no es ninguna orden (véase --help).")


def _given(text: str, what: str) -> str:
    if not text:
        raise ValueError(f"falta {what}.")
    return text


def _number(text: str) -> str:
    digits = "".join(sign for sign in text if sign.isdigit())
    if not 8 <= len(digits) <= 15:
        raise ValueError(f"«{text}» no es un número con su código de país.")
    return digits


def _seconds(text: str, script: Script) -> tuple[str, str]:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1
    if not 0 <= seconds <= LONGEST_WAIT:
        raise ValueError(f"«{text}» no son segundos.")
    return str(seconds), ""


def _file(text: str, script: Script) -> tuple[str, str]:
    name, _, caption = _given(text, "el archivo").partition(" ")
    if not (script.folder / name).is_file():
        raise ValueError(f"no existe el archivo «{name}».")
    return name, caption.strip()


def _status(text: str, script: Script) -> tuple[str, str]:
    if text.lower() not in STATUS_WORDS:
        raise ValueError(f"«{text}» no es un estado: {', '.join(STATUS_WORDS)}.")
    return text.lower(), ""


def _button(text: str, script: Script) -> tuple[str, str]:
    key, _, title = _given(text, "el botón").partition(" ")
    return key, title.strip() or key


def _place(text: str, script: Script) -> tuple[str, str]:
    place, _, name = text.partition(" ")
    try:
        latitude, longitude = map(float, place.split(","))
    except ValueError:
        raise ValueError(f"«{place}» no es un lugar: latitud,longitud.") from None
    if not (-90 <= latitude <= 90 and -180 <= longitude <= 180):
        raise ValueError(f"«{place}» no es un lugar: latitud,longitud.")
    return f"{latitude},{longitude}", name.strip()


_READERS: dict[str, Callable[[str, Script], tuple[str, str]]] = {
    "wait": _seconds,
    "silence": _seconds,
    "status": _status,
    "button": _button,
    "location": _place,
    "react": lambda text, script: (_given(text, "el emoji"), ""),
    "stop": lambda text, script: ("", ""),
    **dict.fromkeys(FILE_KINDS, _file),
}


# --- Playing ----------------------------------------------------------------------------------


@dataclass
class Player:
    """Plays one script. `tell` gets each line of the conversation, with its mark."""

    script: Script
    url: str
    secret: str
    phone_number_id: str
    tell: Callable[[str, str], None]
    speed: float = 1.0
    patience: float = 20.0
    failures: int = 0
    _thread_id: int | None = None
    _last_wamid: str = ""
    _seen_up_to: int = 0
    _last_answer: Message | None = None
    _unclaimed: list[Message] = field(default_factory=list)

    def play(self) -> int:
        """How many expectations did not come true."""
        newest = Message.objects.order_by("-pk").values_list("pk", flat=True).first()
        self._seen_up_to = newest or 0
        for step in self.script.steps:
            if step.verb == "stop":
                break
            getattr(self, f"_{step.verb}", self._send_file)(step)
        self._look()
        return self.failures

    # --- What the customer does -----------------------------------------------------------------

    def _say(self, step: Step) -> None:
        self.tell(">", step.text)
        self._send({"type": "text", "text": {"body": step.text}})

    def _button(self, step: Step) -> None:
        self.tell(">", f"[botón] {step.more}")
        reply = {"type": "button_reply", "button_reply": {"id": step.text, "title": step.more}}
        self._send({"type": "interactive", "interactive": reply, **self._about_answer()})

    def _location(self, step: Step) -> None:
        self.tell(">", f"[ubicación] {step.text} {step.more}".rstrip())
        latitude, longitude = map(float, step.text.split(","))
        name = {"name": step.more} if step.more else {}
        self._send({"type": "location", "location": {"latitude": latitude, "longitude": longitude, **name}})

    def _react(self, step: Step) -> None:
        answer = self._answer_with_id(step)
        if answer is not None:
            self.tell(">", f"[reacción] {step.text}")
            self._send({"type": "reaction", "reaction": {"message_id": answer.message_id, "emoji": step.text}})

    def _send_file(self, step: Step) -> None:
        """The file goes up to Meta, or to what stands in for it, so that the server can fetch it from there."""
        path = self.script.folder / step.text
        self.tell(">", f"[{step.verb}] {path.name} {step.more}".rstrip())
        media_id = ""
        try:
            with path.open("rb") as file:
                media_id = media.upload(file, kind=step.verb, filename=path.name)
        except Refusal as refusal:
            self.tell("!", f"El archivo no se pudo subir: {refusal.message}")
        part: dict[str, Any] = {"id": media_id or f"SIM{new_id().hex}"}
        if step.more:
            part["caption"] = step.more
        if step.verb == "document":
            part["filename"] = path.name
        self._send({"type": step.verb, step.verb: part})

    def _status(self, step: Step) -> None:
        answer = self._answer_with_id(step)
        if answer is None:
            return
        self.tell(">", f"[estado] {step.text}")
        row: dict[str, Any] = {
            "id": answer.message_id,
            "status": step.text,
            "recipient_id": self.script.number,
            **_now(),
        }
        if step.text == "failed":
            row["errors"] = [{"code": 131026, "title": "Message undeliverable"}]
        self._post({"statuses": [row]})

    # --- What is expected -----------------------------------------------------------------------

    def _wait(self, step: Step) -> None:
        self._patiently(float(step.text) / self.speed, lambda: False)

    def _expect(self, step: Step) -> None:
        """The next answer that no other line has claimed, with all these words."""
        if not self._patiently(self.patience, lambda: bool(self._unclaimed)):
            self._fail(step, f"no hubo respuesta en {self.patience:g} segundos; se esperaba «{step.text}»")
            return
        answer = self._unclaimed.pop(0)
        said = fold(answer.body or "")
        if missing := [word for word in fold(step.text).split() if word not in said]:
            self._fail(step, f"en la respuesta falta: {', '.join(missing)}")

    def _silence(self, step: Step) -> None:
        seconds = float(step.text)
        self._look()
        self._unclaimed.clear()
        if self._patiently(seconds, lambda: bool(self._unclaimed)):
            self._fail(step, "se esperaba silencio y hubo respuesta")

    def _fail(self, step: Step, sentence: str) -> None:
        self.failures += 1
        self.tell("✗", f"Línea {step.line}: {sentence}.")

    # --- Looking at the thread ------------------------------------------------------------------

    def _look(self) -> None:
        """Tell of each answer of the bot's once."""
        if self._thread_id is None:
            found = Message.objects.filter(message_id=self._last_wamid).values_list("thread_id", flat=True).first()
            if not self._last_wamid or found is None:
                return
            self._thread_id = found
        rows = Message.objects.filter(
            thread_id=self._thread_id, direccion=Direction.OUTBOUND, author=Author.BOT, pk__gt=self._seen_up_to
        ).order_by("pk")
        for row in rows:
            self._seen_up_to = row.pk
            self._unclaimed.append(row)
            self._last_answer = row
            self.tell("<", row.body or f"[{row.message_type}]")

    def _answer_with_id(self, step: Step) -> Message | None:
        """The bot's last answer, once Meta has named it."""

        def is_named() -> bool:
            if self._last_answer is not None:
                self._last_answer.refresh_from_db(fields=["message_id"])
            return self._last_answer is not None and self._last_answer.message_id is not None

        if self._patiently(self.patience, is_named):
            return self._last_answer
        self._fail(step, "no hay ninguna respuesta enviada de la que hablar")
        return None

    def _about_answer(self) -> dict[str, Any]:
        answer = self._last_answer
        return {"context": {"id": answer.message_id}} if answer is not None and answer.message_id else {}

    def _patiently(self, seconds: float, is_so: Callable[[], bool]) -> bool:
        ends_at = time.monotonic() + seconds
        while True:
            self._look()
            if is_so():
                return True
            if (left := ends_at - time.monotonic()) <= 0:
                return False
            pause(min(POLL_SECONDS, left))

    # --- Sending --------------------------------------------------------------------------------

    def _send(self, message: dict[str, Any]) -> None:
        wamid = f"wamid.SIM{new_id().hex}"
        self._last_wamid = wamid
        contact = {"profile": {"name": self.script.name}, "wa_id": self.script.number}
        self._post(
            {"contacts": [contact], "messages": [{"from": self.script.number, "id": wamid, **_now(), **message}]}
        )

    def _post(self, value: dict[str, Any]) -> None:
        metadata = {"display_phone_number": self.phone_number_id, "phone_number_id": self.phone_number_id}
        change = {"field": "messages", "value": {"messaging_product": "whatsapp", "metadata": metadata, **value}}
        account = settings.WHATSAPP_BUSINESS_ACCOUNT_ID or "0"
        body = orjson.dumps({"object": "whatsapp_business_account", "entry": [{"id": account, "changes": [change]}]})
        headers = {"Content-Type": "application/json", SIGNATURE_HEADER: f"sha256={sign(body, self.secret)}"}
        try:
            response = requests.post(
                self.url + WEBHOOK_PATH, data=body, headers=headers, timeout=(5, 30), allow_redirects=False
            )
        except requests.RequestException as error:
            raise NotPlayed(f"El servidor no responde en {self.url}. ¿Está en marcha?") from error
        if response.status_code == 403:
            raise NotPlayed("El servidor no acepta la firma: use la misma clave (WHATSAPP_APP_SECRET o --secret).")
        if response.status_code != 200:
            raise NotPlayed(f"El servidor respondió {response.status_code} en {self.url}{WEBHOOK_PATH}.")


def pause(seconds: float) -> None:
    """Between two looks at the thread; without holding a view of the database that would not change."""
    if not connection.in_atomic_block:
        connection.close_if_unusable_or_obsolete()
    time.sleep(seconds)


def _now() -> dict[str, str]:
    return {"timestamp": str(int(timezone.now().timestamp()))}


def is_real_meta() -> bool:
    """Whether what the bot answers would leave for a real phone."""
    return bool(settings.WHATSAPP_ACCESS_TOKEN) and "facebook.com" in settings.WHATSAPP_GRAPH_URL


def shown(steps: Iterable[Step]) -> Iterator[str]:
    """The steps as they were understood."""
    for step in steps:
        yield f"{step.line:>4}  {step.verb} {step.text} {step.more}".rstrip()
