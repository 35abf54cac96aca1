"""The side menu of the staff pages, in working order: the day first, then people, then what is planned."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Item:
    """One line: a model's list (shown to whoever may see that list) or a page by its address name."""

    title: str
    icon: str
    model: str = ""
    url: str = ""


@dataclass(frozen=True)
class Group:
    title: str
    items: tuple[Item, ...]


MENU = (
    Group("", (Item("Inicio", "home", url="admin:index"),)),
    Group(
        "Personas",
        (
            Item("Contactos", "person", "crm.Contact"),
            Item("Leads", "person_add", "crm.Lead"),
            Item("Oportunidades", "target", "opportunities.Opportunity"),
        ),
    ),
    Group(
        "Trabajo del día",
        (
            Item("Conversaciones", "forum", "whatsapp.Thread"),
            Item("Tareas", "task_alt", "crm.Task"),
            Item("Citas", "event", "crm.Appointment"),
            Item("Llamadas", "call", "calls.Call"),
            Item("Notas", "sticky_note_2", "crm.Note"),
        ),
    ),
    Group(
        "Campañas",
        (
            Item("Campañas", "campaign", "jobs.Batch"),
            Item("Llamadas de campaña", "phone_forwarded", "jobs.Job"),
            Item("Cuentas", "account_balance_wallet", "jobs.Account"),
            Item("No llamar", "phone_disabled", "jobs.DoNotCall"),
            Item("Días sin llamadas", "event_busy", "jobs.ClosedDay"),
        ),
    ),
    Group(
        "Ventas",
        (
            Item("Presencias", "how_to_reg", "integrations.Presencia"),
            Item("Clientes de ventas", "storefront", "integrations.Cliente"),
            Item("Ventas", "real_estate_agent", "integrations.Venta"),
        ),
    ),
    Group(
        "Administración",
        (
            Item("Importaciones", "upload_file", "crm.ImportRun"),
            Item("Asignaciones", "swap_horiz", "opportunities.Assignment"),
            Item("Fusiones", "merge", "crm.ContactMerge"),
            Item("Envíos", "send", "integrations.WebhookDelivery"),
            Item("Reglas del bot", "smart_toy", "whatsapp.BotRule"),
            Item("Plantillas", "article", "whatsapp.Template"),
            Item("Avisos de Meta", "inbox", "whatsapp.WebhookEvent"),
            Item("Números de WhatsApp", "dialpad", "whatsapp.BusinessNumber"),
            Item("Usuarios", "manage_accounts", "crm.User"),
            Item("Tokens de API", "key", "crm.ApiToken"),
            Item("Tipos de llamada", "label", "calls.CallType"),
            Item("Auditoría", "history", "crm.AuditEntry"),
            Item("Ingresos fallidos", "lock_person", "axes.AccessAttempt"),
        ),
    ),
)
