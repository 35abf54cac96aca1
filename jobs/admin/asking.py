"""Pages that ask before something that cannot be taken back: what will happen, one button, one way out."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from crm.admin.base import REFUSALS, sentence_of
from crm.exceptions import NotFound

GONE = "Ya no está: se eliminó mientras tanto."


@dataclass(frozen=True, kw_only=True)
class Question:
    """`fields`: what the form sends beside its button. `choice`: a tick box (name, label) that the form offers."""

    title: str
    told: Sequence[str]
    button: str
    back: str
    items: Sequence[str] = ()
    more: int = 0
    fields: Sequence[tuple[str, str]] = field(default_factory=list)
    choice: tuple[str, str] | None = None
    is_danger: bool = True


def ask(model_admin: Any, request: HttpRequest, question: Question) -> HttpResponse:
    context = {
        **model_admin.admin_site.each_context(request),
        "title": question.title,
        "opts": None,
        "question": question,
        "list_title": str(model_admin.opts.verbose_name_plural).capitalize(),
        "list_url": model_admin.address_of("changelist"),
    }
    return TemplateResponse(request, "jobs_admin/confirm.html", context)


def ask_about_selected(
    model_admin: Any, request: HttpRequest, rows: Sequence[Any], *, action: str, **question: Any
) -> HttpResponse:
    """The same for rows that were ticked in a list; the answer comes back to the same action."""
    fields = [("action", action), ("confirmed", "1"), *(("_selected_action", str(row.pk)) for row in rows)]
    names = [str(row) for row in rows]
    back = request.get_full_path()
    return ask(
        model_admin,
        request,
        Question(**question, back=back, fields=fields, items=names[:10], more=max(0, len(names) - 10)),
    )


def try_each(rows: Sequence[Any], do: Any) -> tuple[list[Any], list[tuple[Any, str]]]:
    """Do it to each row by itself: those that were done, and those that were not with the sentence why."""
    done, refused = [], []
    for row in rows:
        try:
            do(row)
        except NotFound:
            refused.append((row, GONE))
        except REFUSALS as error:
            refused.append((row, sentence_of(error)))
        else:
            done.append(row)
    return done, refused


def tell_each(request: HttpRequest, *, told: str, done: int, refused: Sequence[tuple[Any, str]]) -> None:
    """ "Canceladas: 3.", and a line for each that was not, under its name."""
    if done:
        messages.success(request, f"{told}: {done}.")
    for row, sentence in refused:
        messages.error(request, f"{row}: {sentence}")
