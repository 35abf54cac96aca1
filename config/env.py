"""The only reader of the environment.

Every variable the product knows is one line here, with its default in the demonstration. Nothing
else touches `os.environ`; a test compares this file with `.env.example`.
"""

from dataclasses import dataclass, field
from pathlib import Path

import environ
from django.core.exceptions import ImproperlyConfigured

BASE_DIR = Path(__file__).resolve().parent.parent

# Ten tries in 75 hours and 35 minutes, as Standard Webhooks proposes.
THREE_DAYS = "5,300,1800,7200,18000,36000,50400,72000,86400"

_read = environ.Env()
environ.Env.read_env(BASE_DIR / ".env")


def _text(name: str, default: str = "") -> str:
    return str(_read.str(name, default=default)).strip()


def _words(name: str, default: str = "") -> list[str]:
    """A comma list; blanks and surrounding space are dropped."""
    return [word.strip() for word in _text(name, default).split(",") if word.strip()]


def _number(name: str, default: int) -> int:
    """A whole number; an empty value means the default, anything else odd refuses to start."""
    text = _text(name)
    try:
        return int(text or default)
    except ValueError:
        raise ImproperlyConfigured(f"{name} must be a whole number, not '{text}'.") from None


def _numbers(name: str, default: str) -> list[int]:
    """A comma list of whole numbers."""
    words = _words(name) or default.split(",")
    try:
        return [int(word) for word in words]
    except ValueError:
        raise ImproperlyConfigured(f"{name} must be whole numbers with commas between, not '{_text(name)}'.") from None


def _switch(name: str, default: bool) -> bool:
    return bool(_read.bool(name, default=default)) if _text(name) else default


@dataclass(frozen=True)
class Environment:
    """What the surroundings say, read once at start."""

    database_url: str = field(default_factory=lambda: _text("DATABASE_URL"))
    redis_url: str = field(default_factory=lambda: _text("REDIS_URL"))
    secret_key: str = field(default_factory=lambda: _text("SECRET_KEY"))
    allowed_hosts: list[str] = field(default_factory=lambda: _words("ALLOWED_HOSTS"))
    cors_allowed_origins: list[str] = field(default_factory=lambda: _words("CORS_ALLOWED_ORIGINS"))
    csrf_trusted_origins: list[str] = field(default_factory=lambda: _words("CSRF_TRUSTED_ORIGINS"))
    time_zone: str = field(default_factory=lambda: _text("TIME_ZONE", "America/Lima") or "America/Lima")
    debug: bool = field(default_factory=lambda: _switch("DEBUG", default=False))
    log_level: str = field(default_factory=lambda: _text("LOG_LEVEL", "INFO").upper() or "INFO")
    trusted_proxies: int = field(default_factory=lambda: _number("TRUSTED_PROXIES", 0))
    # Where the demonstration's database and every installation's files live; relative to the project.
    data_dir: Path = field(default_factory=lambda: BASE_DIR / (_text("DATA_DIR") or "var"))
    media_root: str = field(default_factory=lambda: _text("MEDIA_ROOT"))

    agent_scope: str = field(default_factory=lambda: _text("CRM_AGENT_SCOPE", "open").lower() or "open")
    phone_region: str = field(default_factory=lambda: _text("PHONE_REGION", "PE").upper() or "PE")
    access_token_minutes: int = field(default_factory=lambda: _number("ACCESS_TOKEN_MINUTES", 60))
    refresh_token_days: int = field(default_factory=lambda: _number("REFRESH_TOKEN_DAYS", 30))
    api_rate: str = field(default_factory=lambda: _text("API_RATE", "3000/min") or "3000/min")
    bulk_assign_limit: int = field(default_factory=lambda: _number("BULK_ASSIGN_LIMIT", 100))
    bulk_assign_rate: str = field(default_factory=lambda: _text("BULK_ASSIGN_RATE", "60/min") or "60/min")
    import_max_megabytes: int = field(default_factory=lambda: _number("IMPORT_MAX_MEGABYTES", 20))

    # Presences: where they go, what both sides know, and how patiently they are sent.
    comercial_webhook_url: str = field(default_factory=lambda: _text("COMERCIAL_WEBHOOK_URL"))
    comercial_webhook_token: str = field(default_factory=lambda: _text("COMERCIAL_WEBHOOK_TOKEN"))
    crm_webhook_token: str = field(default_factory=lambda: _text("CRM_WEBHOOK_TOKEN"))
    webhook_signing_secrets: list[str] = field(default_factory=lambda: _words("WEBHOOK_SIGNING_SECRETS"))
    webhook_allow_private: bool = field(default_factory=lambda: _switch("WEBHOOK_ALLOW_PRIVATE", default=False))
    webhook_ca_file: str = field(default_factory=lambda: _text("WEBHOOK_CA_FILE"))
    webhook_retry_seconds: list[int] = field(default_factory=lambda: _numbers("WEBHOOK_RETRY_SECONDS", THREE_DAYS))
    webhook_probe_seconds: int = field(default_factory=lambda: _number("WEBHOOK_PROBE_SECONDS", 30))

    # WhatsApp: what Meta's webhook proves itself with, and what we send with.
    whatsapp_verify_token: str = field(default_factory=lambda: _text("WHATSAPP_VERIFY_TOKEN"))
    whatsapp_app_secret: list[str] = field(default_factory=lambda: _words("WHATSAPP_APP_SECRET"))
    whatsapp_access_token: str = field(default_factory=lambda: _text("WHATSAPP_ACCESS_TOKEN"))
    whatsapp_phone_number_id: str = field(default_factory=lambda: _text("WHATSAPP_PHONE_NUMBER_ID"))
    whatsapp_business_account_id: str = field(default_factory=lambda: _text("WHATSAPP_BUSINESS_ACCOUNT_ID"))
    whatsapp_graph_url: str = field(default_factory=lambda: _text("WHATSAPP_GRAPH_URL"))
    whatsapp_messages_per_second: int = field(default_factory=lambda: _number("WHATSAPP_MESSAGES_PER_SECOND", 80))
    whatsapp_answer_provider: str = field(default_factory=lambda: _text("WHATSAPP_ANSWER_PROVIDER"))

    call_provider: str = field(default_factory=lambda: _text("CALL_PROVIDER", "simulated") or "simulated")
    retell_api_key: str = field(default_factory=lambda: _text("RETELL_API_KEY"))
    retell_api_url: str = field(default_factory=lambda: _text("RETELL_API_URL"))
    retell_from_number: str = field(default_factory=lambda: _text("RETELL_FROM_NUMBER"))
    retell_agent_id: str = field(default_factory=lambda: _text("RETELL_AGENT_ID"))
    calls_at_once: int = field(default_factory=lambda: _number("CALLS_AT_ONCE", 20))
    calls_a_week: int = field(default_factory=lambda: _number("CALLS_A_WEEK", 7))

    host: str = field(default_factory=lambda: _text("HOST", "127.0.0.1") or "127.0.0.1")
    port: int = field(default_factory=lambda: _number("PORT", 8000))

    @property
    def is_demonstration(self) -> bool:
        """Nothing configured: SQLite, in-memory broker, demonstration data (contract section 7)."""
        return not self.database_url


ENV = Environment()
