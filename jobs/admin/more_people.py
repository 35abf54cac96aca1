"""More people for a campaign that is there: a file, and those of it that are not in the campaign yet."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from unfold.widgets import UnfoldBooleanSwitchWidget

from crm.admin.base import REFUSALS, sentence_of
from crm.admin.rights import actor
from crm.display import change_url
from crm.waking import wake
from jobs.admin.uploading import file_field, upload_page
from jobs.importing.reading import Wishes
from jobs.importing.running import add_to_batch
from jobs.models import Batch, BatchImport
from jobs.tasks import resume_imports

# A person waits for the page; the rest is imported in the background.
SECONDS = 5.0
TOLD = (
    "Se añaden las personas del archivo que todavía no están en la campaña. "
    "Si la campaña está en marcha, se les empieza a llamar según sus ajustes."
)


class MorePeopleForm(forms.Form):
    file = file_field()
    allow_duplicates = forms.BooleanField(
        label="Llamar también a quien ya está en otra campaña de la cuenta",
        required=False,
        widget=UnfoldBooleanSwitchWidget,
    )


def page(model_admin: Any, request: HttpRequest, batch: Batch) -> HttpResponse:
    form = MorePeopleForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        try:
            made = _add(request, batch, form.cleaned_data)
        except REFUSALS as error:
            form.add_error("file", sentence_of(error))
        else:
            tell = messages.success if made.created_jobs or not made.is_finished else messages.warning
            tell(request, told(made))
            return HttpResponseRedirect(change_url(batch))
    title = f"Añadir personas a «{batch.name}»"
    return upload_page(
        model_admin, request, form, title=title, told=TOLD, button="Añadir personas", back=change_url(batch)
    )


def _add(request: HttpRequest, batch: Batch, data: dict[str, Any]) -> BatchImport:
    file, wishes = data["file"], Wishes(allow_duplicates=data["allow_duplicates"])
    made = add_to_batch(batch, file, name=file.name or "archivo", by=actor(request), wishes=wishes, seconds=SECONDS)
    if not made.is_finished:
        wake(resume_imports)
    return made


def told(made: BatchImport) -> str:
    """What became of the people; what is nothing is not named."""
    counts = {
        "Añadidas": made.created_jobs,
        "repetidas": made.duplicates,
        "no se les llama": made.refused,
        "filas con error": made.failed_rows,
    }
    named = [f"{name}: {count}" for name, count in counts.items() if count or name == "Añadidas"]
    goes_on = "" if made.is_finished else " El archivo se sigue importando."
    return f"{', '.join(named)}.{goes_on}"
