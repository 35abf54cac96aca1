"""The staff pages of WhatsApp, one module per theme. Importing a module registers its pages."""

from whatsapp.admin import events, numbers, rules, settings, templates, threads

__all__ = ["events", "numbers", "rules", "settings", "templates", "threads"]
