"""A file of numbers that nobody calls: an official registry, a list of complaints."""

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from crm.admin.base import REFUSALS, sentence_of
from crm.admin.rights import actor
from crm.importing.running import too_large
from crm.models import AuditEntry
from crm.text import in_number
from jobs.admin.uploading import file_field, upload_page
from jobs.choices import Country
from jobs.importing.do_not_call import Taken, take_list
from jobs.models import Account

SHOWN_PROBLEMS = 10
TOLD = (
    "A estos números no se les marca desde este momento. Los que ya estaban se quedan como están; "
    "los que no se pueden leer se nombran con su fila."
)


class RefusalFileForm(forms.Form):
    file = file_field()
    account = forms.ModelChoiceField(
        label="Solo de la cuenta",
        queryset=Account.objects.order_by("account_name"),
        required=False,
        empty_label="Todas las cuentas",
        widget=UnfoldAdminSelectWidget,
    )
    country = forms.ChoiceField(
        label="País de los números sin código de país",
        choices=Country.choices,
        initial=settings.PHONE_REGION,
        widget=UnfoldAdminSelectWidget,
    )
    reason = forms.CharField(
        label="Motivo",
        max_length=300,
        required=False,
        help_text="Por ejemplo, el registro del que viene la lista.",
        widget=UnfoldAdminTextInputWidget,
    )

    def clean_file(self) -> Any:
        file = self.cleaned_data["file"]
        if file.size > settings.IMPORT_MAX_BYTES:
            raise forms.ValidationError(too_large().message)
        return file


def page(model_admin: Any, request: HttpRequest) -> HttpResponse:
    form = RefusalFileForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        try:
            taken = _take(request, **form.cleaned_data)
        except REFUSALS as error:
            form.add_error("file", sentence_of(error))
        else:
            tell(request, taken)
            return HttpResponseRedirect(reverse(model_admin.address_of("changelist")))
    return upload_page(
        model_admin, request, form, title="Números que no se llaman", told=TOLD, button="Añadir los números"
    )


def _take(request: HttpRequest, *, file: Any, account: Account | None, country: str, reason: str) -> Taken:
    taken = take_list(file, country=country, account=account, reason=reason, by=actor(request))
    AuditEntry.write("do_not_call_file", "do_not_call", file=file.name, added=taken.added, known=taken.known)
    return taken


def tell(request: HttpRequest, taken: Taken) -> None:
    messages.success(request, f"Añadidos: {taken.added}. Ya estaban: {taken.known}.")
    for problem in taken.problems[:SHOWN_PROBLEMS]:
        messages.warning(request, problem)
    more = len(taken.problems) - SHOWN_PROBLEMS
    if more > 0:
        messages.warning(request, f"Y {in_number(more, 'teléfono', 'teléfonos')} más que no se pueden leer.")
