"""The staff pages of the ground floor, one module per theme. Importing a module registers its pages."""

from crm.admin import appointments, audit, contacts, leads, notes, tasks, users

__all__ = ["appointments", "audit", "contacts", "leads", "notes", "tasks", "users"]
