"""Contacts and leads as files: the filters of their lists, the scope of whoever asks (docs/imports.md)."""

from typing import Any, cast

from django.db.models import QuerySet
from django.http import FileResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from drf_spectacular.utils import extend_schema
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request

from crm import exporting
from crm.api.downloads import (
    CONTENT_TYPES,
    CSV,
    FILE_ANSWERS,
    FORMAT_PARAMETER,
    JsonForRefusals,
    as_attachment,
    asked_format,
)
from crm.api.filters.contacts import ContactFilter
from crm.api.filters.leads import LeadFilter
from crm.models import Contact, Lead, User


class ExportView(GenericAPIView[Any]):
    """A subclass names what it exports; who may see a row may export it."""

    content_negotiation_class = JsonForRefusals
    pagination_class = None
    what = ""
    file_name = ""
    columns: tuple[exporting.Column, ...] = ()

    def export(self, request: Request) -> HttpResponseBase:
        form = asked_format(request)
        found = self.filter_queryset(self.get_queryset())
        asked = {name: value for name, value in request.query_params.items() if name != "format"}
        exporting.begin(found, what=self.what, form=form, asked=asked)
        headers = as_attachment(self.file_name, form)
        if form == CSV:
            lines = exporting.csv_of(found, self.columns)
            return StreamingHttpResponse(lines, content_type=CONTENT_TYPES[CSV], headers=headers)
        file = exporting.xlsx_of(found, self.columns)
        return FileResponse(file, content_type=CONTENT_TYPES[form], headers=headers)


class ContactExport(ExportView):
    filterset_class = ContactFilter
    what, file_name, columns = "contacts", "contactos", exporting.CONTACT_COLUMNS

    def get_queryset(self) -> QuerySet[Contact]:
        return Contact.objects.present().visible_to(cast(User, self.request.user))

    @extend_schema(operation_id="contacts_export", parameters=[FORMAT_PARAMETER], responses=FILE_ANSWERS)
    def get(self, request: Request) -> HttpResponseBase:
        """Los contactos de la lista, con sus mismos filtros, en CSV (hasta 100 000) o XLSX (hasta 30 000)."""
        return self.export(request)


class LeadExport(ExportView):
    filterset_class = LeadFilter
    what, file_name, columns = "leads", "leads", exporting.LEAD_COLUMNS

    def get_queryset(self) -> QuerySet[Lead]:
        return Lead.objects.present().visible_to(cast(User, self.request.user))

    @extend_schema(operation_id="leads_export", parameters=[FORMAT_PARAMETER], responses=FILE_ANSWERS)
    def get(self, request: Request) -> HttpResponseBase:
        """Los leads de la lista, con sus mismos filtros, en CSV (hasta 100 000) o XLSX (hasta 30 000)."""
        return self.export(request)
