"""What a file really is, by its first bytes: neither its name nor what the sender says of it decides.

What a browser or a desk would run (pages, vector pictures, programs, scripts) is taken from nobody. A document may be
anything else; a picture, a sound or a film must be one.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePosixPath

# What is looked at; formats name themselves at the beginning.
HEAD_BYTES = 8_192

IMAGE, STICKER, AUDIO, VIDEO, DOCUMENT = "image", "sticker", "audio", "video", "document"
KINDS = (IMAGE, STICKER, AUDIO, VIDEO, DOCUMENT)
BINARY = "application/octet-stream"
PLAIN = "text/plain"
_MEGABYTE = 1024 * 1024
# What Meta takes from us, by kind (the page of its documentation about media).
LARGEST_SENT = {
    IMAGE: 5 * _MEGABYTE,
    STICKER: 500 * 1024,
    AUDIO: 16 * _MEGABYTE,
    VIDEO: 16 * _MEGABYTE,
    DOCUMENT: 100 * _MEGABYTE,
}
# A document may be of any type.
SENDABLE = {
    IMAGE: {"image/jpeg", "image/png"},
    STICKER: {"image/webp"},
    AUDIO: {"audio/aac", "audio/amr", "audio/mpeg", "audio/mp4", "audio/ogg"},
    VIDEO: {"video/mp4", "video/3gpp"},
}


@dataclass(frozen=True)
class FileType:
    mime_type: str
    extension: str
    # The kinds of messages it may come with; every one of these is a document too.
    kinds: frozenset[str] = frozenset()
    is_refused: bool = False

    def fits(self, kind: str) -> bool:
        return not self.is_refused and (kind == DOCUMENT or kind in self.kinds)


def _starts(*beginnings: bytes) -> Callable[[bytes], bool]:
    return lambda head: head.startswith(beginnings)


def _riff(name: bytes) -> Callable[[bytes], bool]:
    return lambda head: head[:4] == b"RIFF" and head[8:12] == name


def _boxed(*brands: bytes) -> Callable[[bytes], bool]:
    """The family of MP4: a box "ftyp", then the brand; no brands: any."""
    return lambda head: head[4:8] == b"ftyp" and (not brands or head[8:12].lower().startswith(brands))


def _is_mp3(head: bytes) -> bool:
    """ID3 tags, or the frame sync of layer III; layer bits 00 would be AAC in ADTS."""
    return head[:3] == b"ID3" or (len(head) > 1 and head[0] == 0xFF and head[1] & 0xE6 == 0xE2)


def _is_aac(head: bytes) -> bool:
    return len(head) > 1 and head[0] == 0xFF and head[1] & 0xF6 == 0xF0


def _zip_with(name: bytes) -> Callable[[bytes], bool]:
    return lambda head: head[:4] == b"PK\x03\x04" and name in head


def _type(mime_type: str, extension: str, *kinds: str) -> FileType:
    return FileType(mime_type, extension, frozenset(kinds))


_OFFICE = "application/vnd.openxmlformats-officedocument"
_OPEN = "application/vnd.oasis.opendocument"
M4A = _type("audio/mp4", ".m4a", AUDIO)
MP4 = _type("video/mp4", ".mp4", VIDEO, AUDIO)
_PROGRAM = FileType(BINARY, "", is_refused=True)
_PAGE = FileType("text/html", "", is_refused=True)

# The first that fits, so the narrower ones come first.
_SIGNATURES: list[tuple[Callable[[bytes], bool], FileType]] = [
    (_starts(b"\xff\xd8\xff"), _type("image/jpeg", ".jpg", IMAGE)),
    (_starts(b"\x89PNG\r\n\x1a\n"), _type("image/png", ".png", IMAGE)),
    (_riff(b"WEBP"), _type("image/webp", ".webp", IMAGE, STICKER)),
    (_starts(b"GIF87a", b"GIF89a"), _type("image/gif", ".gif", IMAGE)),
    (_riff(b"WAVE"), _type("audio/wav", ".wav", AUDIO)),
    (_starts(b"OggS"), _type("audio/ogg", ".ogg", AUDIO)),
    (_starts(b"#!AMR"), _type("audio/amr", ".amr", AUDIO)),
    (_boxed(b"3gp", b"3g2"), _type("video/3gpp", ".3gp", VIDEO, AUDIO)),
    (_boxed(b"m4a", b"m4b"), M4A),
    (_boxed(b"qt  "), _type("video/quicktime", ".mov", VIDEO)),
    (_boxed(b"heic", b"heix", b"mif1", b"avif"), _type("image/heic", ".heic", IMAGE)),
    (_boxed(), MP4),
    (_starts(b"%PDF-"), _type("application/pdf", ".pdf")),
    (_zip_with(b"AndroidManifest.xml"), _PROGRAM),
    (_zip_with(b"META-INF/MANIFEST.MF"), _PROGRAM),
    (_zip_with(b"word/"), _type(f"{_OFFICE}.wordprocessingml.document", ".docx")),
    (_zip_with(b"xl/"), _type(f"{_OFFICE}.spreadsheetml.sheet", ".xlsx")),
    (_zip_with(b"ppt/"), _type(f"{_OFFICE}.presentationml.presentation", ".pptx")),
    (_zip_with(f"mimetype{_OPEN}.text".encode()), _type(f"{_OPEN}.text", ".odt")),
    (_zip_with(f"mimetype{_OPEN}.spreadsheet".encode()), _type(f"{_OPEN}.spreadsheet", ".ods")),
    (_starts(b"PK\x03\x04", b"PK\x05\x06"), _type("application/zip", ".zip")),
    (_starts(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"), _type("application/x-ole-storage", ".doc")),
    (_starts(b"{\\rtf"), _type("application/rtf", ".rtf")),
    (_starts(b"MZ", b"\x7fELF", b"#!", b"\xca\xfe\xba\xbe", b"L\x00\x00\x00\x01\x14\x02\x00"), _PROGRAM),
    (_starts(b"\xfe\xed\xfa\xce", b"\xfe\xed\xfa\xcf", b"\xce\xfa\xed\xfe", b"\xcf\xfa\xed\xfe", b"dex\n"), _PROGRAM),
    (_is_aac, _type("audio/aac", ".aac", AUDIO)),
    (_is_mp3, _type("audio/mpeg", ".mp3", AUDIO)),
]

# What a desk would run when somebody opens it, whatever is in it.
_RUN_BY_NAME = re.compile(
    r"\.(?:apk|app|bat|cmd|com|cpl|dll|exe|hta|jar|jse?|lnk|ms[ip]|pif|ps1|reg|sc[fr]|sh|vb[es]?|ws[fh]"
    r"|x?html?|mht(?:ml)?|svgz?)"
)
# What old Office and archives cannot tell of themselves: the name may choose among these.
_NAMES_OF = {
    "application/x-ole-storage": {
        ".doc": "application/msword",
        ".xls": "application/vnd.ms-excel",
        ".ppt": "application/vnd.ms-powerpoint",
        ".msg": "application/vnd.ms-outlook",
    },
    "application/zip": {
        ".docx": f"{_OFFICE}.wordprocessingml.document",
        ".xlsx": f"{_OFFICE}.spreadsheetml.sheet",
        ".pptx": f"{_OFFICE}.presentationml.presentation",
    },
    PLAIN: {".csv": "text/csv", ".vcf": "text/vcard", ".ics": "text/calendar", ".xml": "application/xml"},
}
# A page hides behind blanks, a byte order mark, comments and declarations.
_PAGE_WORDS = re.compile(
    r"<\s*(?:!doctype\s+html|html|head|body|script|svg|iframe|object|embed|img|a|meta|link|style|form|table|title)"
    r"(?=[\s/>])",
    re.IGNORECASE,
)


def type_of(head: bytes, filename: str = "") -> FileType:
    """The type of a file that begins with `head`; `filename` only tells apart what the bytes cannot."""
    extension = PurePosixPath(filename.lower().strip().rstrip(".")).suffix
    if _RUN_BY_NAME.fullmatch(extension):
        return _PROGRAM
    found = next((one for fits, one in _SIGNATURES if fits(head)), None) or _text(head)
    if found is None:
        return FileType(BINARY, ".bin")
    named = _NAMES_OF.get(found.mime_type, {}).get(extension)
    return FileType(named, extension, found.kinds) if named else found


def _text(head: bytes) -> FileType | None:
    text = _decoded(head)
    if text is None:
        return None
    start = text.lstrip("\ufeff \t\r\n\f")
    if start.startswith("<") and _PAGE_WORDS.search(text):
        return _PAGE
    return FileType(PLAIN, ".txt")


def _decoded(head: bytes) -> str | None:
    """As text, however it is encoded; None for what is no text."""
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return head[: len(head) // 2 * 2].decode("utf-16", "replace")
    if any(byte < 32 and byte not in b"\t\n\f\r\x1b" for byte in head):
        return None
    return head.decode("utf-8", "replace")
