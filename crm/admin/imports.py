"""Imports of spreadsheets: upload, look at what would happen, start, watch, correct what failed."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.http.response import FileResponse, HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from unfold.decorators import display
from unfold.widgets import UnfoldAdminFileFieldWidget, UnfoldAdminSelectWidget

from crm.admin.base import BoundedPaginator, ReadOnlyAdmin
from crm.admin.filters import AutocompleteSelectFilter, ChoicesDropdownFilter, DayRangeFilter
from crm.admin.rights import OFFICE, actor
from crm.api.downloads import CONTENT_TYPES, CSV, XLSX, as_attachment
from crm.choices import ImportKind, ImportState, RowOutcome
from crm.display import address, change_url, moment
from crm.exceptions import Refusal
from crm.importing import reports, running
from crm.importing.columns import FIELDS
from crm.models import Contact, ImportRow, ImportRun, Lead, User
from crm.panels import Cell, Row
from crm.tasks import run_import
from crm.waking import wake

STATE_TONES = {
    ImportState.PREVIEWED.label: "info",
    ImportState.QUEUED.label: "warning",
    ImportState.RUNNING.label: "warning",
    ImportState.DONE.label: "success",
    ImportState.FAILED.label: "danger",
    ImportState.CANCELLED.label: "danger",
}
OUTCOME_TONES = {
    RowOutcome.CREATED: "success",
    RowOutcome.MERGED: "info",
    RowOutcome.DUPLICATE: "warning",
    RowOutcome.FAILED: "danger",
}
ROWS_A_PAGE = 50


class UploadForm(forms.Form):
    kind = forms.ChoiceField(label="Qué trae el archivo", choices=ImportKind, widget=UnfoldAdminSelectWidget)
    file = forms.FileField(
        label="Archivo",
        help_text="CSV o Excel (XLSX, XLS, ODS). La primera fila con los nombres de las columnas.",
        widget=UnfoldAdminFileFieldWidget(attrs={"accept": ".csv,.tsv,.txt,.xlsx,.xlsm,.xls,.ods"}),
        error_messages={"empty": "El archivo está vacío."},
    )


class StartForm(forms.Form):
    """How the columns are read and what becomes of duplicates; the file's own columns are fields too."""

    merge_duplicates = forms.ChoiceField(
        label="Si la persona ya existe",
        choices=[("", "Solo informarlo y dejarla como está"), ("1", "Completar los datos que le faltan")],
        required=False,
        widget=UnfoldAdminSelectWidget,
    )
    responsible_user = forms.ModelChoiceField(
        label="Responsable de lo que se cree",
        queryset=User.objects.responsible().order_by("first_name", "last_name", "email"),
        required=False,
        empty_label="El que diga el archivo; si no, nadie",
        widget=UnfoldAdminSelectWidget,
    )

    def __init__(self, *args: Any, run: ImportRun, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.run = run
        choices = [("", "No importar"), *((field.name, field.label) for field in FIELDS[run.kind])]
        for position, column in enumerate(run.columns):
            self.fields[f"column_{position}"] = forms.ChoiceField(
                label=column,
                choices=choices,
                required=False,
                initial=run.mapping.get(column) or "",
                widget=UnfoldAdminSelectWidget,
            )

    @property
    def mapping(self) -> dict[str, str | None]:
        return {
            column: self.cleaned_data[f"column_{position}"] or None for position, column in enumerate(self.run.columns)
        }

    @property
    def column_fields(self) -> list[forms.BoundField]:
        return [self[f"column_{position}"] for position in range(len(self.run.columns))]


@admin.register(ImportRun)
class ImportRunAdmin(ReadOnlyAdmin):
    """The pages are our own: unfold's form would show a row, not a process."""

    may_view = may_add = OFFICE
    list_display = ("file_name", "kind_label", "state_label", "done", "created_rows", "bad", "created_by", "created")
    list_filter = (
        ("state", ChoicesDropdownFilter),
        ("kind", ChoicesDropdownFilter),
        ("created_by", AutocompleteSelectFilter),
        ("created_at", DayRangeFilter),
    )
    list_select_related = ("created_by",)
    search_fields = ("file_name",)
    search_help_text = "Nombre del archivo"
    empty_hint = "Suba una hoja de cálculo: primero verá qué pasaría, y nada se guarda hasta que usted lo confirme."

    @display(description="qué")
    def kind_label(self, run: ImportRun) -> str:
        return run.get_kind_display()

    @display(description="estado", label=STATE_TONES)
    def state_label(self, run: ImportRun) -> str:
        return run.get_state_display()

    @display(description="avance")
    def done(self, run: ImportRun) -> str:
        return f"{run.processed_rows} de {run.total_rows}"

    @display(description="con error")
    def bad(self, run: ImportRun) -> int:
        return run.failed_rows

    @display(description="subida")
    def created(self, run: ImportRun) -> str:
        return moment(run.created_at)

    def find(self, queryset: QuerySet[Any], typed: str) -> QuerySet[Any]:
        return queryset.filter(file_name__icontains=typed)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("plantilla/<str:kind>/", view(self.template_view), name="crm_importrun_template"),
            path("<uuid:run_id>/errores/", view(self.errors_view), name="crm_importrun_errors"),
            *super().get_urls(),
        ]

    # --- Upload -----------------------------------------------------------------------------

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """Upload a file and go to what was found in it."""
        if not self.has_add_permission(request):
            raise Http404
        form = UploadForm(request.POST or None, request.FILES or None)
        if request.method == "POST" and form.is_valid():
            file: UploadedFile = form.cleaned_data["file"]
            by = actor(request)
            try:
                run = running.preview_file(file, name=file.name or "", kind=form.cleaned_data["kind"], by=by)
            except Refusal as refusal:
                form.add_error("file", refusal.message)
            else:
                return HttpResponseRedirect(change_url(run))
        context = {**self._context(request), "title": "Importar un archivo", "form": form, "kinds": ImportKind}
        return TemplateResponse(request, "crm/admin/import_upload.html", context)

    def template_view(self, request: HttpRequest, kind: str) -> HttpResponseBase:
        """A sheet to begin with."""
        if kind not in ImportKind.values or not self.has_add_permission(request):
            raise Http404
        headers = as_attachment(f"plantilla-{ImportKind(kind).label.lower()}", XLSX)
        return FileResponse(reports.template_xlsx(kind), content_type=CONTENT_TYPES[XLSX], headers=headers)

    # --- One run ----------------------------------------------------------------------------

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        run = self.get_object(request, object_id)
        if run is None or not self.has_view_permission(request):
            raise Http404
        if run.state == ImportState.PREVIEWED:
            return self._preview(request, run)
        if request.method == "POST" and "cancel" in request.POST:
            return self._cancel(request, run)
        return TemplateResponse(request, "crm/admin/import_run.html", self._progress_context(request, run))

    def _preview(self, request: HttpRequest, run: ImportRun) -> HttpResponse:
        """What would happen; from here it is started, looked at with other columns, or thrown away."""
        form = StartForm(request.POST or None, run=run)
        if request.method == "POST" and form.is_valid():
            act = {"start": self._start, "again": self._look_again, "cancel": self._cancel}
            chosen = next((do for name, do in act.items() if name in request.POST), None)
            try:
                if chosen:
                    return chosen(request, run, form)
            except Refusal as refusal:
                form.add_error(None, refusal.message)
        context = {
            **self._context(request, run),
            "form": form,
            "counts": run.preview.get("counts", {}),
            "warnings": run.preview.get("warnings", []),
            "headers": ("Fila", "Qué pasaría", *run.columns),
            "rows": [shown_in_preview(row, len(run.columns)) for row in run.preview.get("rows", [])],
        }
        return TemplateResponse(request, "crm/admin/import_preview.html", context)

    def _start(self, request: HttpRequest, run: ImportRun, form: StartForm) -> HttpResponse:
        with transaction.atomic():
            running.start(
                run,
                merge_duplicates=bool(form.cleaned_data["merge_duplicates"]),
                responsible_user=form.cleaned_data["responsible_user"],
                mapping=form.mapping,
            )
            wake(run_import, run_id=str(run.pk))
        return HttpResponseRedirect(change_url(run))

    def _look_again(self, request: HttpRequest, run: ImportRun, form: StartForm) -> HttpResponse:
        """The same file read with other columns: a run of its own, in place of the one nobody started."""
        by = actor(request)
        with run.file.open("rb") as file:
            other = running.preview_file(file, name=run.file_name, kind=run.kind, by=by, mapping=form.mapping)
        run.cancel()
        return HttpResponseRedirect(change_url(other))

    def _cancel(self, request: HttpRequest, run: ImportRun, form: StartForm | None = None) -> HttpResponse:
        try:
            run.cancel()
        except Refusal as refusal:
            messages.error(request, refusal.message)
        else:
            messages.success(request, "Importación cancelada. Lo que ya estaba importado queda.")
        return HttpResponseRedirect(address("crm_importrun_changelist"))

    def errors_view(self, request: HttpRequest, run_id: Any) -> HttpResponseBase:
        """The failed rows as a sheet, to be corrected and imported again."""
        run = self.get_object(request, str(run_id))
        if run is None or not self.has_view_permission(request):
            raise Http404
        headers = as_attachment("errores", CSV)
        return StreamingHttpResponse(reports.errors_csv(run), content_type=CONTENT_TYPES[CSV], headers=headers)

    def _progress_context(self, request: HttpRequest, run: ImportRun) -> dict[str, Any]:
        outcome = request.GET.get("resultado", "")
        rows = ImportRow.objects.filter(run=run).defer("cells").in_order()
        if outcome in RowOutcome.values:
            rows = rows.filter(outcome=outcome)
        page = BoundedPaginator(rows, ROWS_A_PAGE).get_page(request.GET.get("p"))
        return {
            **self._context(request, run),
            "is_live": not run.is_finished,
            "tone": STATE_TONES[run.get_state_display()],
            "counts": [
                ("Creadas", run.created_rows, RowOutcome.CREATED),
                ("Completadas", run.merged_rows, RowOutcome.MERGED),
                ("Duplicadas", run.duplicate_rows, RowOutcome.DUPLICATE),
                ("Con error", run.failed_rows, RowOutcome.FAILED),
            ],
            "outcome": outcome,
            "page": page,
            "headers": ("Fila", "Resultado", "Mensaje"),
            "rows": [shown_row(row, run) for row in page.object_list],
        }

    def _context(self, request: HttpRequest, run: ImportRun | None = None) -> dict[str, Any]:
        title = run.file_name if run else ""
        return {**self.admin_site.each_context(request), "opts": self.opts, "original": run, "run": run, "title": title}


def shown_in_preview(row: dict[str, Any], width: int) -> Row:
    outcome = RowOutcome(row["outcome"])
    told = row["message"] or " ".join(row["problems"]) or outcome.label
    cells = [*(str(cell) for cell in row["cells"]), *[""] * width][:width]
    return (str(row["number"]), Cell(told, tone=OUTCOME_TONES[outcome]), *cells)


def shown_row(row: ImportRow, run: ImportRun) -> Row:
    model = Contact if run.kind == ImportKind.CONTACTS else Lead
    href = change_url(model(pk=row.entity_id)) if row.entity_id else ""
    outcome = RowOutcome(row.outcome)
    return (str(row.number), Cell(outcome.label, href, OUTCOME_TONES[outcome]), row.message or "—")
