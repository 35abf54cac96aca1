"""The staff pages of what leaves and what arrives. Importing a module registers its pages."""

from integrations.admin import deliveries, presences

__all__ = ["deliveries", "presences"]
