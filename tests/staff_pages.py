"""How tests visit the staff pages: signed in, with forms filled in as the browser would."""

from html import unescape
from html.parser import HTMLParser
from typing import Any

from django.conf import settings
from django.forms import CheckboxInput, MultiWidget, Widget
from django.test import Client
from django.urls import reverse

from crm.models import User

# The last one is ours; the first only counts failures and knows nobody.
BACKEND = settings.AUTHENTICATION_BACKENDS[-1]


def at_desk(user: User) -> Client:
    """A browser in which `user` has signed in, with the right to open the staff pages."""
    if not user.is_staff:
        user.is_staff = True
        user.save(update_fields=["is_staff"])
    client = Client()
    client.force_login(user, backend=BACKEND)
    return client


def list_of(model: Any) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")


def add_to(model: Any) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_add")


def page_of(row: Any) -> str:
    return reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk])


def delete_page_of(row: Any) -> str:
    return reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_delete", args=[row.pk])


def filled(client: Client, url: str, **typed: Any) -> dict[str, Any]:
    """What the browser would send from the form at `url`, with `typed` in place of what stands there."""
    response = client.get(url)
    assert response.status_code == 200, response.status_code
    form = response.context["adminform"].form
    sent: dict[str, Any] = {}
    for field in form:
        value = field.value()
        widget = field.field.widget
        sent |= _as_sent(field.html_name, widget, value)
        if field.field.show_hidden_initial:
            hidden = field.field.hidden_widget()
            sent |= _as_sent(field.html_initial_name, hidden, value)
    for formset in response.context.get("inline_admin_formsets", []):
        management = formset.formset.management_form
        sent |= {management.add_prefix(name): management[name].value() for name in management.fields}
    return {name: value for name, value in {**sent, **typed}.items() if value is not None}


def _as_sent(name: str, widget: Widget, value: Any) -> dict[str, Any]:
    if isinstance(widget, MultiWidget):  # a day and an hour, as two boxes
        pairs = enumerate(zip(widget.decompress(value), widget.widgets, strict=True))
        return {f"{name}_{position}": inner.format_value(part) or "" for position, (part, inner) in pairs}
    if isinstance(widget, CheckboxInput):
        return {name: "on" if value else None}
    data = widget.format_value(value)
    data = data[0] if isinstance(data, list) and len(data) == 1 else data
    return {name: "" if data in (None, []) else str(data)}


def errors_of(response: Any) -> str:
    """All that the form complains about, as one text."""
    form = response.context["adminform"].form
    inline = [error for formset in response.context["inline_admin_formsets"] for error in formset.formset.errors]
    return unescape(str(form.errors) + str(inline))


class _Text(HTMLParser):
    """What people read: no scripts, styles, icons' names."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        void = tag in {"input", "img", "link", "meta", "br", "hr", "source"}
        if self.silent or tag in {"script", "style"} or "material-symbols-outlined" in (given.get("class") or ""):
            self.silent += 0 if void else 1
        for name in ("title", "placeholder", "aria-label"):
            if given.get(name) and not self.silent:
                self.found.append(str(given[name]))

    def handle_endtag(self, tag: str) -> None:
        if self.silent:
            self.silent -= 1

    def handle_data(self, data: str) -> None:
        if not self.silent and data.strip():
            self.found.append(" ".join(data.split()))


def text_of(response: Any) -> str:
    """The words of a page, one line each."""
    parser = _Text()
    parser.feed(response.content.decode())
    return "\n".join(parser.found)


def messages_of(response: Any) -> list[str]:
    return [str(message) for message in response.context["messages"]]
