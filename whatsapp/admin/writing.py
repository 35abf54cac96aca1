"""Writing first: to a number of a contact, or to any number."""

from typing import Any

from django import forms
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse

from crm.admin.base import sentence_of
from crm.admin.rights import actor
from crm.api.base import as_id
from crm.display import change_url
from crm.exceptions import Forbidden, NotFound, Refusal
from crm.models import Contact, User
from whatsapp.admin.wording import shown_number
from whatsapp.models import Thread
from whatsapp.sending.composing import thread_to


class NumberForm(forms.Form):
    numero = forms.CharField(
        label="Número",
        max_length=40,
        widget=forms.TextInput(
            attrs={"class": "wa-input", "inputmode": "tel", "placeholder": "+51 987 654 321", "autofocus": True}
        ),
    )


def page(model_admin: Any, request: HttpRequest) -> HttpResponse:
    """Asks for the number; a thread is found or made when the form is sent, never by looking."""
    user = actor(request)
    contact = _contact(request, user)
    form = NumberForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            thread = begin(form.cleaned_data["numero"], contact=contact, by=user)
        except Refusal as refusal:
            form.add_error("numero", sentence_of(refusal))
        else:
            return HttpResponseRedirect(change_url(thread))
    numbers = [row.number for row in contact.phones_in_order] if contact else []
    context = {
        **model_admin.admin_site.each_context(request),
        "title": f"Escribir a {contact.name}" if contact else "Escribir por WhatsApp",
        "form": form,
        "contact": contact,
        "numbers": [(number, shown_number(number)) for number in numbers],
        "threads": _threads_of(contact, user) if contact else [],
    }
    return TemplateResponse(request, "whatsapp/admin/write.html", context)


def begin(typed: str, *, contact: Contact | None, by: User) -> Thread:
    """The thread with this number. Who begins one that is nobody's has it; what is somebody else's stays theirs."""
    with transaction.atomic():
        thread = thread_to(typed, contact=contact)
        _refuse_somebody_elses(thread, by)
        if thread.assigned_to_id is None:
            thread.change(assigned_to=by)
    return thread


def _refuse_somebody_elses(thread: Thread, by: User) -> None:
    if thread.contact is not None and not Contact.objects.visible_to(by).filter(pk=thread.contact.pk).exists():
        raise Forbidden("Ese número es de un cliente que lleva otra persona.")
    if thread.assigned_to_id and not Thread.objects.visible_to(by).filter(pk=thread.pk).exists():
        raise Forbidden("Esa conversación la lleva otra persona.")


def _contact(request: HttpRequest, user: User) -> Contact | None:
    typed = request.GET.get("contact", "")
    if not typed:
        return None
    known = as_id(typed)
    found = Contact.objects.present().visible_to(user).filter(pk=known).first() if known else None
    if found is None:
        raise NotFound("Ese contacto ya no está, o no es suyo.")
    return found


def _threads_of(contact: Contact, user: User) -> list[Thread]:
    threads = Thread.objects.present().visible_to(user).filter(contact=contact).select_related("contact", "number")
    return list(threads.newest_first()[:10])
