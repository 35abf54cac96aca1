"""A new campaign: upload a file, look at what was understood, correct the columns, create.

Nothing is stored in the database before the last step. The file waits in the storage under a name of its own that only
the session of who uploaded it knows.
"""

from collections.abc import Mapping
from datetime import timedelta
from pathlib import PurePath
from typing import Any

from django import forms
from django.contrib import messages
from django.core.files import File
from django.core.files.storage import default_storage
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils import timezone
from unfold.widgets import (
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanSwitchWidget,
)

from crm.admin.base import REFUSALS, sentence_of
from crm.admin.rights import actor
from crm.display import address, change_url
from crm.ids import new_id
from crm.panels import Cell, Row
from crm.waking import wake
from jobs.admin import wording
from jobs.admin.uploading import file_field, upload_page
from jobs.importing.columns import FIELDS
from jobs.importing.deciding import Fate
from jobs.importing.reading import Wishes
from jobs.importing.running import NewBatch, create_batch, preview
from jobs.models import Account, Batch, BatchImport
from jobs.money import micros_of
from jobs.tasks import resume_imports

FOLDER = "campaigns/previews"
IN_SESSION = "campaign_upload"
KEPT_FOR = timedelta(days=1)
# A person waits for the page; the rest is imported in the background.
SECONDS = 5.0
GONE = "El archivo ya no está aquí. Súbalo otra vez."
FATES = {
    Fate.CREATED: ("Se le llamará", "success"),
    Fate.DUPLICATE: ("Repetida", "warning"),
    Fate.REFUSED: ("No se le llama", "warning"),
    Fate.FAILED: ("Con error", "danger"),
}


class UploadForm(forms.Form):
    account = forms.ModelChoiceField(
        label="Cuenta que paga las llamadas",
        queryset=Account.objects.active().order_by("account_name"),
        widget=UnfoldAdminSelectWidget,
        empty_label="Elija una cuenta",
    )
    name = forms.CharField(
        label="Nombre de la campaña",
        max_length=200,
        required=False,
        help_text="Vacío: el nombre del archivo.",
        widget=UnfoldAdminTextInputWidget,
    )
    file = file_field()


class CreateForm(forms.Form):
    """How the columns are read, and how it begins; the columns of the file are fields too."""

    name = forms.CharField(label="Nombre de la campaña", max_length=200, widget=UnfoldAdminTextInputWidget)
    starts = forms.BooleanField(
        label="Empezar a llamar enseguida",
        help_text="Si no, la campaña queda en pausa y puede revisar antes su horario.",
        required=False,
        widget=UnfoldBooleanSwitchWidget,
    )
    allow_duplicates = forms.BooleanField(
        label="Llamar también a quien ya está en otra campaña de la cuenta",
        required=False,
        widget=UnfoldBooleanSwitchWidget,
    )
    same_settings = forms.BooleanField(
        label="Con los ajustes de la última campaña", required=False, initial=True, widget=UnfoldBooleanSwitchWidget
    )

    def __init__(self, *args: Any, mapping: Mapping[str, str | None], earlier: Batch | None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.columns = list(mapping)
        choices = [("", "Otro dato"), *((field.name, field.label) for field in FIELDS)]
        for position, (column, field) in enumerate(mapping.items()):
            self.fields[f"column_{position}"] = forms.ChoiceField(
                label=column, choices=choices, required=False, initial=field or "", widget=UnfoldAdminSelectWidget
            )
        if earlier is None:
            del self.fields["same_settings"]
        else:
            self.fields["same_settings"].label = f"Con los ajustes de «{earlier.name}»"

    @property
    def mapping(self) -> dict[str, str | None]:
        return {column: self.cleaned_data[f"column_{place}"] or None for place, column in enumerate(self.columns)}

    @property
    def column_fields(self) -> list[forms.BoundField]:
        return [self[f"column_{place}"] for place in range(len(self.columns))]


def page(model_admin: Any, request: HttpRequest) -> HttpResponse:
    """One address for all steps: which one it is stands in the session and in the button that was pressed."""
    if "discard" in request.POST:
        forget(request)
        return HttpResponseRedirect(address("jobs_batch_changelist"))
    if request.method == "POST" and "file" in request.FILES or "upload" in request.POST:
        return _upload(model_admin, request)
    if "archivo" in request.GET:
        return _preview(model_admin, request)
    return _show_upload(model_admin, request, UploadForm(initial={"account": only_account()}))


# --- The file -----------------------------------------------------------------------------------------


def _upload(model_admin: Any, request: HttpRequest) -> HttpResponse:
    form = UploadForm(request.POST, request.FILES)
    if not form.is_valid():
        return _show_upload(model_admin, request, form)
    file, account = form.cleaned_data["file"], form.cleaned_data["account"]
    name = file.name or "archivo"
    try:
        preview(file, name=name, account=account, seconds=0)
    except REFUSALS as error:
        form.add_error("file", sentence_of(error))
        return _show_upload(model_admin, request, form)
    forget(request)
    sweep()
    file.seek(0)
    stored = default_storage.save(f"{FOLDER}/{new_id()}{PurePath(name).suffix.lower()[:10]}", file)
    title = form.cleaned_data["name"] or PurePath(name).stem[:200]
    request.session[IN_SESSION] = {"path": stored, "name": name, "account": account.pk, "title": title}
    return HttpResponseRedirect(f"{address('jobs_batch_add')}?archivo=1")


def _show_upload(model_admin: Any, request: HttpRequest, form: UploadForm) -> HttpResponse:
    told = (
        "Primero verá qué se entendió, a quién se llamaría y cuánto costaría. Nada se crea hasta que usted lo confirme."
    )
    return upload_page(model_admin, request, form, title="Nueva campaña", told=told, button="Ver qué pasaría")


def only_account() -> Account | None:
    """Where there is one account, nobody has to choose it."""
    found = list(Account.objects.active()[:2])
    return found[0] if len(found) == 1 else None


def forget(request: HttpRequest) -> None:
    """The file that was looked at is not needed any more."""
    waiting = request.session.pop(IN_SESSION, None)
    if waiting and default_storage.exists(waiting["path"]):
        default_storage.delete(waiting["path"])


def sweep() -> None:
    """Files that somebody uploaded and left."""
    if not default_storage.exists(FOLDER):
        return
    limit = timezone.now() - KEPT_FOR
    for name in default_storage.listdir(FOLDER)[1]:
        path = f"{FOLDER}/{name}"
        try:
            if default_storage.get_modified_time(path) < limit:
                default_storage.delete(path)
        except FileNotFoundError:
            continue  # somebody else swept it


# --- What was understood ------------------------------------------------------------------------------


def _preview(model_admin: Any, request: HttpRequest) -> HttpResponse:
    waiting = request.session.get(IN_SESSION)
    account = Account.objects.filter(pk=waiting["account"]).first() if waiting else None
    if waiting is None or account is None or not default_storage.exists(waiting["path"]):
        messages.error(request, GONE)
        return HttpResponseRedirect(address("jobs_batch_add"))
    earlier = last_batch(request, account)
    with default_storage.open(waiting["path"]) as file:
        guessed = preview(file, name=waiting["name"], account=account, seconds=0)["mapping"]
        form = CreateForm(request.POST or None, mapping=guessed, earlier=earlier, initial={"name": waiting["title"]})
        wishes = Wishes()
        if request.method == "POST" and form.is_valid():
            wishes = Wishes(mapping=form.mapping, allow_duplicates=form.cleaned_data["allow_duplicates"])
            if "create" in request.POST:
                made = _create(request, file, account, form, wishes, earlier)
                if made is not None:
                    return HttpResponseRedirect(change_url(made.batch))
        shown = _looked_at(file, waiting["name"], account, form, wishes)
    context = {**_shell(model_admin, request), **shown, "title": waiting["title"], "form": form, "account": account}
    return TemplateResponse(request, "jobs_admin/new_batch_preview.html", context)


def _looked_at(file: "File[Any]", name: str, account: Account, form: CreateForm, wishes: Wishes) -> dict[str, Any]:
    """What would become of the file; of columns that cannot be meant so, what is wrong with them."""
    try:
        found = preview(file, name=name, account=account, wishes=wishes)
    except REFUSALS as error:
        form.add_error(None, sentence_of(error))
        found = preview(file, name=name, account=account)
    return {
        "found": found,
        "cost": wording.money(micros_of(found["estimated_cost"])),
        "headers": ("Fila", "Qué pasaría", "Nombre", "Documento", "Teléfonos", "Observaciones"),
        "rows": [shown_row(row) for row in found["rows"]],
    }


def shown_row(row: Mapping[str, Any]) -> Row:
    label, tone = FATES[Fate(row["outcome"])]
    phones = ", ".join(row["phones"]) or "—"
    told = (row["name"] or "—", row["document"] or "—", phones, " ".join(row["problems"]) or "—")
    return (str(row["row"]), Cell(label, tone=tone), *told)


def last_batch(request: HttpRequest, account: Account) -> Batch | None:
    rows = Batch.objects.present().visible_to(actor(request)).filter(account=account)
    return rows.newest_first().first()


def _create(
    request: HttpRequest, file: "File[Any]", account: Account, form: CreateForm, wishes: Wishes, earlier: Batch | None
) -> BatchImport | None:
    """The campaign with its first jobs; what is left of a long file is imported in the background."""
    data = form.cleaned_data
    settings = earlier.call_settings if earlier is not None and data.get("same_settings") else {}
    batch = NewBatch(name=data["name"], call_settings=settings, is_active=data["starts"])
    name = request.session[IN_SESSION]["name"]
    try:
        made = create_batch(
            file, name=name, account=account, by=actor(request), batch=batch, wishes=wishes, seconds=SECONDS
        )
    except REFUSALS as error:
        form.add_error(None, sentence_of(error))
        return None
    if not made.is_finished:
        wake(resume_imports)
    forget(request)
    state = "" if made.batch.is_active else " Está en pausa: revise los ajustes y reanúdela."
    messages.success(request, f"Campaña creada.{state}")
    return made


def _shell(model_admin: Any, request: HttpRequest) -> dict[str, Any]:
    return {**model_admin.admin_site.each_context(request), "opts": None}
