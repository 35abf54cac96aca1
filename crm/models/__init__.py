from crm.models.appointments import Appointment, AppointmentNumber
from crm.models.audit import AuditEntry, IdempotencyKey
from crm.models.contact_phones import ContactPhone
from crm.models.contacts import Contact
from crm.models.imports import ImportRow, ImportRun
from crm.models.leads import Lead
from crm.models.merges import ContactMerge
from crm.models.notes import Note
from crm.models.tasks import Task
from crm.models.users import ApiToken, User

__all__ = [
    "ApiToken",
    "Appointment",
    "AppointmentNumber",
    "AuditEntry",
    "Contact",
    "ContactMerge",
    "ContactPhone",
    "IdempotencyKey",
    "ImportRow",
    "ImportRun",
    "Lead",
    "Note",
    "Task",
    "User",
]
