"""What the bot says: rules in their order, a check while one is written, and a box to try them out."""

from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.widgets import AutocompleteSelect
from django.core.exceptions import ValidationError
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect, QueryDict
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from unfold.decorators import action, display
from unfold.widgets import (
    UnfoldAdminSplitDateTimeWidget,
    UnfoldAdminTextareaWidget,
)

from crm.admin.base import RECORD, StaffAdmin, StaffForm
from crm.admin.filters import ChoicesDropdownFilter
from crm.admin.rights import ADMINISTRATORS, OFFICE
from crm.api.base import as_id
from crm.display import address, change_url, shortened
from crm.models import Contact
from crm.text import words
from whatsapp.bot import placeholders
from whatsapp.bot.rules import WHOLE_MESSAGE, try_out
from whatsapp.choices import Audience, RuleAction, WhenOpen
from whatsapp.models import BotRule, Thread

AUDIENCE_TONES = {Audience.KNOWN.label: "success", Audience.UNKNOWN.label: "warning", Audience.EVERYBODY.label: ""}
WHEN_TONES = {WhenOpen.ALWAYS.label: "", WhenOpen.OPEN.label: "success", WhenOpen.CLOSED.label: "warning"}
LONGEST_TRIED = 4_096


class RuleForm(StaffForm):
    class Meta:
        widgets = {"answer": UnfoldAdminTextareaWidget(attrs={"rows": 5}), "keywords": UnfoldAdminTextareaWidget}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """What is typed is looked at while it is typed (`check_view`)."""
        super().__init__(*args, **kwargs)
        for name in ("keywords", "pattern", "answer"):
            if name in self.fields:
                self.fields[name].widget.attrs |= {
                    "hx-post": reverse("admin:whatsapp_botrule_check"),
                    "hx-trigger": "input changed delay:400ms",
                    "hx-target": "#rule-check",
                    "hx-include": "closest form",
                }


class TryForm(forms.Form):
    text = forms.CharField(
        label="Qué escribe la persona",
        max_length=LONGEST_TRIED,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3, "placeholder": "¿Cuándo es mi cita?"}),
    )
    contact = forms.ModelChoiceField(
        label="Quién escribe",
        queryset=Contact.objects.none(),
        required=False,
        help_text="Vacío: alguien que no está vinculado a ningún cliente.",
        widget=AutocompleteSelect(Thread._meta.get_field("contact"), admin.site),
    )
    at = forms.SplitDateTimeField(
        label="Cuándo",
        required=False,
        help_text="Vacío: ahora. Sirve para ver qué se responde fuera de horario.",
        widget=UnfoldAdminSplitDateTimeWidget,
    )

    def __init__(self, data: QueryDict | None, *, user: Any) -> None:
        self.is_contact_unreadable = False
        if data is not None and data.get("contact") and as_id(data["contact"]) is None:
            # The select box would look it up before any field says that it is no id.
            data, self.is_contact_unreadable = data.copy(), True
            data["contact"] = ""
        super().__init__(data)
        field = self.fields["contact"]
        assert isinstance(field, forms.ModelChoiceField)
        field.queryset = Contact.objects.present().visible_to(user)

    def clean(self) -> dict[str, Any] | None:
        if self.is_contact_unreadable:
            self.add_error("contact", "Elija a la persona en la lista.")
        return super().clean()


@admin.register(BotRule)
class BotRuleAdmin(StaffAdmin):
    may_view = OFFICE
    may_add = may_change = may_delete = ADMINISTRATORS
    form = RuleForm
    ordering = ("position", "id")
    list_display = ("name", "position", "is_active", "audience_label", "when_label", "listens_to", "says", "does")
    list_editable = ("position", "is_active")
    list_filter = (
        ("audience", ChoicesDropdownFilter),
        ("when", ChoicesDropdownFilter),
        ("action", ChoicesDropdownFilter),
        "is_active",
    )
    search_fields = ("name",)
    search_help_text = "Nombre, palabra clave o respuesta"
    empty_hint = "Cree una regla: qué palabras la activan y qué se responde. La primera que encaja es la que responde."
    change_form_outer_after_template = "whatsapp_admin/rule.html"
    actions_list = ("try_it", "open_settings")
    readonly_fields = ("created_at", "updated_at")
    fieldsets = (
        (None, {"fields": (("name", "position"), ("audience", "when"), ("action", "is_active"))}),
        (
            "Cuándo encaja",
            {
                "description": "Sin palabras ni patrón encaja con todo: póngala al final. "
                f"Con «{WHOLE_MESSAGE}» delante, el mensaje entero debe decir eso.",
                "fields": (("keywords", "pattern"),),
            },
        ),
        ("Qué responde", {"fields": ("answer",)}),
        (RECORD, {"fields": (("created_at", "updated_at"),)}),
    )

    def find(self, queryset: Any, typed: str) -> Any:
        """There are a few dozen of them at most."""
        return queryset.filter(Q(name__icontains=typed) | Q(keywords__icontains=typed) | Q(answer__icontains=typed))

    @display(description="para quién", label=AUDIENCE_TONES)
    def audience_label(self, rule: BotRule) -> str:
        return rule.get_audience_display()

    @display(description="cuándo", label=WHEN_TONES)
    def when_label(self, rule: BotRule) -> str:
        return rule.get_when_display()

    @display(description="encaja con")
    def listens_to(self, rule: BotRule) -> str:
        heard = ", ".join(line.strip() for line in rule.keywords.splitlines() if line.strip())
        return shortened(" · ".join(part for part in (heard, rule.pattern) if part) or "todo", 50)

    @display(description="después", label={"Pasa a persona": "info"})
    def does(self, rule: BotRule) -> str | None:
        return "Pasa a persona" if rule.action == RuleAction.HAND_OVER else None

    @display(description="responde")
    def says(self, rule: BotRule) -> str:
        return shortened(rule.answer, 60)

    # --- While one is written ---------------------------------------------------------------

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        if unknown := placeholders.unknown_in(obj.answer):
            messages.warning(request, f"«{obj}»: {sentence_about(unknown)}")

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        rule = self.get_object(request, object_id)
        shown = Check.of(rule.keywords, rule.pattern, rule.answer) if isinstance(rule, BotRule) else Check()
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **with_check(shown)})

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        return super().add_view(request, form_url, {**(extra_context or {}), **with_check(Check())})

    def get_urls(self) -> list[URLPattern]:
        check = self.admin_site.admin_view(self.check_view)
        return [path("comprobar/", check, name="whatsapp_botrule_check"), *super().get_urls()]

    def check_view(self, request: HttpRequest) -> HttpResponse:
        """What is wrong with what stands in the form now; stores nothing."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if not self.has_view_permission(request):
            raise Http404
        typed = {name: str(request.POST.get(name) or "")[:LONGEST_TRIED] for name in ("keywords", "pattern", "answer")}
        return TemplateResponse(request, "whatsapp_admin/rule_check.html", with_check(Check.of(**typed)))

    # --- The box to try them out ------------------------------------------------------------

    @action(description="Probar el bot", icon="science", url_path="probar")
    def try_it(self, request: HttpRequest) -> HttpResponse:
        """What would be answered to whom and when, and why; nobody is written to."""
        if not self.has_view_permission(request):
            raise Http404
        form = TryForm(request.GET if "text" in request.GET else None, user=request.user)
        context = {
            **self.admin_site.each_context(request),
            "title": "Probar el bot",
            "form": form,
            "media": self.media + form.media,
            "tried": tried(form.cleaned_data) if form.is_bound and form.is_valid() else None,
            "back": reverse(self.address_of("changelist")),
        }
        return TemplateResponse(request, "whatsapp_admin/try_bot.html", context)

    @action(description="Ajustes y horario", icon="tune", url_path="ajustes")
    def open_settings(self, request: HttpRequest) -> HttpResponse:
        return HttpResponseRedirect(address("whatsapp_botsettings_changelist"))


class Check:
    """What there is to say about the texts of a rule before it is saved."""

    def __init__(self) -> None:
        self.keywords: list[tuple[str, bool]] = []
        self.pattern_error = ""
        self.unknown = ""

    @classmethod
    def of(cls, keywords: str, pattern: str, answer: str) -> "Check":
        check = cls()
        lines = [line.strip() for line in keywords.splitlines() if line.strip()]
        heard = [(" ".join(words(line)), line.startswith(WHOLE_MESSAGE)) for line in lines]
        check.keywords = [row for row in dict.fromkeys(heard) if row[0]]
        check.pattern_error = error_of_pattern(pattern)
        check.unknown = sentence_about(placeholders.unknown_in(answer))
        return check


def error_of_pattern(pattern: str) -> str:
    """As the form would refuse it; "" for one that may be stored."""
    try:
        BotRule(pattern=pattern).clean()
    except ValidationError as error:
        return " ".join(error.messages)
    return ""


def with_check(check: Check) -> dict[str, Any]:
    known = [(f"{{{name}}}", placeholder.description) for name, placeholder in placeholders.KNOWN.items()]
    return {"check": check, "known": known}


def sentence_about(unknown: list[str]) -> str:
    if not unknown:
        return ""
    names = ", ".join(f"{{{name}}}" for name in unknown)
    return f"nadie conoce {names}: no se dirá nada en su lugar."


def tried(typed: dict[str, Any]) -> dict[str, Any]:
    at: datetime = typed["at"] or timezone.now()
    result = try_out(typed["text"], contact=typed["contact"], at=at)
    return {
        "rule": result.rule,
        "rule_url": change_url(result.rule) if result.rule else "",
        "answer": result.answer,
        "why": result.why,
        "who": str(typed["contact"] or "alguien sin vincular"),
        "at": at,
        "hands_over": result.rule is not None and result.rule.action == RuleAction.HAND_OVER,
    }
