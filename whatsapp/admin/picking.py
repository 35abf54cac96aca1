"""Choosing a template: which blanks it has, what it will read like once they are filled in."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from whatsapp.bubbles import dig, items, words
from whatsapp.models import Template
from whatsapp.templating import Parameters, buttons_of, kind_of, parameters_of, parts_of

_BLANK = re.compile(r"\{\{\s*([A-Za-z0-9_]{1,60})\s*\}\}")
SHOWN = ("header", "body", "footer")
LONGEST_VALUE = 1_000
OFFERED = 200


@dataclass(frozen=True)
class Blank:
    """One variable of a template. `field` is the name of its box."""

    part: str
    name: str
    position: int
    example: str
    value: str

    @property
    def field(self) -> str:
        return f"valor-{self.part}-{self.position}"

    @property
    def label(self) -> str:
        where = " del encabezado" if self.part == "header" else ""
        what = self.name.replace("_", " ") if not self.name.isdecimal() else f"Dato {self.name}"
        return f"{what[:1].upper()}{what[1:]}{where}"


@dataclass(frozen=True)
class Part:
    kind: str
    text: str


@dataclass(frozen=True)
class Picked:
    """A template with what has been typed into it so far."""

    template: Template
    blanks: Sequence[Blank]
    preview: Sequence[Part]
    buttons: Sequence[str]
    trouble: str = ""

    @property
    def values(self) -> dict[str, list[str]]:
        """What `send_template` takes: the texts of each component, in their order."""
        found: dict[str, list[str]] = {}
        for blank in self.blanks:
            found.setdefault(blank.part, []).append(blank.value)
        return found


def offered() -> list[Template]:
    return list(Template.objects.usable().in_order()[:OFFERED])


def picked(chosen: str, typed: Mapping[str, str], *, first_name: str = "") -> Picked | None:
    """The template `chosen`, filled in as far as it is; the first blank is often the name."""
    if not chosen.isdecimal() or len(chosen) > 18:
        return None
    template = Template.objects.usable().filter(pk=int(chosen)).first()
    if template is None:
        return None
    asked = parameters_of(template)
    names = {"header": asked.header, "body": asked.body}
    blanks: list[Blank] = []
    preview: list[Part] = []
    for component in parts_of(template):
        kind, text = kind_of(component).lower(), words(component.get("text"))
        here = _blanks(kind, component, names.get(kind, ()), typed, first_name)
        blanks += here
        if kind in SHOWN and text:
            preview.append(Part(kind, _filled(text, here)))
    titles = [words(button.get("text")) for button in buttons_of(template)]
    return Picked(template, blanks, preview, [title for title in titles if title], _trouble(asked))


def _trouble(asked: Parameters) -> str:
    """Why it cannot be sent from here: only texts can be filled in."""
    if asked.header_format:
        return "Esta plantilla lleva un archivo o un lugar en el encabezado, y desde aquí solo se llenan textos."
    if asked.buttons:
        return "Esta plantilla tiene un botón con un dato variable, y desde aquí solo se llenan textos."
    return ""


def _blanks(part: str, component: Any, names: Sequence[str], typed: Mapping[str, str], first_name: str) -> list[Blank]:
    examples = _examples(part, component)
    found = []
    for position, name in enumerate(names):
        is_name = name in ("nombre", "name", "first_name") or (part == "body" and name == "1")
        value = typed.get(f"valor-{part}-{position}", first_name if is_name else "")
        found.append(Blank(part, name, position, examples.get(name, ""), " ".join(value.split())[:LONGEST_VALUE]))
    return found


def _examples(part: str, component: Any) -> dict[str, str]:
    """What Meta was shown as an example, by the name of the blank."""
    example = dig(component, "example")
    named = {
        words(dig(one, "param_name")): words(dig(one, "example"))
        for one in items(dig(example, f"{part}_text_named_params"))
    }
    given = items(dig(example, f"{part}_text"))
    in_order = items(given[0]) if given and isinstance(given[0], list) else given
    return {str(number): words(one) for number, one in enumerate(in_order, start=1)} | named


def _filled(text: str, blanks: Sequence[Blank]) -> str:
    values = {blank.name: blank.value for blank in blanks}
    return _BLANK.sub(lambda match: values.get(match[1]) or f"[{match[1]}]", text)
