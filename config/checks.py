"""What a deployment lacks, said before it starts: one sentence for each missing or impossible thing."""

import re
import ssl
from collections.abc import Iterator
from urllib.parse import urlsplit
from zoneinfo import available_timezones

import phonenumbers
from django.core.checks import CheckMessage, Error, Tags, register
from django.core.exceptions import ImproperlyConfigured

from config.env import ENV, Environment
from integrations.sending.addresses import refusal_of
from integrations.sending.signing import is_sound

DEMONSTRATION_SECRET_KEY = "demonstration-only-not-a-secret-never-used-with-a-database-url"
# A month. Much more, and the date of the next try would be none.
LONGEST_RETRY_SECONDS = 30 * 24 * 3600
LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")

_E164 = re.compile(r"\+[1-9]\d{6,14}")
_RATE = re.compile(r"0|[1-9]\d*/(s|sec|second|m|min|minute|h|hour|d|day)")
# What each number must at least be. The clients renew an access token that has less than two minutes left.
_LEAST = {
    "ACCESS_TOKEN_MINUTES": 3,
    "REFRESH_TOKEN_DAYS": 1,
    "BULK_ASSIGN_LIMIT": 1,
    "IMPORT_MAX_MEGABYTES": 1,
    "TRUSTED_PROXIES": 0,
    "WEBHOOK_PROBE_SECONDS": 1,
    "WHATSAPP_MESSAGES_PER_SECOND": 1,
    "CALLS_AT_ONCE": 1,
    "CALLS_A_WEEK": 1,
}


@register(Tags.security)
def deployment_is_complete(app_configs: object = None, **kwargs: object) -> list[CheckMessage]:
    """With DATABASE_URL set, everything a real installation needs must be given."""
    return missing_settings(ENV)


def refuse_to_start_incomplete() -> None:
    """For web servers and workers, which run no checks by themselves."""
    found = missing_settings(ENV)
    if found:
        lines = [f"{message.msg} {message.hint or ''}".rstrip() for message in found]
        raise ImproperlyConfigured("The settings are incomplete:\n  - " + "\n  - ".join(lines))


def missing_settings(environment: Environment) -> list[CheckMessage]:
    """Errors for what `environment` lacks; the demonstration lacks nothing."""
    found = list(_impossible(environment))
    return found if environment.is_demonstration else [*found, *_missing(environment)]


def _impossible(environment: Environment) -> Iterator[CheckMessage]:
    """Values that nothing could work with."""
    if environment.time_zone not in available_timezones():
        yield Error(f"TIME_ZONE '{environment.time_zone}' is not a known time zone.", id="puente.E005")
    if environment.agent_scope not in ("open", "own"):
        yield Error("CRM_AGENT_SCOPE must be 'open' or 'own'.", id="puente.E006")
    for name in ("API_RATE", "BULK_ASSIGN_RATE"):
        if not _RATE.fullmatch(getattr(environment, name.lower())):
            yield Error(f"{name} must be like '60/min', or '0' for no limit.", id="puente.E007")
    if environment.phone_region not in phonenumbers.SUPPORTED_REGIONS:
        yield Error(f"PHONE_REGION '{environment.phone_region}' is no country code such as PE.", id="puente.E008")
    if environment.log_level not in LOG_LEVELS:
        yield Error(f"LOG_LEVEL must be one of {', '.join(LOG_LEVELS)}.", id="puente.E009")
    if environment.database_url and not _is_postgresql(environment.database_url):
        yield Error("DATABASE_URL must be like postgres://user:password@host:5432/name", id="puente.E010")
    for name, least in _LEAST.items():
        if getattr(environment, name.lower()) < least:
            yield Error(f"{name} must be {least} or more.", id="puente.E011")
    yield from _impossible_webhooks(environment)
    yield from _impossible_whatsapp(environment)
    yield from _impossible_calls(environment)


def _impossible_webhooks(environment: Environment) -> Iterator[CheckMessage]:
    """What could never be sent. Whether it arrives says `manage.py verify_webhook`."""
    url = environment.comercial_webhook_url
    if url and refusal_of(url):
        yield Error(
            "COMERCIAL_WEBHOOK_URL must be like https://host/path, without user and password.", id="puente.E013"
        )
    elif url.startswith("http:") and not (environment.webhook_allow_private or environment.is_demonstration):
        yield Error(
            "COMERCIAL_WEBHOOK_URL must use HTTPS.",
            hint="Only in the own network it may go without: WEBHOOK_ALLOW_PRIVATE=true",
            id="puente.E014",
        )
    if not all(0 <= seconds <= LONGEST_RETRY_SECONDS for seconds in environment.webhook_retry_seconds):
        yield Error(f"WEBHOOK_RETRY_SECONDS must be between 0 and {LONGEST_RETRY_SECONDS}.", id="puente.E015")
    if not all(is_sound(secret) for secret in environment.webhook_signing_secrets):
        yield Error(
            "WEBHOOK_SIGNING_SECRETS must each be whsec_ and 24 to 64 bytes in base64.",
            hint="echo whsec_$(openssl rand -base64 32)",
            id="puente.E016",
        )
    if environment.webhook_ca_file and not _has_authorities(environment.webhook_ca_file):
        yield Error("WEBHOOK_CA_FILE is no PEM file with certificates that can be read.", id="puente.E017")


def _impossible_whatsapp(environment: Environment) -> Iterator[CheckMessage]:
    """Half of WhatsApp's settings. Whether Meta takes them says `manage.py whatsapp_doctor`."""
    url = environment.whatsapp_graph_url
    if url and refusal_of(url):
        yield Error(
            "WHATSAPP_GRAPH_URL must be like https://graph.facebook.com/v25.0, without user and password.",
            id="puente.E018",
        )
    elif url.startswith("http:") and not (environment.webhook_allow_private or environment.is_demonstration):
        yield Error("WHATSAPP_GRAPH_URL must use HTTPS: the access token travels with every message.", id="puente.E018")
    if environment.is_demonstration or not environment.whatsapp_access_token:
        return
    for name, what in (
        ("WHATSAPP_APP_SECRET", "nothing that Meta sends could be believed"),
        ("WHATSAPP_PHONE_NUMBER_ID", "nobody could be written to first"),
        ("WHATSAPP_VERIFY_TOKEN", "Meta could not verify the webhook"),
    ):
        if not getattr(environment, name.lower()):
            yield Error(f"{name} is missing: with WHATSAPP_ACCESS_TOKEN set, {what} without it.", id="puente.E019")


def _impossible_calls(environment: Environment) -> Iterator[CheckMessage]:
    """A provider that could place no call. Whether it takes them says the first one."""
    from jobs.providers import PROVIDERS  # which has models in its wake, and the settings import this file

    if environment.call_provider not in PROVIDERS:
        yield Error(f"CALL_PROVIDER must be one of {', '.join(sorted(PROVIDERS))}.", id="puente.E020")
    url = environment.retell_api_url
    if url and refusal_of(url):
        yield Error(
            "RETELL_API_URL must be like https://api.retellai.com, without user and password.", id="puente.E021"
        )
    elif url.startswith("http:") and not (environment.webhook_allow_private or environment.is_demonstration):
        yield Error(
            "RETELL_API_URL must use HTTPS: the API key travels with every call.",
            hint="Only in the own network it may go without: WEBHOOK_ALLOW_PRIVATE=true",
            id="puente.E021",
        )
    if environment.retell_from_number and not _E164.fullmatch(environment.retell_from_number):
        yield Error("RETELL_FROM_NUMBER must be like +51987654321.", id="puente.E022")
    if environment.call_provider != "retell":
        return
    for name, what in (
        ("RETELL_API_KEY", "no call could be placed, and nothing that Retell tells could be believed"),
        ("RETELL_FROM_NUMBER", "nobody could be called"),
        ("RETELL_AGENT_ID", "nobody would speak"),
    ):
        if not getattr(environment, name.lower()):
            yield Error(f"{name} is missing: with CALL_PROVIDER=retell, {what} without it.", id="puente.E023")


def _has_authorities(path: str) -> bool:
    try:
        return bool(ssl.create_default_context(cafile=path).get_ca_certs())
    except OSError:
        return False


def _is_postgresql(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme in ("postgres", "postgresql", "psql", "pgsql") and bool(parts.path.strip("/"))


def _missing(environment: Environment) -> Iterator[CheckMessage]:
    """What only the demonstration can do without."""
    if not environment.secret_key:
        yield Error(
            "SECRET_KEY is missing.",
            hint="With DATABASE_URL set it must be given: python -c 'import secrets; print(secrets.token_urlsafe(50))'",
            id="puente.E001",
        )
    elif len(environment.secret_key) < 32:
        yield Error("SECRET_KEY is shorter than 32 characters.", id="puente.E002")
    elif environment.secret_key == DEMONSTRATION_SECRET_KEY:
        yield Error("SECRET_KEY is the demonstration's, which everybody can read.", id="puente.E012")
    if not environment.allowed_hosts:
        yield Error(
            "ALLOWED_HOSTS is missing.",
            hint="The names this service is reached by, e.g. ALLOWED_HOSTS=crm.example.com",
            id="puente.E003",
        )
    if not environment.redis_url:
        yield Error(
            "REDIS_URL is missing.",
            hint="With DATABASE_URL set, workers and limits need it, e.g. REDIS_URL=redis://127.0.0.1:6379/0",
            id="puente.E004",
        )
