"""The call providers by name; `CALL_PROVIDER` says which one places calls (docs/providers.md)."""

from importlib import import_module

from django.conf import settings

from jobs.providers.base import Provider

PROVIDERS = {
    "simulated": "jobs.providers.simulated.SimulatedProvider",
    "retell": "jobs.providers.retell.RetellProvider",
}


def provider_named(name: str) -> Provider:
    """A call in progress is followed by the provider that placed it, whatever is configured since."""
    module, _, last = PROVIDERS[name].rpartition(".")
    made: Provider = getattr(import_module(module), last)()
    return made


def current_provider() -> Provider:
    return provider_named(settings.CALL_PROVIDER)
