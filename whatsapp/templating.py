"""Message templates: as Meta has them, kept up by its webhook; what they ask for, and how they read filled in."""

import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from crm.exceptions import Refusal
from whatsapp import graph
from whatsapp.choices import TemplateStatus
from whatsapp.graph import GraphError
from whatsapp.models import Template
from whatsapp.receiving.items import storable

logger = logging.getLogger("puente.whatsapp")

FIELDS = "id,name,language,status,category,quality_score,rejected_reason,components"
A_PAGE = 100
MOST_PAGES = 100
GONE = "Ya no existe en Meta."
HEADER, BODY, FOOTER, BUTTONS = "HEADER", "BODY", "FOOTER", "BUTTONS"
_KEPT = ("meta_id", "category", "status", "quality", "reason", "components")
# A template that was held back is offered again when one of these has changed; its grade alone mends nothing.
_MENDING = ("category", "status", "components")
_GAP = re.compile(r"\{\{\s*(\w+)\s*\}\}")
# Meta's word in a webhook, where it is another than in a list.
_EVENTS = {"REINSTATED": TemplateStatus.APPROVED, "UNPAUSED": TemplateStatus.APPROVED}
# It may still be sent: Meta only warns.
_WARNINGS = frozenset({"FLAGGED"})
_DELETED = frozenset({"DELETED", "PENDING_DELETION"})


# --- From Meta --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Report:
    added: int = 0
    changed: int = 0
    gone: int = 0
    total: int = 0


def synchronise() -> Report:
    """Make our templates those of Meta: add, correct, mark what is no longer there.

    First everything is read, then everything is written: a list that breaks off changes nothing. What a webhook has
    told meanwhile is newer than the list.
    """
    if not settings.WHATSAPP_BUSINESS_ACCOUNT_ID:
        raise Refusal("Falta la cuenta de WhatsApp (WHATSAPP_BUSINESS_ACCOUNT_ID).", code="sin_configurar")
    started = timezone.now()
    found = {(row["name"], row["language"]): row for row in map(_values, _listed()) if row["name"]}
    with transaction.atomic():
        return _write(found, started)


def follow() -> None:
    """Synchronise if that can be done; Meta out of reach is a line in the log, and another try tomorrow."""
    if not (settings.WHATSAPP_BUSINESS_ACCOUNT_ID and settings.WHATSAPP_ACCESS_TOKEN):
        return
    try:
        synchronise()
    except GraphError as error:
        logger.warning("templates were not synchronised: %s", error.sentence)


def _listed() -> Iterator[dict[str, Any]]:
    after = ""
    for _ in range(MOST_PAGES):
        params: dict[str, str | int] = {"fields": FIELDS, "limit": A_PAGE}
        if after:
            params["after"] = after
        body = graph.get(f"{settings.WHATSAPP_BUSINESS_ACCOUNT_ID}/message_templates", params).body
        rows = body.get("data")
        if not isinstance(rows, list):
            raise GraphError("Meta respondió una lista de plantillas que no se entiende.", status=200)
        yield from (row for row in rows if isinstance(row, dict))
        paging = _object(body.get("paging"))
        following = _object(paging.get("cursors")).get("after")
        if not paging.get("next") or not isinstance(following, str) or following in ("", after):
            return
        after = following
    raise GraphError("Meta tiene más plantillas de las que se pueden leer.", status=200)


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _values(raw: dict[str, Any]) -> dict[str, Any]:
    """A template of Meta's list as columns of ours."""
    row = storable(raw)
    status, reason = _status(str(row.get("status") or ""))
    components = row.get("components")
    return {
        "meta_id": str(row.get("id") or "")[:64],
        "name": str(row.get("name") or "")[:512],
        "language": str(row.get("language") or "")[:20],
        "category": str(row.get("category") or "")[:40],
        "status": status,
        "quality": str(_object(row.get("quality_score")).get("score") or "")[:20],
        "reason": _reason(row.get("rejected_reason")) or reason,
        "components": [one for one in components if isinstance(one, dict)] if isinstance(components, list) else [],
    }


def _status(word: str) -> tuple[TemplateStatus, str]:
    """Meta's word as one of ours, and what there is to add to it."""
    word = word.upper()
    if word in _EVENTS:
        return _EVENTS[word], ""
    if word in _DELETED:
        return TemplateStatus.OTHER, GONE
    if word in TemplateStatus.values:
        return TemplateStatus(word), ""
    return TemplateStatus.OTHER, word[:300]


def _reason(value: object) -> str:
    text = str(value or "").strip()
    return "" if text.upper() == "NONE" else text[:300]


def _write(found: dict[tuple[str, str], dict[str, Any]], started: datetime) -> Report:
    now = timezone.now()
    ours = {(row.name, row.language): row for row in Template.objects.select_for_update().order_by("id")}
    fresh = [Template(**values, synced_at=now) for key, values in found.items() if key not in ours]
    seen, changed, gone = [], 0, 0
    for key, row in ours.items():
        if row.synced_at > started:
            continue
        if key in found:
            changed += bool(_take(row, found[key]))
        elif (row.status, row.reason) != (TemplateStatus.OTHER, GONE):
            row.status, row.reason = TemplateStatus.OTHER, GONE
            gone += 1
        row.synced_at = now
        seen.append(row)
    # Somebody else may synchronise at the same time: what they added is there.
    Template.objects.bulk_create(fresh, ignore_conflicts=True)
    Template.objects.bulk_update(seen, [*_KEPT, "blocked_at", "synced_at"], batch_size=200)
    return Report(added=len(fresh), changed=changed, gone=gone, total=len(found))


def _take(row: Template, values: Mapping[str, Any]) -> set[str]:
    """Put these values into the row; which of them are other than they were."""
    changed = {name for name, value in values.items() if getattr(row, name) != value}
    for name in changed:
        setattr(row, name, values[name])
    # One whose texts nobody has read yet cannot be filled in.
    if changed & set(_MENDING) and row.components:
        row.blocked_at = None
    return changed


# --- From Meta's webhook ----------------------------------------------------------------------


def apply_update(field: str, value: dict[str, Any]) -> None:
    """Do what Meta tells of one template. Of one that we do not know only its name is kept, until the next
    synchronisation brings it whole; until then nobody is offered it. Must run in a transaction."""
    value = storable(value)
    row = _row_of(value)
    if row is None:
        return
    _take(row, _UPDATES[field](row, value))
    row.synced_at = timezone.now()
    row.save()


def _row_of(value: Mapping[str, Any]) -> Template | None:
    """The template that is meant, locked; None where nothing tells which."""
    name = str(value.get("message_template_name") or "")[:512]
    language = str(value.get("message_template_language") or "")[:20]
    meta_id = str(value.get("message_template_id") or "")[:64]
    if name and language:
        Template.objects.get_or_create(
            name=name, language=language, defaults={"meta_id": meta_id, "blocked_at": timezone.now()}
        )
        return Template.objects.select_for_update().get(name=name, language=language)
    return Template.objects.select_for_update().filter(meta_id=meta_id).order_by("id").first() if meta_id else None


def _told_status(row: Template, value: Mapping[str, Any]) -> dict[str, Any]:
    word = str(value.get("event") or "").upper()
    told = _object(value.get("rejection_info")).get("reason") or _reason(value.get("reason"))
    found: dict[str, Any] = {"reason": str(told or "")[:300]}
    if category := value.get("message_template_category"):
        found["category"] = str(category)[:40]
    if word in _WARNINGS:
        return {**found, "reason": found["reason"] or word}
    if not word:
        return {}
    status, more = _status(word)
    return {**found, "status": status, "reason": more or found["reason"]}


def _told_quality(row: Template, value: Mapping[str, Any]) -> dict[str, Any]:
    score = value.get("new_quality_score")
    return {"quality": str(score)[:20]} if score else {}


def _told_category(row: Template, value: Mapping[str, Any]) -> dict[str, Any]:
    category = value.get("new_category")
    return {"category": str(category)[:40]} if category else {}


def _told_components(row: Template, value: Mapping[str, Any]) -> dict[str, Any]:
    """Only the texts come; what else a part has (its format, its examples) stays."""
    parts = [dict(part) for part in parts_of(row)]
    texts = {HEADER: "title", BODY: "element", FOOTER: "footer"}
    for kind, name in texts.items():
        text = value.get(f"message_template_{name}")
        if isinstance(text, str) and text:
            _part(parts, kind)["text"] = text
    buttons = value.get("message_template_buttons")
    if isinstance(buttons, list):
        _part(parts, BUTTONS)["buttons"] = [_button(one) for one in buttons if isinstance(one, dict)]
    order = [HEADER, BODY, FOOTER, BUTTONS]
    parts.sort(key=lambda part: order.index(kind_of(part)) if kind_of(part) in order else len(order))
    return {"components": parts}


def _part(parts: list[dict[str, Any]], kind: str) -> dict[str, Any]:
    found = next((part for part in parts if kind_of(part) == kind), None)
    if found is None:
        found = {"type": kind, **({"format": "TEXT"} if kind == HEADER else {})}
        parts.append(found)
    return found


def _button(raw: dict[str, Any]) -> dict[str, Any]:
    prefix = "message_template_button_"
    return {name.removeprefix(prefix): value for name, value in raw.items() if name.startswith(prefix)}


_UPDATES = {
    "message_template_status_update": _told_status,
    "message_template_quality_update": _told_quality,
    "message_template_components_update": _told_components,
    "template_category_update": _told_category,
}


# --- What a template asks for -----------------------------------------------------------------


@dataclass(frozen=True)
class Parameters:
    """The gaps of a template in their order, by their names: "1", "2", or words."""

    header: tuple[str, ...] = ()
    body: tuple[str, ...] = ()
    # The position of each button with a gap, as Meta counts them.
    buttons: tuple[int, ...] = ()
    # "IMAGE", "VIDEO", "DOCUMENT", "LOCATION": the header is filled with a file or a place, not with a text.
    header_format: str = ""

    @property
    def counts(self) -> dict[str, int]:
        """How many texts each part asks for; parts without any are left out."""
        found = {"header": len(self.header), "body": len(self.body), "buttons": len(self.buttons)}
        return {name: number for name, number in found.items() if number}

    @property
    def are_named(self) -> bool:
        return any(not name.isdigit() for name in (*self.header, *self.body))


def parameters_of(template: Template) -> Parameters:
    header, body = _found(template, HEADER), _found(template, BODY)
    header_format = str(header.get("format") or "TEXT").upper() if header else ""
    return Parameters(
        header=_gaps(header.get("text")),
        body=_gaps(body.get("text")),
        buttons=tuple(number for number, button in enumerate(buttons_of(template)) if _asks(button)),
        header_format="" if header_format == "TEXT" else header_format,
    )


def parts_of(template: Template) -> list[dict[str, Any]]:
    """The components that have the shape of one: they are Meta's words, not ours."""
    return [part for part in template.components or () if isinstance(part, dict)]


def kind_of(part: Mapping[str, Any]) -> str:
    return str(part.get("type") or "").upper()


def buttons_of(template: Template) -> list[dict[str, Any]]:
    given = _found(template, BUTTONS).get("buttons")
    return [button for button in given if isinstance(button, dict)] if isinstance(given, list) else []


def _found(template: Template, kind: str) -> dict[str, Any]:
    return next((part for part in parts_of(template) if kind_of(part) == kind), {})


def _gaps(text: object) -> tuple[str, ...]:
    """Each name once; numbers in the order of counting, words in the order of the text."""
    names = list(dict.fromkeys(_GAP.findall(text))) if isinstance(text, str) else []
    return tuple(sorted(names, key=int) if all(name.isdecimal() for name in names) else names)


def _asks(button: Mapping[str, Any]) -> bool:
    return bool(_gaps(button.get("url"))) or str(button.get("type") or "").upper() == "COPY_CODE"


def render(template: Template, values: Mapping[str, Sequence[str]] | Sequence[str] = ()) -> str:
    """The template as the person reads it: header, body, footer, buttons. A bare list is the body's.

    Refusal where a text is missing, empty, or one too many: Meta would refuse the message (132000).
    """
    given = dict(values) if isinstance(values, Mapping) else {"body": list(values)}
    asked = parameters_of(template)
    _check(template, asked, given)
    header, body, footer = (_found(template, kind).get("text") for kind in (HEADER, BODY, FOOTER))
    lines = [
        _filled(header, asked.header, given.get("header", ())),
        _filled(body, asked.body, given.get("body", ())),
        footer if isinstance(footer, str) else "",
        *(f"▸ {button['text']}" for button in buttons_of(template) if button.get("text")),
    ]
    return "\n".join(line for line in lines if line)


def components(template: Template, values: Mapping[str, Sequence[str]] | Sequence[str] = ()) -> list[dict[str, Any]]:
    """The same texts as the Graph API wants them: named where the template names them, one entry for each button."""
    given = values if isinstance(values, Mapping) else {"body": list(values)}
    asked = parameters_of(template)
    found: list[dict[str, Any]] = []
    for part, names in (("header", asked.header), ("body", asked.body)):
        texts = [_parameter(name, text) for name, text in zip(names, given.get(part) or (), strict=False)]
        if texts:
            found.append({"type": part, "parameters": texts})
    for position, text in zip(asked.buttons, given.get("buttons") or (), strict=False):
        is_code = str(buttons_of(template)[position].get("type") or "").upper() == "COPY_CODE"
        parameter = {"type": "coupon_code", "coupon_code": text} if is_code else {"type": "text", "text": text}
        sub_type = "copy_code" if is_code else "url"
        found.append({"type": "button", "sub_type": sub_type, "index": str(position), "parameters": [parameter]})
    return found


def _parameter(name: str, text: str) -> dict[str, str]:
    return {"type": "text", "text": str(text), **({} if name.isdigit() else {"parameter_name": name})}


_SHOWN_PARTS = {"header": "el encabezado", "body": "el texto", "buttons": "los botones"}
_SHOWN_FORMATS = {"IMAGE": "una imagen", "VIDEO": "un video", "DOCUMENT": "un documento", "LOCATION": "una ubicación"}


def _check(template: Template, asked: Parameters, given: Mapping[str, Sequence[str]]) -> None:
    if unknown := set(given) - set(_SHOWN_PARTS):
        raise Refusal(f"Una plantilla no tiene «{min(unknown)}».", code="plantilla_incompleta")
    for part, shown in _SHOWN_PARTS.items():
        texts, expected = list(given.get(part) or ()), asked.counts.get(part, 0)
        if len(texts) != expected:
            raise Refusal(
                f"La plantilla «{template}» pide {_texts(expected)} para {shown} y se dieron {len(texts)}.",
                code="plantilla_incompleta",
            )
        if any(not str(text).strip() for text in texts):
            raise Refusal(f"Un texto de la plantilla «{template}» está vacío.", code="plantilla_incompleta")
    if file := _SHOWN_FORMATS.get(asked.header_format):
        raise Refusal(
            f"La plantilla «{template}» lleva {file} en el encabezado; todavía no se puede enviar desde aquí.",
            code="plantilla_con_archivo",
        )


def _texts(number: int) -> str:
    return "un texto" if number == 1 else f"{number} textos" if number else "ningún texto"


def _filled(text: object, names: Sequence[str], values: Sequence[str]) -> str:
    given = dict(zip(names, map(str, values), strict=False))
    return _GAP.sub(lambda match: given.get(match[1], match[0]), text) if isinstance(text, str) else ""
