"""The staff pages of the ground floor, one module per theme. Importing a module registers its pages."""

from crm.admin import appointments, audit, contacts, imports, leads, notes, tasks, users

__all__ = ["appointments", "audit", "contacts", "imports", "leads", "notes", "tasks", "users"]
