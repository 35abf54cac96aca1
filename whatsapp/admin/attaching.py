"""A file from the composer: given to Meta, then sent, and kept here as it was sent."""

import hashlib
from dataclasses import dataclass
from uuid import UUID, uuid5

from django.core.files import File
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction

from crm.exceptions import Conflict, Refusal
from crm.models import User
from whatsapp import media
from whatsapp.choices import MediaState
from whatsapp.file_types import AUDIO, DOCUMENT, HEAD_BYTES, IMAGE, LARGEST_SENT, SENDABLE, VIDEO, FileType, type_of
from whatsapp.models import Media, Message, Thread
from whatsapp.sending import bodies
from whatsapp.sending.composing import WindowClosed, send_media, send_text

LONGEST_NAME = 200


@dataclass(frozen=True)
class Attached:
    """A file that Meta has, and is to be sent."""

    file: UploadedFile
    media_id: str
    kind: str
    name: str
    type: FileType
    sha256: str


def attach(file: UploadedFile, *, thread: Thread, caption: str, quoting: str, key: UUID) -> Attached:
    """Give the file to Meta. It takes its time, so nothing is locked yet; what would be refused is refused before."""
    if quoting:
        raise Refusal("Un archivo no puede citar un mensaje: quite la cita, o envíe primero el texto.", code="sin_cita")
    if not thread.is_window_open:
        raise WindowClosed
    file.seek(0)
    name = (file.name or "archivo")[-LONGEST_NAME:]
    found = type_of(file.read(HEAD_BYTES), name)
    kind = kind_for(found, file.size or 0)
    bodies.media(kind, link="", media_id="0", caption=_caption(kind, caption), filename=name)
    sha256 = _digest_of(file)
    sent = Media.objects.filter(message__key=key, message__thread=thread).first()
    if sent is not None:
        if sent.sha256 != sha256:
            raise Conflict("Ese mensaje ya se había enviado con otro archivo. Revíselo arriba y envíe este otra vez.")
        return Attached(file, sent.media_id, kind, name, found, sha256)
    return Attached(file, media.upload(file, kind=kind, filename=name), kind, name, found, sha256)


def kind_for(found: FileType, size: int) -> str:
    """As what it is sent: shown or played in the chat where WhatsApp takes it so, else a document."""
    for kind in (IMAGE, VIDEO, AUDIO):
        if found.mime_type in SENDABLE[kind] and size <= LARGEST_SENT[kind]:
            return kind
    return DOCUMENT


def send_attached(attached: Attached, *, thread: Thread, caption: str, by: User, key: UUID) -> Message:
    """Queue it, and keep what was sent. A sound carries no words: they follow as a message of their own."""
    with transaction.atomic():
        message = send_media(
            thread,
            kind=attached.kind,
            media_id=attached.media_id,
            caption=_caption(attached.kind, caption),
            filename=attached.name if attached.kind == DOCUMENT else "",
            by=by,
            key=key,
        )
        if attached.kind == AUDIO and caption:
            send_text(thread, caption, by=by, key=uuid5(key, "words"))
        if not Media.objects.filter(message=message).exists():
            _keep(attached, message)
    return message


def _caption(kind: str, text: str) -> str:
    return "" if kind == AUDIO else text


def _keep(attached: Attached, message: Message) -> None:
    attached.file.seek(0)
    row = Media(
        message=message,
        media_id=attached.media_id,
        kind=attached.kind,
        state=MediaState.STORED,
        mime_type=attached.type.mime_type,
        extension=attached.type.extension,
        filename=attached.name,
        size=attached.file.size,
        sha256=attached.sha256,
    )
    row.file.save(attached.name, File(attached.file))


def _digest_of(file: UploadedFile) -> str:
    digest = hashlib.sha256()
    for chunk in file.chunks():
        digest.update(chunk)
    return digest.hexdigest()
