"""Pages with a form that takes a file."""

from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from unfold.widgets import UnfoldAdminFileFieldWidget

READABLE = ".csv,.tsv,.txt,.xlsx,.xlsm,.xls,.ods"


def file_field() -> forms.FileField:
    return forms.FileField(
        label="Archivo",
        help_text="CSV o Excel (XLSX, XLS, ODS). La primera fila con los nombres de las columnas.",
        widget=UnfoldAdminFileFieldWidget(attrs={"accept": READABLE}),
        error_messages={"empty": "El archivo está vacío."},
    )


def upload_page(
    model_admin: Any, request: HttpRequest, form: forms.Form, *, title: str, told: str, button: str, back: str = ""
) -> HttpResponse:
    """`told`: what pressing `button` does. The way back is the list where nothing else is said."""
    list_url = reverse(model_admin.address_of("changelist"))
    context = {
        **model_admin.admin_site.each_context(request),
        "title": title,
        "opts": None,
        "form": form,
        "told": told,
        "button": button,
        "back": back or list_url,
        "list_title": str(model_admin.opts.verbose_name_plural).capitalize(),
        "list_url": list_url,
    }
    return TemplateResponse(request, "jobs_admin/upload.html", context)
