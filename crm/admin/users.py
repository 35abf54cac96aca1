"""Users and the tokens of programs that work in their name. Administrators' business."""

from typing import Any, ClassVar

from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from unfold.decorators import action, display
from unfold.enums import ActionVariant
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from crm.admin.base import RECORD, StaffAdmin, after_dialog
from crm.admin.filters import AutocompleteSelectFilter, ChoicesDropdownFilter
from crm.admin.rights import ADMINISTRATORS, NOBODY, is_autocomplete
from crm.choices import Role
from crm.display import change_url, moment
from crm.models import ApiToken, User

ROLE_TONES = {
    Role.ADMIN.label: "primary",
    Role.LAWYER.label: "info",
    Role.AGENT.label: "success",
    Role.USER.label: "warning",
}


class NewUserForm(UserCreationForm):
    usable_password = None

    class Meta:
        model = User
        fields = ("email", "first_name", "last_name", "role", "is_staff")


class UserForm(UserChangeForm):
    class Meta(UserChangeForm.Meta):
        field_classes: ClassVar[dict[str, Any]] = {}  # Django's own for user names breaks on an empty one


class NewPasswordForm(AdminPasswordChangeForm):
    usable_password = None

    def save(self, commit: bool = True) -> User:
        """By the verb: noted in the audit, and every token of the user dies with the old password."""
        self.user.change_password(self.cleaned_data["password1"])
        return self.user


@admin.register(User)
class UserAdmin(StaffAdmin, DjangoUserAdmin):  # type: ignore[misc]  # the one is typed narrower than the other
    may_view = may_add = may_change = ADMINISTRATORS
    may_delete = NOBODY  # a person who leaves is made inactive; what they did stays theirs
    form = UserForm
    add_form = NewUserForm
    change_password_form = NewPasswordForm

    list_display = ("name", "email", "role_label", "is_active", "is_staff", "seen")
    list_filter = (
        ("role", ChoicesDropdownFilter),
        "is_active",
        "is_staff",
    )
    search_fields = ("search_words",)  # type: ignore[misc]
    search_help_text = "Nombre, correo o usuario"
    ordering = ("first_name", "last_name", "email", "id")  # type: ignore[misc]
    palette_icon = "badge"
    empty_hint = "Cree un usuario por cada persona que trabaja con el CRM y elija su rol."
    filter_horizontal = ()
    readonly_fields = ("last_login", "created_at", "updated_at", "email_verified_at", "is_superuser")
    fieldsets = (
        (None, {"fields": ("email", ("first_name", "last_name"), ("role", "username"), "password")}),
        ("Acceso", {"fields": (("is_active", "is_staff"), ("is_verified", "is_superuser"))}),
        (
            "Perfil",
            {
                "fields": (
                    ("phone_number", "time_zone"),
                    ("city", "nationality"),
                    ("profession", "lawyer_specialty"),
                    ("daily_lead_quota", "avatar_url"),
                    "bio",
                )
            },
        ),
        (RECORD, {"fields": (("last_login", "email_verified_at"), ("created_at", "updated_at"))}),
    )
    add_fieldsets = (
        (None, {"fields": ("email", ("first_name", "last_name"), ("role", "is_staff"))}),
        ("Contraseña", {"fields": ("password1", "password2")}),
    )

    @display(description="nombre")
    def name(self, user: User) -> str:
        return user.name

    @display(description="rol", label=ROLE_TONES)
    def role_label(self, user: User) -> str:
        return user.get_role_display()

    @display(description="último ingreso")
    def seen(self, user: User) -> str:
        return moment(user.last_login)

    def find(self, queryset: QuerySet[Any], typed: str) -> QuerySet[Any]:
        return queryset.filter(search_words__finds=typed)

    def describe_for_palette(self, row: Any) -> str:
        return f"Usuario · {row.get_role_display()}"

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Everybody may choose a colleague in a form; only administrators see the list."""
        return super().has_view_permission(request, obj) or (
            is_autocomplete(request) and bool(getattr(request.user, "is_crm_staff", False))
        )

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        if is_autocomplete(request):
            queryset = queryset.filter(pk__in=User.objects.responsible())
        return super().get_search_results(request, queryset, search_term)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """A superuser is changed by superusers only: their password would be a way up."""
        raised = isinstance(obj, User) and obj.is_superuser and not getattr(request.user, "is_superuser", False)
        return super().has_change_permission(request, obj) and not raised

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        """By the verbs of the API: guarded, so that somebody remains who administers, and noted in the audit."""
        values = {name: value for name, value in form.cleaned_data.items() if name in form.changed_data}
        if change:
            obj.edit(**values)
            return
        for name in ("password1", "password2"):
            values.pop(name, None)
        stored = User.objects.register(password=form.cleaned_data["password1"], **values)
        obj.__dict__.update(stored.__dict__)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Nobody locks themselves out or raises themselves."""
        own = ("role", "is_active", "is_staff") if obj is not None and obj.pk == request.user.pk else ()
        return (*super().get_readonly_fields(request, obj), *own)


@admin.register(ApiToken)
class ApiTokenAdmin(StaffAdmin):
    """Issue and revoke. The value is shown once, when it is issued; only its digest is stored."""

    may_view = may_add = ADMINISTRATORS
    may_change = may_delete = NOBODY
    list_display = ("name", "user", "hint_label", "state", "used", "expires", "created")
    list_filter = (("user", AutocompleteSelectFilter),)
    list_select_related = ("user",)
    autocomplete_fields = ("user",)
    search_fields = ("name",)
    search_help_text = "Nombre del token o de su usuario"
    empty_hint = "Emita un token para cada programa que deba usar la API en nombre de un usuario."
    actions_detail = actions_row = ("revoke",)
    fieldsets = (
        (None, {"fields": ("name", "user", "expires_at")}),
        (RECORD, {"fields": (("hint", "last_used_at"), ("revoked_at", "created_at"), "created_by")}),
    )

    @display(description="empieza por")
    def hint_label(self, token: ApiToken) -> str:
        return f"{token.hint}…"

    @display(description="estado", label={"Vigente": "success", "Revocado": "danger", "Caducado": "warning"})
    def state(self, token: ApiToken) -> str:
        if token.revoked_at:
            return "Revocado"
        return "Caducado" if token.expires_at and token.expires_at <= timezone.now() else "Vigente"

    @display(description="último uso")
    def used(self, token: ApiToken) -> str:
        return moment(token.last_used_at)

    @display(description="caduca")
    def expires(self, token: ApiToken) -> str:
        return moment(token.expires_at)

    @display(description="creado")
    def created(self, token: ApiToken) -> str:
        return moment(token.created_at)

    def find(self, queryset: QuerySet[Any], typed: str) -> QuerySet[Any]:
        return queryset.filter(Q(name__icontains=typed) | Q(user__search_words__finds=typed))

    def save_model(self, request: HttpRequest, obj: ApiToken, form: Any, change: bool) -> None:
        issued, request.token_value = ApiToken.issue(  # type: ignore[attr-defined]
            user=obj.user, name=obj.name, expires_at=obj.expires_at, created_by=request.user
        )
        obj.__dict__.update(issued.__dict__)

    def response_add(self, request: HttpRequest, obj: ApiToken, post_url_continue: str | None = None) -> HttpResponse:
        """The page with the value: an answer to this request only, kept nowhere."""
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": "Token emitido",
            "token": obj,
            "value": request.token_value,  # type: ignore[attr-defined]
        }
        response = TemplateResponse(request, "crm/admin/token_issued.html", context)
        response.headers["Cache-Control"] = "no-store"
        return response

    @action(
        description="Revocar",
        icon="block",
        permissions=["administer"],
        variant=ActionVariant.DANGER,
        dialog={
            "title": "Revocar el token",
            "description": "El programa que lo usa dejará de tener acceso al instante. No se puede deshacer.",
            "form_submit_text": "Revocar",
        },
    )
    def revoke(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        token = self.get_object(request, object_id)
        if token is None:
            raise Http404
        token.revoke()
        self.log_change(request, token, "Revocado.")
        messages.success(request, f"El token «{token.name}» ya no vale.")
        return after_dialog(change_url(token))
