"""Everything that people read on the staff pages is Spanish, also what unfold brings."""

import gettext
import re
from pathlib import Path
from typing import Any

import pytest
import unfold
from django.conf import settings
from django.contrib import admin
from django.urls import reverse
from django.utils.translation import gettext as translated

from crm.models import User
from tests.staff_pages import add_to, at_desk, list_of, text_of

CATALOG = Path(settings.LOCALE_PATHS[0]) / "es" / "LC_MESSAGES"
TEMPLATES = Path(unfold.__file__).parent / "templates"
FILTER_TEMPLATES = Path(unfold.__file__).parent / "contrib" / "filters" / "templates"
SAID_IN_A_TEMPLATE = re.compile(r"""{%\s*trans(?:late)?\s+(["'])(.+?)\1""")
THE_SAME_IN_SPANISH = {"No", "General"}


def entries(text: str) -> dict[str, str]:
    """msgid → msgstr of a .po file; of plurals the singular."""
    found = {}
    for block in re.split(r"\n\n+", text):
        parts: dict[str, str] = {}
        key = ""
        for line in block.splitlines():
            if match := re.match(r"(msgid|msgid_plural|msgstr(?:\[\d\])?) (.*)", line):
                key, line = match.groups()
                parts[key] = ""
            if key and line.startswith('"'):
                parts[key] += line[1:-1].replace("\\n", "\n").replace('\\"', '"')
        if parts.get("msgid"):
            found[parts["msgid"]] = parts.get("msgstr") or parts["msgstr[0]"]
    return found


def test_the_compiled_catalog_is_that_of_the_source() -> None:
    with (CATALOG / "django.mo").open("rb") as compiled:
        catalog = gettext.GNUTranslations(compiled)
    written = entries((CATALOG / "django.po").read_text())
    assert len(written) > 50
    differing = [msgid for msgid, msgstr in written.items() if catalog.gettext(msgid) != msgstr]
    assert not [msgid for msgid in differing if "\n" not in msgid]


def test_unfolds_own_words_are_all_translated() -> None:
    words = {
        match.group(2)
        for folder in (TEMPLATES, FILTER_TEMPLATES)
        for template in folder.rglob("*.html")
        for match in SAID_IN_A_TEMPLATE.finditer(template.read_text())
    }
    assert len(words) > 60
    assert {word for word in words if translated(word) == word} <= THE_SAME_IN_SPANISH


# Words that no Spanish page has, and English ones have all over.
ENGLISH = re.compile(
    r"\b(the|add|save|delete|search|select|filter|change|view|password|log ?in|home|yes|none|unknown|all|"
    r"results?|actions?|history|date|time|today|now|choose|remove|close|apply|welcome|from|to)\b",
    re.IGNORECASE,
)
NOT_ENGLISH = re.compile(r"^(?:Bearer|API|CRM).*$|^No$")


def english_in(page: str) -> list[str]:
    return [line for line in page.splitlines() if ENGLISH.search(line) and not NOT_ENGLISH.match(line)]


def test_the_login_page_is_spanish(client: Any, db: None) -> None:
    assert not english_in(text_of(client.get(reverse("admin:login"))))


@pytest.mark.parametrize("model", list(admin.site._registry), ids=lambda model: model._meta.label)
def test_lists_and_forms_are_spanish(alice: User, model: Any) -> None:
    client = at_desk(alice)
    assert not english_in(text_of(client.get(list_of(model))))
    if admin.site._registry[model].has_add_permission(client.get(list_of(model)).wsgi_request):
        assert not english_in(text_of(client.get(add_to(model))))


def test_the_first_page_is_spanish(alice: User) -> None:
    assert not english_in(text_of(at_desk(alice).get(reverse("admin:index"))))


def test_changing_ones_own_password_is_spanish(alice: User) -> None:
    assert not english_in(text_of(at_desk(alice).get(reverse("admin:password_change"))))
