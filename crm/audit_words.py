"""The acts of the audit in the words of the people who read it."""

ACTS: dict[str, str] = {
    "appointment.delete": "Eliminó una cita",
    "contact.delete": "Eliminó un contacto",
    "contact.merge": "Fusionó dos contactos",
    "contact.merge_undo": "Deshizo una fusión",
    "export": "Exportó una lista",
    "import_cancelled": "Canceló una importación",
    "import_finished": "Terminó una importación",
    "import_started": "Inició una importación",
    "lead.delete": "Eliminó un lead",
    "token.issued": "Emitió un token de API",
    "token.revoked": "Revocó un token de API",
    "user.activated": "Activó un usuario",
    "user.created": "Creó un usuario",
    "user.deactivated": "Desactivó un usuario",
    "user.password_changed": "Cambió una contraseña",
    "user.role_changed": "Cambió un rol",
    "user.updated": "Cambió un usuario",
}


def name_acts(acts: dict[str, str]) -> None:
    """Other apps name theirs; called from `AppConfig.ready()`."""
    ACTS.update(acts)


def act_in_words(action: str) -> str:
    return ACTS.get(action, action)
