"""Users as the clients read them (contracts/crm-client.md 1.3 and 3.6), and what may be written of them."""

from typing import Any

from rest_framework import serializers

from crm.api.base import Answer, Body, HomeDateTimeField
from crm.choices import Role
from crm.models import User


class UserAnswer(Answer):
    """A user with everything: for administrators, and of oneself. The Spanish names are those of another client."""

    id = serializers.UUIDField()
    email = serializers.EmailField()
    username = serializers.CharField(allow_null=True)
    full_name = serializers.CharField()
    first_name = serializers.CharField()
    last_name = serializers.CharField()
    phone_number = serializers.CharField(allow_null=True)
    avatar_url = serializers.CharField(allow_null=True)
    photo_avatar_url = serializers.CharField(source="avatar_url", allow_null=True)
    bio = serializers.CharField(allow_null=True)
    nationality = serializers.CharField(allow_null=True)
    profession = serializers.CharField(allow_null=True)
    city = serializers.CharField(allow_null=True)
    is_lawyer = serializers.BooleanField()
    lawyer_specialty = serializers.CharField(allow_null=True)
    daily_lead_quota = serializers.IntegerField(allow_null=True)
    is_active = serializers.BooleanField()
    is_verified = serializers.BooleanField()
    is_superuser = serializers.BooleanField()
    is_admin = serializers.BooleanField(source="is_administrator")
    role = serializers.ChoiceField(Role.choices)
    fcm_registered = serializers.SerializerMethodField(help_text="Siempre falso: no hay avisos al móvil.")
    nombre = serializers.CharField(source="first_name")
    apellido = serializers.CharField(source="last_name")
    rol = serializers.CharField(source="role")
    cargo = serializers.CharField(source="get_role_display")
    last_login = serializers.DateTimeField(allow_null=True)
    email_verified_at = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()

    def get_fcm_registered(self, user: User) -> bool:
        return False


class ColleagueAnswer(Answer):
    """A user as colleagues choose them: `assigned_to`, responsibles, the calendar."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    email = serializers.EmailField()
    phone = serializers.CharField(source="phone_number", allow_null=True)
    role_name = serializers.ChoiceField(Role.choices, source="role")
    is_active = serializers.BooleanField()
    avatar_url = serializers.CharField(allow_null=True)
    daily_lead_quota = serializers.IntegerField(allow_null=True)
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class ProfileBody(Body):
    """What everybody may change of themselves; names and words of the form, all optional."""

    full_name = serializers.CharField(required=False, max_length=300, allow_null=True)
    first_name = serializers.CharField(required=False, max_length=150, allow_blank=True)
    last_name = serializers.CharField(required=False, max_length=150, allow_blank=True)
    phone_number = serializers.CharField(required=False, max_length=20, allow_null=True)
    avatar_url = serializers.URLField(required=False, max_length=500, allow_null=True)
    bio = serializers.CharField(required=False, max_length=5000, allow_null=True)
    nationality = serializers.CharField(required=False, max_length=100, allow_null=True)
    profession = serializers.CharField(required=False, max_length=100, allow_null=True)
    city = serializers.CharField(required=False, max_length=100, allow_null=True)
    lawyer_specialty = serializers.CharField(required=False, max_length=100, allow_null=True)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """The full name is how the form writes first and last name."""
        full_name = attrs.pop("full_name", None)
        if full_name:
            first, _, last = full_name.partition(" ")
            if max(len(first), len(last)) > 150:
                raise serializers.ValidationError(
                    {"full_name": "Los nombres y apellidos admiten 150 caracteres cada uno."}
                )
            attrs = {"first_name": first, "last_name": last.strip(), **attrs}
        return attrs


class UserBody(ProfileBody):
    """What administrators may change of anybody. `is_superuser`, which the client sends too, is not read."""

    email = serializers.EmailField(required=False, max_length=254)
    username = serializers.CharField(required=False, max_length=150, allow_null=True)
    role = serializers.ChoiceField(Role.choices, required=False)
    is_active = serializers.BooleanField(required=False)
    is_verified = serializers.BooleanField(required=False)
    daily_lead_quota = serializers.IntegerField(required=False, allow_null=True, min_value=0)

    def validate_email(self, value: str) -> str:
        return value.strip().lower()

    def validate_username(self, value: str | None) -> str | None:
        return value.strip().lower() if value else None


class NewUserBody(UserBody):
    email = serializers.EmailField(max_length=254)
    password = serializers.CharField(max_length=72, min_length=8, trim_whitespace=False)


class RoleBody(Body):
    role = serializers.ChoiceField(Role.choices)


class StatusBody(Body):
    is_active = serializers.BooleanField()


class PasswordBody(Body):
    password = serializers.CharField(max_length=72, min_length=8, trim_whitespace=False)
    current_password = serializers.CharField(
        required=False, allow_null=True, max_length=128, trim_whitespace=False,
        help_text="Solo para cambiar la propia sin ser administrador.",
    )  # fmt: skip


class MessageAnswer(Answer):
    message = serializers.CharField()


class NewPasswordAnswer(MessageAnswer):
    password = serializers.CharField(allow_null=True, help_text="Se muestra una sola vez.")


class AuditEntryAnswer(Answer):
    id = serializers.SerializerMethodField()
    actor_id = serializers.UUIDField(allow_null=True)
    actor_email = serializers.EmailField(source="actor.email", allow_null=True)
    action = serializers.CharField()
    entity_type = serializers.CharField()
    entity_id = serializers.CharField()
    details = serializers.DictField()
    ip_address = serializers.CharField(allow_null=True)
    user_agent = serializers.CharField()
    created_at = serializers.DateTimeField()

    def get_id(self, entry: Any) -> str:
        return str(entry.pk)


class ApiTokenAnswer(Answer):
    """A token of another program, without its value: that is not kept anywhere."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    user_id = serializers.UUIDField()
    user_email = serializers.EmailField(source="user.email")
    hint = serializers.CharField(help_text="Cómo empieza el valor.")
    last_used_at = serializers.DateTimeField(allow_null=True)
    expires_at = serializers.DateTimeField(allow_null=True)
    revoked_at = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()


class IssuedTokenAnswer(ApiTokenAnswer):
    token = serializers.CharField(allow_null=True, help_text="El valor. Se muestra una sola vez.")


class ApiTokenBody(Body):
    name = serializers.CharField(max_length=100)
    user_id = serializers.UUIDField(required=False, allow_null=True, help_text="En nombre de quién; si falta, usted.")
    expires_at = HomeDateTimeField(required=False, allow_null=True)


class TimeZoneBody(Body):
    timezone = serializers.CharField(max_length=50)


class TimeZoneAnswer(Answer):
    timezone = serializers.CharField(allow_null=True, help_text="La suya; nula si usa la del sistema.")
    system_timezone = serializers.CharField()


class OneTimeZoneAnswer(Answer):
    code = serializers.CharField()
    name = serializers.CharField()
    offset = serializers.CharField()


class TimeZonesAnswer(Answer):
    timezones = OneTimeZoneAnswer(many=True)
