"""What the tests of accounts ask of every one."""

from crm.models import AuditEntry

USER_FIELDS = {
    "id", "email", "full_name", "first_name", "last_name", "phone_number", "avatar_url", "photo_avatar_url", "bio",
    "is_active", "is_verified", "is_superuser", "role", "fcm_registered", "last_login", "email_verified_at",
    "created_at", "updated_at",
}  # fmt: skip
NEW_PASSWORD = "otra-clave-muy-larga-8"


def audited(action: str) -> AuditEntry:
    return AuditEntry.objects.get(action=action)
