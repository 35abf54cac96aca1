"""What the lists of users can be narrowed and sorted by (contracts/crm-client.md 3.6)."""

from typing import Any

from django.db.models import F, Q
from django_filters import rest_framework as filters

from crm.api.base import as_id
from crm.api.filters.base import ListFilter
from crm.api.moments import DateTimeFilter
from crm.choices import Role
from crm.models import AuditEntry, User
from crm.models.users import UserQuerySet

# What clients sort by → the columns. The name is how people say it, first names first.
SORTS = {
    "name": ["first_name", "last_name", "email"],
    "email": ["email"],
    "phone_number": ["phone_number"],
    "role": ["role"],
    "is_active": ["is_active"],
    "last_login": ["last_login"],
    "created_at": ["created_at"],
}


class ColleagueFilter(ListFilter):
    is_active = filters.BooleanFilter(label="Activo")

    class Meta:
        model = User
        fields: list[str] = []


class UserFilter(ColleagueFilter):
    search = filters.CharFilter(method="by_words", label="Nombre, correo o usuario, sin importar tildes")
    role = filters.ChoiceFilter(method="by_role", choices=[*Role.choices, ("superuser", "Superusuario")], label="Rol")
    is_verified = filters.BooleanFilter(label="Verificado")
    is_lawyer = filters.BooleanFilter(method="by_being_lawyer", label="Abogado")
    nationality = filters.CharFilter(lookup_expr="iexact", label="Nacionalidad")
    profession = filters.CharFilter(lookup_expr="icontains", label="Profesión")
    city = filters.CharFilter(lookup_expr="iexact", label="Ciudad")
    lawyer_specialty = filters.CharFilter(lookup_expr="icontains", label="Especialidad")
    last_login_from = DateTimeFilter(field_name="last_login", lookup_expr="gte", label="Último acceso desde")
    last_login_to = DateTimeFilter(field_name="last_login", lookup_expr="lte", is_end=True, label="Último acceso hasta")
    created_from = DateTimeFilter(field_name="created_at", lookup_expr="gte", label="Creado desde")
    created_to = DateTimeFilter(field_name="created_at", lookup_expr="lte", is_end=True, label="Creado hasta")
    sort_by = filters.ChoiceFilter(method="unchanged", choices=[(name, name) for name in SORTS], label="Orden")
    sort_order = filters.ChoiceFilter(
        method="unchanged", choices=[("asc", "ascendente"), ("desc", "descendente")], label="Sentido del orden"
    )

    def by_words(self, users: UserQuerySet, name: str, typed: str) -> UserQuerySet:
        return users.filter(search_words__finds=typed)

    def by_role(self, users: UserQuerySet, name: str, role: str) -> UserQuerySet:
        return users.filter(is_superuser=True) if role == "superuser" else users.filter(role=role)

    def by_being_lawyer(self, users: UserQuerySet, name: str, wanted: bool) -> UserQuerySet:
        return users.filter(role=Role.LAWYER) if wanted else users.exclude(role=Role.LAWYER)

    def unchanged(self, users: UserQuerySet, name: str, value: str) -> UserQuerySet:
        return users

    def filter_queryset(self, queryset: Any) -> Any:
        """Newest first unless asked otherwise; those without a value come last either way."""
        asked = self.form.cleaned_data
        descending = (asked.get("sort_order") or ("asc" if asked.get("sort_by") else "desc")) == "desc"
        columns = [F(column) for column in SORTS[asked.get("sort_by") or "created_at"]]
        order = [column.desc(nulls_last=True) if descending else column.asc(nulls_last=True) for column in columns]
        return super().filter_queryset(queryset).order_by(*order, "-id" if descending else "id")


class AuditEntryFilter(ListFilter):
    user_id = filters.CharFilter(method="about_user", label="Quien lo hizo o a quien se le hizo")
    action = filters.CharFilter(label="Acción")
    entity_type = filters.CharFilter(label="Tipo de registro")
    entity_id = filters.CharFilter(label="Registro")

    class Meta:
        model = AuditEntry
        fields: list[str] = []

    def about_user(self, entries: Any, name: str, typed: str) -> Any:
        user_id = as_id(typed)
        if user_id is None:
            return entries.none()
        return entries.filter(Q(actor_id=user_id) | Q(entity_type="users", entity_id=str(user_id)))
