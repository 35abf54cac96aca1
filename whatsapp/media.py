"""Files of messages: fetched from Meta after the message is stored, and given to Meta before one is sent.

A message is there without its file. The file has its own row, its own tries and its own end; what Meta deletes after
some days is fetched within seconds (docs/whatsapp.md).
"""

import base64
import binascii
import hmac
import logging
import os
import tempfile
import time
from datetime import timedelta
from typing import IO, Any, BinaryIO, cast

from django.conf import settings
from django.core.cache import cache
from django.core.files import File
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from crm.exceptions import Refusal
from whatsapp import graph
from whatsapp.choices import MediaState
from whatsapp.file_types import AUDIO, HEAD_BYTES, KINDS, LARGEST_SENT, M4A, MP4, SENDABLE, FileType, type_of
from whatsapp.graph import Download, GraphError, TooLarge, megabytes
from whatsapp.models import Media
from whatsapp.models.media import RETRY_SECONDS, place_of

logger = logging.getLogger("puente.whatsapp")

# One call of the task; the next tick goes on.
SECONDS_AT_A_TIME = 60.0
# Meta keeps what came with a webhook for a week (whatsapp-anchors a.12).
KEPT_BY_META = timedelta(days=7)
# After 20 errors in 60 minutes Meta answers nothing about files for 30 (a.10). We stop before it does.
MOST_ERRORS = 18
ERRORS_WITHIN = 60 * 60
LEFT_ALONE_SECONDS = 30 * 60
# With a token that Meta does not take nothing can be fetched: the files wait, and keep their tries.
TOKEN_WAIT_SECONDS = 5 * 60

# Of a file that ends its worker again and again: each try counts when it begins.
INTERRUPTED = "La descarga se interrumpió cada vez."

_BUCKET_SECONDS = 5 * 60
_PAUSE = "whatsapp:media:pause"
_SHOWN_KINDS = {
    "image": "una imagen",
    "sticker": "un sticker",
    "audio": "un audio",
    "voice": "un audio",
    "video": "un video",
    "document": "un documento",
}


class FileRefused(Exception):
    """It came, and it is not taken: no later try would change that."""


# --- From Meta --------------------------------------------------------------------------------


def fetch_due() -> int:
    """Fetch what is due, one after the other; how many were tried. Several workers at it share the rows."""
    tried, ends_at = 0, time.monotonic() + SECONDS_AT_A_TIME
    while time.monotonic() < ends_at and not is_paused() and settings.WHATSAPP_ACCESS_TOKEN:
        media = Media.objects.claim()
        if media is None:
            break
        fetch(media)
        tried += 1
    return tried


def fetch(media: Media) -> None:
    """One try for a row that this worker holds: stored, refused, or put off; whatever happens, written down."""
    if media.attempts > len(RETRY_SECONDS) + 1:
        media.settle(media.lease_token, state=MediaState.FAILED, error=INTERRUPTED)
        return
    # Beside the storage's own files nothing is left behind: the system removes this one, also after a crash.
    with tempfile.TemporaryFile() as file:
        try:
            found, kind = _brought(media, file)
            _store(media, file, found, kind)
        except FileRefused as refusal:
            media.settle(media.lease_token, state=MediaState.REFUSED, error=str(refusal)[:500])
        except GraphError as error:
            _put_off(media, error)
        except Exception as error:  # a full disk, say: it costs one try of this file, and is told on its row
            logger.exception("media %s could not be fetched", media.pk)
            _try_later(media, f"El archivo no se pudo guardar: {type(error).__name__}.")


def _brought(media: Media, file: BinaryIO) -> tuple[Download, FileType]:
    """The bytes into `file`, and what they are; refused when they are not what the message says."""
    most = settings.WHATSAPP_MEDIA_MAX_BYTES
    told = graph.get(media.media_id).body
    url = told.get("url")
    if not isinstance(url, str) or not url:
        raise GraphError("Meta no dijo dónde está el archivo.", status=200)
    if (size := _size(told.get("file_size"))) is not None and size > most:
        raise FileRefused(f"El archivo pasa de {megabytes(most)}.")
    try:
        found = graph.download(url, file, most=most)
    except TooLarge as error:
        raise FileRefused(error.sentence) from error
    if not found.size:
        raise GraphError("Meta entregó un archivo vacío.")
    expected = media.sha256 or told.get("sha256")
    if isinstance(expected, str) and expected and not _is_digest(expected, found):
        raise GraphError("El archivo llegó alterado: su huella no es la que Meta anunció.")
    file.seek(0)
    kind = type_of(file.read(HEAD_BYTES), media.filename)
    _check_type(kind, media.kind)
    return found, kind


def _size(value: object) -> int | None:
    """Meta writes it as text."""
    text = str(value)
    return int(text[:18]) if text.isascii() and text.isdigit() else None


def _is_digest(expected: str, found: Download) -> bool:
    """Base64, as Meta writes it today, or hexadecimal, as it wrote it before."""
    text = expected.strip()
    if len(text) == 64:
        return hmac.compare_digest(text.lower().encode(), found.hex.encode())
    try:
        return hmac.compare_digest(base64.b64decode(text, validate=True), found.digest)
    except (binascii.Error, ValueError):
        return False


def _check_type(found: FileType, kind: str) -> None:
    if found.is_refused:
        raise FileRefused("Es una página web, un programa u otro archivo que no se admite por seguridad.")
    kind = AUDIO if kind == "voice" else kind
    if kind in KINDS and not found.fits(kind):
        raise FileRefused(f"No es {_SHOWN_KINDS[kind]}: su contenido es de otro tipo ({found.mime_type}).")


def _store(media: Media, file: IO[bytes], found: Download, kind: FileType) -> None:
    """Put the file into the storage and say so in the row, which is locked meanwhile.

    Its name is the row's own. A worker that died after writing it left a file that nobody names; the next one
    overwrites it. One that has lost its lease writes nothing.
    """
    with transaction.atomic():
        held = Media.objects.select_for_update(of=("self",), no_key=True).filter(
            pk=media.pk, lease_token=media.lease_token
        )
        row = held.first()
        if row is None:
            return
        row.extension = kind.extension
        storage, name = row.file.storage, place_of(row, "")
        storage.delete(name)
        file.seek(0)
        media.settle(
            media.lease_token,
            state=MediaState.STORED,
            file=storage.save(name, File(file, name=name)),
            extension=kind.extension,
            mime_type=kind.mime_type,
            size=found.size,
            sha256=found.hex,
            error="",
        )


# --- When it does not work --------------------------------------------------------------------


def _put_off(media: Media, error: GraphError) -> None:
    if error.is_dead_token:
        # The token's fault, not the file's: the try does not count, and the others need not be asked.
        cache.set(_PAUSE, 1, TOKEN_WAIT_SECONDS)
        if timezone.now() - media.message.timestamp < KEPT_BY_META:
            _settle_later(media, error.sentence, seconds=TOKEN_WAIT_SECONDS, attempts=F("attempts") - 1)
            return
    elif error.is_answered and error.status != 200:
        _note_error()
    if error.is_gone and media.attempts > 1:
        media.settle(media.lease_token, state=MediaState.FAILED, error=error.sentence[:500])
    else:
        _try_later(media, error.sentence)


def _try_later(media: Media, sentence: str) -> None:
    """Again after the next of the waits; after the last of them never."""
    if media.attempts > len(RETRY_SECONDS):
        media.settle(media.lease_token, state=MediaState.FAILED, error=sentence[:500])
    else:
        _settle_later(media, sentence, seconds=RETRY_SECONDS[media.attempts - 1])


def _settle_later(media: Media, sentence: str, *, seconds: float, **values: Any) -> None:
    next_try_at = timezone.now() + timedelta(seconds=seconds)
    media.settle(media.lease_token, state=MediaState.PENDING, next_try_at=next_try_at, error=sentence[:500], **values)


def is_paused() -> bool:
    """Whether Meta is not asked for files now: it has refused too many, or does not take our token."""
    return cache.get(_PAUSE) is not None


def _note_error() -> None:
    """Count one refusal of Meta's; with the last one it would bear, ask nothing for half an hour.

    Kept in the cache, which all workers share: losing it costs a few questions, not a file.
    """
    bucket = int(time.time()) // _BUCKET_SECONDS
    names = [_bucket(number) for number in range(bucket, bucket - ERRORS_WITHIN // _BUCKET_SECONDS, -1)]
    cache.add(names[0], 0, ERRORS_WITHIN + _BUCKET_SECONDS)
    cache.incr(names[0])
    if sum(cache.get_many(names).values()) >= MOST_ERRORS:
        cache.set(_PAUSE, 1, LEFT_ALONE_SECONDS)
        cache.delete_many(names)
        logger.warning("Meta refused %s files within an hour; asking again in half an hour", MOST_ERRORS)


def _bucket(number: int) -> str:
    return f"whatsapp:media:errors:{number}"


# --- To Meta ----------------------------------------------------------------------------------


def upload(file: Any, *, kind: str, filename: str = "") -> str:
    """Give `file` to Meta, to be sent within 30 days; the id that a message names it by.

    Refusal in a Spanish sentence for what Meta would not take: an empty file, another type, too large a one.
    """
    name = filename or os.path.basename(getattr(file, "name", "") or "") or "archivo"
    stream = cast(BinaryIO, getattr(file, "file", file))
    stream.seek(0)
    found = type_of(stream.read(HEAD_BYTES), name)
    if kind == AUDIO and found == MP4:
        found = M4A  # the same container; only who sends it knows that there is no picture in it
    _check_sendable(stream, found, kind)
    if not settings.WHATSAPP_PHONE_NUMBER_ID:
        raise Refusal("Falta el número de WhatsApp (WHATSAPP_PHONE_NUMBER_ID).", code="sin_configurar")
    try:
        reply = graph.upload(
            f"{settings.WHATSAPP_PHONE_NUMBER_ID}/media",
            {"messaging_product": "whatsapp", "type": found.mime_type},
            stream,
            filename=name,
            mime_type=found.mime_type,
        )
    except GraphError as error:
        raise Refusal(error.sentence, code="meta_no_acepta", status=502) from error
    media_id = reply.body.get("id")
    if not isinstance(media_id, str | int) or not str(media_id):
        raise Refusal("Meta aceptó el archivo y no dijo cómo lo llama.", code="meta_no_acepta", status=502)
    return str(media_id)


def _check_sendable(stream: BinaryIO, found: FileType, kind: str) -> None:
    if kind not in KINDS:
        raise Refusal("El tipo de archivo debe ser imagen, sticker, audio, video o documento.", code="tipo_desconocido")
    size = stream.seek(0, os.SEEK_END)
    most = min(LARGEST_SENT[kind], settings.WHATSAPP_MEDIA_MAX_BYTES)
    if not size:
        raise Refusal("El archivo está vacío.", code="archivo_vacio")
    if size > most:
        raise Refusal(f"El archivo pasa de {megabytes(most)}, lo más que admite WhatsApp.", code="archivo_grande")
    try:
        _check_type(found, kind)
    except FileRefused as refusal:
        raise Refusal(str(refusal), code="tipo_no_admitido") from refusal
    if kind in SENDABLE and found.mime_type not in SENDABLE[kind]:
        raise Refusal(f"WhatsApp no admite este formato ({found.mime_type}).", code="tipo_no_admitido")
