"""A stand-in for Meta, in the demonstration only (contract section 7): takes what is sent, and tells how it fared.

It answers as the Graph API does and then posts signed statuses to our own webhook, so that a message goes the whole
way with nothing configured. To numbers that end in 99 nothing can be delivered.
"""

import hashlib
import heapq
import hmac
import logging
import re
import secrets
import struct
import threading
import time
import zlib
from base64 import b64encode
from collections.abc import Callable
from functools import lru_cache, partial, wraps
from typing import Any

import orjson
import requests
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.urls import reverse
from django.utils.crypto import constant_time_compare
from django.views.decorators.csrf import csrf_exempt

from crm.ids import new_id

logger = logging.getLogger("puente.whatsapp.simulated")

DISPLAY_NUMBER = "51900000999"
NAME = "Puente Demostración"
# How long after it was taken a message is sent, delivered and read.
SECONDS_UNTIL = {"sent": 0.7, "delivered": 1.8, "read": 6.0}
NOBODY_THERE = "99"
TYPES = ("text", "template", "interactive", "image", "video", "audio", "document", "sticker", "location", "contacts")
WEBHOOK_SECONDS = 10
LARGEST_UPLOAD = 100 * 1024 * 1024

TEMPLATES: tuple[dict[str, Any], ...] = (
    {
        "id": "300000000000001",
        "name": "bienvenida",
        "language": "es",
        "status": "APPROVED",
        "category": "MARKETING",
        "quality_score": {"score": "GREEN"},
        "components": [
            {
                "type": "BODY",
                "text": "Hola, {{1}}. Gracias por dejarnos sus datos. ¿Le contamos por aquí?",
            },
            {"type": "FOOTER", "text": "Responda BAJA para no recibir más mensajes."},
        ],
    },
    {
        "id": "300000000000002",
        "name": "recordatorio_cita",
        "language": "es",
        "status": "APPROVED",
        "category": "UTILITY",
        "quality_score": {"score": "GREEN"},
        "components": [
            {"type": "HEADER", "format": "TEXT", "text": "Su cita con nosotros"},
            {"type": "BODY", "text": "Hola, {{1}}. Le recordamos su cita: {{2}}. ¿Nos confirma que viene?"},
            {
                "type": "BUTTONS",
                "buttons": [
                    {"type": "QUICK_REPLY", "text": "Confirmo"},
                    {"type": "QUICK_REPLY", "text": "Cambiar la hora"},
                ],
            },
        ],
    },
    {
        "id": "300000000000003",
        "name": "seguimiento_documentos",
        "language": "es",
        "status": "APPROVED",
        "category": "UTILITY",
        "quality_score": {"score": "UNKNOWN"},
        "components": [
            {
                "type": "BODY",
                "text": "Hola, {{1}}. ¿Pudo reunir los documentos que le faltaban?",
            },
        ],
    },
    {
        "id": "300000000000004",
        "name": "promocion_fin_de_mes",
        "language": "es",
        "status": "REJECTED",
        "rejected_reason": "TAG_CONTENT_MISMATCH",
        "category": "MARKETING",
        "components": [{"type": "BODY", "text": "{{1}}, últimos lotes sin inicial hasta fin de mes."}],
    },
)

View = Callable[..., HttpResponse]


class Refused(Exception):
    """What the Graph API refuses, in its words."""

    def __init__(self, code: int, message: str, *, status: int = 400, details: str = "", subcode: int = 0) -> None:
        self.status = status
        self.error: dict[str, Any] = {"message": f"(#{code}) {message}", "type": "OAuthException", "code": code}
        if subcode:
            self.error["error_subcode"] = subcode
        if details:
            self.error["error_data"] = {"messaging_product": "whatsapp", "details": details}
        self.error["fbtrace_id"] = "demostracion"
        super().__init__(message)


def graph(*methods: str) -> Callable[[View], View]:
    """A view of the simulated Graph API: in the demonstration only, with the token, errors as Meta writes them."""

    def decorate(view: View) -> View:
        @csrf_exempt
        @wraps(view)
        def answer(request: HttpRequest, **arguments: Any) -> HttpResponse:
            if not settings.DEMONSTRATION:
                raise Http404
            try:
                _check_token(request)
                if request.method not in methods:
                    raise Refused(100, "Unsupported request method.", subcode=33)
                return view(request, **arguments)
            except Refused as refused:
                return JsonResponse({"error": refused.error}, status=refused.status)

        return answer

    return decorate


def _check_token(request: HttpRequest) -> None:
    given = request.headers.get("Authorization", "")
    if not constant_time_compare(given.encode(), f"Bearer {settings.WHATSAPP_ACCESS_TOKEN}".encode()):
        raise Refused(190, "Invalid OAuth access token.", status=401)


# --- Sending --------------------------------------------------------------------------------------


@graph("POST")
def messages(request: HttpRequest, number_id: str) -> HttpResponse:
    """Take a message, or that one was read."""
    _check_number(number_id)
    body = _json_of(request)
    if body.get("messaging_product") != "whatsapp":
        raise Refused(100, "Invalid parameter", details="The parameter messaging_product is required.")
    if body.get("status") == "read":
        return JsonResponse({"success": True})
    receiver = _receiver_of(body)
    _check_content(body)
    wamid = f"wamid.{b64encode(secrets.token_bytes(24)).decode()}"
    if body["type"] != "reaction":
        _tell_how_it_fares(request.build_absolute_uri(reverse("whatsapp-webhook")), wamid, receiver, body)
    contact = {"input": body.get("to") or receiver, "wa_id" if receiver.isdigit() else "user_id": receiver}
    taken: dict[str, Any] = {"id": wamid}
    if body["type"] == "template":
        taken["message_status"] = "accepted"
    return JsonResponse({"messaging_product": "whatsapp", "contacts": [contact], "messages": [taken]})


def _check_number(number_id: str) -> None:
    if number_id != settings.WHATSAPP_PHONE_NUMBER_ID:
        raise Refused(100, f"Object with ID '{number_id}' does not exist", subcode=33)


def _json_of(request: HttpRequest) -> dict[str, Any]:
    try:
        body = orjson.loads(request.body)
    except orjson.JSONDecodeError:
        body = None
    if not isinstance(body, dict):
        raise Refused(100, "Invalid parameter", details="The body is no JSON object.")
    return body


def _receiver_of(body: dict[str, Any]) -> str:
    receiver = str(body.get("to") or body.get("recipient") or "")
    digits = re.sub(r"[\s()+-]", "", receiver)
    if digits.isdigit() and 7 <= len(digits) <= 15:
        return digits
    if not receiver or digits.isdigit() or body.get("to"):
        raise Refused(131009, "Parameter value is not valid", details="The recipient is no number.")
    return receiver


def _check_content(body: dict[str, Any]) -> None:
    kind = str(body.get("type") or "text")
    body["type"] = kind
    part = body.get(kind)
    if kind not in (*TYPES, "reaction") or not isinstance(part, dict | list):
        raise Refused(100, "Invalid parameter", details=f"The parameter {kind} is required.")
    if kind == "text" and not 0 < len(str(body["text"].get("body") or "")) <= 4096:
        raise Refused(100, "Invalid parameter", details="The text has 1 to 4096 characters.")
    if kind == "template":
        _check_template(body["template"])


def _check_template(sent: dict[str, Any]) -> None:
    language = sent.get("language")
    code = language.get("code") if isinstance(language, dict) else None
    known = next((one for one in TEMPLATES if (one["name"], one["language"]) == (sent.get("name"), code)), None)
    if known is None or known["status"] != "APPROVED":
        details = f"template name ({sent.get('name')}) does not exist in {code}"
        raise Refused(132001, "Template name does not exist in the translation", status=404, details=details)
    text = next(part["text"] for part in known["components"] if part["type"] == "BODY")
    wanted = len(set(re.findall(r"\{\{\w+\}\}", text)))
    parts = [part for part in sent.get("components") or [] if isinstance(part, dict)]
    given = next((part.get("parameters") or [] for part in parts if str(part.get("type")).lower() == "body"), [])
    if len(given) != wanted:
        details = f"body: number of localizable_params ({len(given)}) does not match the expected number ({wanted})"
        raise Refused(132000, "Number of parameters does not match the expected number of params", details=details)


# --- What becomes of it ---------------------------------------------------------------------------


def _tell_how_it_fares(address: str, wamid: str, receiver: str, body: dict[str, Any]) -> None:
    """Statuses follow one after the other, each with the moment of which it tells."""
    fate = ["sent", "failed"] if receiver.endswith(NOBODY_THERE) else list(SECONDS_UNTIL)
    for status, seconds in zip(fate, SECONDS_UNTIL.values(), strict=False):
        LATER.do(seconds, partial(post_status, address, wamid, receiver, status, body))


def post_status(address: str, wamid: str, receiver: str, status: str, body: dict[str, Any]) -> None:
    """Tell our own webhook, signed as Meta signs. Meta repeats what was not taken; once is enough here."""
    told: dict[str, Any] = {"id": wamid, "status": status, "timestamp": str(int(time.time()))}
    told |= {"recipient_id": receiver} if receiver.isdigit() else {"recipient_user_id": receiver}
    if body.get("biz_opaque_callback_data"):
        told["biz_opaque_callback_data"] = body["biz_opaque_callback_data"]
    if status == "failed":
        details = {"details": "The recipient does not use WhatsApp."}
        told["errors"] = [{"code": 131026, "title": "Message undeliverable", "error_data": details}]
    elif status == "sent":
        told["pricing"] = {"billable": False, "pricing_model": "PMP", "category": "service", "type": "regular"}
    raw = orjson.dumps(envelope({"statuses": [told]}))
    secret = settings.WHATSAPP_APP_SECRET[0].encode()
    signature = hmac.new(secret, raw, hashlib.sha256).hexdigest()
    headers = {"Content-Type": "application/json", "X-Hub-Signature-256": f"sha256={signature}"}
    try:
        answered = requests.post(address, data=raw, headers=headers, timeout=WEBHOOK_SECONDS, allow_redirects=False)
        answered.raise_for_status()
    except requests.RequestException as error:
        logger.warning("simulated Meta could not tell that %s is %s: %s", wamid, status, error)


def envelope(value: dict[str, Any]) -> dict[str, Any]:
    """What Meta posts, around a `value`."""
    number = {"display_phone_number": DISPLAY_NUMBER, "phone_number_id": settings.WHATSAPP_PHONE_NUMBER_ID}
    change = {"field": "messages", "value": {"messaging_product": "whatsapp", "metadata": number, **value}}
    entry = {"id": settings.WHATSAPP_BUSINESS_ACCOUNT_ID, "changes": [change]}
    return {"object": "whatsapp_business_account", "entry": [entry]}


class Later:
    """Acts after a while, one after the other, in a thread that ends with the process. What is lost is not missed."""

    def __init__(self) -> None:
        self._waiting: list[tuple[float, int, Callable[[], None]]] = []
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._count = 0

    def do(self, seconds: float, act: Callable[[], None]) -> None:
        with self._changed:
            self._count += 1
            heapq.heappush(self._waiting, (time.monotonic() + seconds, self._count, act))
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="simulated-meta", daemon=True)
                self._thread.start()
            self._changed.notify()

    def _run(self) -> None:
        while True:
            act = self._next()
            try:
                act()
            except Exception:  # the demonstration goes on; what went wrong is in the log
                logger.exception("simulated Meta")

    def _next(self) -> Callable[[], None]:
        with self._changed:
            while True:
                if not self._waiting:
                    self._changed.wait()
                    continue
                wait = self._waiting[0][0] - time.monotonic()
                if wait <= 0:
                    return heapq.heappop(self._waiting)[2]
                self._changed.wait(wait)


LATER = Later()


# --- What is asked --------------------------------------------------------------------------------


@graph("GET")
def templates(request: HttpRequest, account_id: str) -> HttpResponse:
    _check_account(account_id)
    return JsonResponse({"data": list(TEMPLATES), "paging": {"cursors": {"before": "a", "after": "z"}}})


@graph("GET", "POST")
def subscribed_apps(request: HttpRequest, account_id: str) -> HttpResponse:
    _check_account(account_id)
    if request.method == "POST":
        return JsonResponse({"success": True})
    app = {"name": NAME, "id": "400000000000001", "link": "https://puente.test"}
    return JsonResponse({"data": [{"whatsapp_business_api_data": app}]})


@graph("GET")
def phone_numbers(request: HttpRequest, account_id: str) -> HttpResponse:
    _check_account(account_id)
    return JsonResponse({"data": [_number()], "paging": {"cursors": {"before": "a", "after": "z"}}})


def _check_account(account_id: str) -> None:
    if account_id != settings.WHATSAPP_BUSINESS_ACCOUNT_ID:
        raise Refused(100, f"Object with ID '{account_id}' does not exist", subcode=33)


@graph("GET")
def one_object(request: HttpRequest, object_id: str) -> HttpResponse:
    """Meta numbers everything alike: the account, its number, a file."""
    if object_id == settings.WHATSAPP_PHONE_NUMBER_ID:
        return JsonResponse(_number())
    if object_id == settings.WHATSAPP_BUSINESS_ACCOUNT_ID:
        return JsonResponse({"id": object_id, "name": NAME, "currency": "USD", "timezone_id": "1"})
    if object_id.startswith(IMAGE_IDS) or object_id.startswith(DOCUMENT_IDS):
        mime_type, content = file_called(object_id)
        return JsonResponse(
            {
                "messaging_product": "whatsapp",
                "url": request.build_absolute_uri(reverse("simulated-meta-file", args=[object_id])),
                "mime_type": mime_type,
                "sha256": hashlib.sha256(content).hexdigest(),
                "file_size": str(len(content)),
                "id": object_id,
            }
        )
    raise Refused(100, f"Object with ID '{object_id}' does not exist", subcode=33)


def _number() -> dict[str, Any]:
    return {
        "id": settings.WHATSAPP_PHONE_NUMBER_ID,
        "display_phone_number": f"+{DISPLAY_NUMBER}",
        "verified_name": NAME,
        "quality_rating": "GREEN",
        "code_verification_status": "VERIFIED",
        "platform_type": "CLOUD_API",
        "throughput": {"level": "STANDARD"},
        "status": "CONNECTED",
        "name_status": "APPROVED",
        "messaging_limit_tier": "TIER_1K",
    }


# --- Files ----------------------------------------------------------------------------------------

# What the demonstration's people sent: pictures and documents are told apart by the beginning of their id.
IMAGE_IDS, DOCUMENT_IDS = "5001", "5002"


@graph("POST")
def upload(request: HttpRequest, number_id: str) -> HttpResponse:
    """Take a file that is to be sent; only its name is remembered, by the sender."""
    _check_number(number_id)
    file = request.FILES.get("file")
    if file is None or not file.size or file.size > LARGEST_UPLOAD:
        raise Refused(100, "Invalid parameter", details="The parameter file is required.")
    return JsonResponse({"id": f"5009{new_id().int % 10**11:011d}"})


@graph("GET")
def file(request: HttpRequest, media_id: str) -> HttpResponse:
    mime_type, content = file_called(media_id)
    return HttpResponse(content, content_type=mime_type)


def file_called(media_id: str) -> tuple[str, bytes]:
    """The same file for the same id each time."""
    if media_id.startswith(DOCUMENT_IDS):
        return "application/pdf", a_document(media_id)
    return "image/png", a_picture(media_id)


@lru_cache(maxsize=16)
def a_picture(name: str) -> bytes:
    """A plan of lots in quiet colours, some of them taken."""
    width, height, lot = 360, 240, 40
    seed = zlib.crc32(name.encode())
    colours = [bytes(part) for part in ((205, 228, 214), (244, 232, 205), (222, 214, 236), (214, 226, 240))]
    rows = bytearray()
    for y in range(height):
        rows.append(0)
        for x in range(width):
            column, line = x // lot, y // lot
            is_street = line % 3 == 1
            is_edge = x % lot < 2 or y % lot < 2
            kind = (seed >> ((column * 5 + line * 3) % 28)) & 3
            rows += b"\xd8\xd8\xd8" if is_street else b"\xff\xff\xff" if is_edge else colours[kind]
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = [(b"IHDR", header), (b"IDAT", zlib.compress(bytes(rows), 9)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in parts)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


@lru_cache(maxsize=16)
def a_document(name: str) -> bytes:
    """One page that says what it is."""
    words = f"BT /F1 18 Tf 60 760 Td (Documento de la demostracion {name}) Tj ET".encode()
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>",
        b"<</Length %d>>stream\n%s\nendstream" % (len(words), words),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    ]
    pdf, places = bytearray(b"%PDF-1.4\n"), []
    for position, body in enumerate(objects, start=1):
        places.append(len(pdf))
        pdf += b"%d 0 obj%s\nendobj\n" % (position, body)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    end = b"xref\n0 6\n0000000000 65535 f \n%strailer<</Size 6/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF"
    return bytes(pdf + end % (table, len(pdf)))
