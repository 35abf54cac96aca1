"""Files of messages, for staff: each request is checked, none goes past this view to the storage.

What strangers send is never run here: what a browser can show without running it is shown, all else is saved to disk,
and no file may load or run anything (research: docs/whatsapp.md).
"""

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from django.contrib.admin.views.decorators import staff_member_required
from django.core.files import File
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.urls import path
from django.utils.cache import get_conditional_response, patch_vary_headers
from django.utils.decorators import method_decorator
from django.utils.http import quote_etag
from django.views import View
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.views import APIView

from crm.exceptions import Conflict, NotFound
from crm.models import User
from whatsapp.choices import MediaState
from whatsapp.models import Media, Message

PIECE = 64 * 1024
# A browser shows these without running anything of them; `image/svg+xml` is none and never gets in.
SHOWN = re.compile(r"image/(?:jpeg|png|webp|gif)|audio/[a-z0-9-]+|video/(?:mp4|3gpp)|application/pdf")
NOTHING_RUNS = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
_RANGE = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})")

NO_FILE = "Este mensaje no tiene archivo."
# Why there is no file yet, or never will be.
_WITHOUT = {
    MediaState.PENDING: "El archivo todavía se está descargando; inténtelo en unos segundos.",
    MediaState.FETCHING: "El archivo todavía se está descargando; inténtelo en unos segundos.",
    MediaState.REFUSED: "El archivo no se admitió.",
    MediaState.FAILED: "El archivo no se pudo descargar.",
}


def media_of(user: User, **named: int) -> Media:
    """The stored file, `named` by itself or by its message, that `user` may see; NotFound and Conflict say what is
    missing."""
    media = Media.objects.filter(**named).first()
    if media is not None and not Message.objects.visible_to(user).filter(pk=media.message_id).exists():
        media = None
    if media is None:
        raise NotFound(NO_FILE)
    if media.state != MediaState.STORED:
        raise Conflict(f"{_WITHOUT[MediaState(media.state)]} {media.error}".strip(), code="archivo_no_disponible")
    if not media.file or not media.file.storage.exists(str(media.file.name)):
        raise NotFound("El archivo ya no está en el almacén.")
    return media


def answer(request: HttpRequest, media: Media) -> HttpResponseBase:
    """The file, or the part that was asked for, or "you have it already"."""
    etag = quote_etag(media.sha256 or str(media.pk))
    response = get_conditional_response(request, etag=etag) or _whole_or_part(request, media, etag)
    for name, value in _headers(media).items():
        response.headers[name] = value
    response.headers["ETag"] = etag
    patch_vary_headers(response, ("Authorization", "Cookie"))
    return response


def _whole_or_part(request: HttpRequest, media: Media, etag: str) -> HttpResponseBase:
    size = int(media.file.size)
    wanted = request.headers.get("Range", "")
    if request.headers.get("If-Range", etag) != etag:
        wanted = ""
    part = part_of(wanted, size)
    if part == (0, 0):
        return HttpResponse(status=416, headers={"Content-Range": f"bytes */{size}"})
    first, end = part or (0, size)
    headers = {"Content-Length": str(end - first)}
    if part is not None:
        headers["Content-Range"] = f"bytes {first}-{end - 1}/{size}"
    response: HttpResponseBase
    if request.method == "HEAD":
        response = HttpResponse(headers=headers)
    elif part is None:
        response = FileResponse(media.file.open("rb"), headers=headers)
    else:
        response = _Part(media.file.open("rb"), first, end, headers=headers)
    response.status_code = 200 if part is None else 206
    return response


def part_of(wanted: str, size: int) -> tuple[int, int] | None:
    """The part from its first byte to after its last; None for the whole, (0, 0) where there is no such part.

    Several parts at once, and what is no range at all, are answered with the whole, as HTTP allows.
    """
    match = _RANGE.fullmatch(wanted.strip())
    if match is None or match[1] == match[2] == "":
        return None
    if match[1] == "":
        length = int(match[2])
        return (max(size - length, 0), size) if length and size else (0, 0)
    first = int(match[1])
    last = int(match[2]) if match[2] else size - 1
    if match[2] and last < first:
        return None
    return (first, min(last + 1, size)) if first < size else (0, 0)


class _Part(StreamingHttpResponse):
    """Closes the file with the answer, also when the reader goes away in the middle."""

    def __init__(self, file: File, first: int, end: int, **kwargs: Any) -> None:
        self._file = file
        super().__init__(_pieces(file, first, end), **kwargs)

    def close(self) -> None:
        self._file.close()
        super().close()


def _pieces(file: File, first: int, end: int) -> Iterator[bytes]:
    file.seek(first)
    left = end - first
    while left > 0 and (piece := file.read(min(PIECE, left))):
        left -= len(piece)
        yield piece


def _headers(media: Media) -> dict[str, str]:
    is_shown = SHOWN.fullmatch(media.mime_type) is not None
    # A sandbox keeps browsers from showing a PDF at all; their viewers run nothing of it in our name.
    sandbox = "" if media.mime_type == "application/pdf" else "; sandbox"
    return {
        "Content-Type": _content_type(media, is_shown=is_shown),
        "Content-Disposition": f"{'inline' if is_shown else 'attachment'}; {_names(media)}",
        "Content-Security-Policy": NOTHING_RUNS + sandbox,
        "Cross-Origin-Resource-Policy": "same-origin",
        "X-Content-Type-Options": "nosniff",
        "X-Robots-Tag": "noindex, nofollow, noarchive",
        "Cache-Control": "private, no-cache",
        "Accept-Ranges": "bytes",
    }


def _content_type(media: Media, *, is_shown: bool) -> str:
    if not is_shown and media.mime_type.startswith(("text/", "application/xml")):
        return "application/octet-stream"
    return media.mime_type or "application/octet-stream"


def _names(media: Media) -> str:
    """What it is saved as: the sender's name for it, with the ending of what it really is."""
    stem = re.sub(r'[\x00-\x1f\x7f"\\/:*?<>|\u202a-\u202e\u2066-\u2069]', "_", media.filename).strip(" .")[:150]
    stem = stem or f"whatsapp-{media.message_id}"
    if media.extension and not stem.lower().endswith(media.extension):
        stem += media.extension
    plain = stem.encode("ascii", "replace").decode().replace("?", "_")
    return f"filename=\"{plain}\"; filename*=UTF-8''{quote(stem, safe='')}"


# --- The two doors ----------------------------------------------------------------------------


@method_decorator(staff_member_required, name="dispatch")
class StaffFile(View):
    """For whoever is signed in to the staff pages; a refusal is a sentence on an empty page."""

    http_method_names = ["get", "head"]

    def get(self, request: HttpRequest, media_id: int) -> HttpResponseBase:
        user = request.user
        if not isinstance(user, User) or not user.is_crm_staff:
            raise Http404
        try:
            return answer(request, media_of(user, pk=media_id))
        except (NotFound, Conflict) as refusal:
            return HttpResponse(refusal.message, status=refusal.status, content_type="text/plain; charset=utf-8")


class MessageFile(APIView):
    """El archivo de un mensaje."""

    @extend_schema(
        operation_id="conversaciones_whatsapp_archivo",
        responses={(200, "application/octet-stream"): OpenApiTypes.BINARY},
    )
    def get(self, request: Request, message_id: str) -> HttpResponseBase:
        """El archivo de un mensaje (imagen, audio, video o documento). Admite `Range` y `If-None-Match`.

        409 mientras se descarga y cuando no se admitió o no se pudo descargar; el mensaje dice por qué.
        """
        assert isinstance(request.user, User)
        # What is no number is as unknown as a number that no message has.
        number = int(message_id) if message_id.isascii() and message_id.isdecimal() and len(message_id) <= 18 else 0
        return answer(request._request, media_of(request.user, message_id=number))


# Where the staff pages have their door: whatsapp/admin/threads.py.
urls = [path("conversaciones-whatsapp/<str:message_id>/archivo", MessageFile.as_view(), name="whatsapp_media_api")]
