"""What a deployment lacks, said before it starts: one sentence for each missing thing."""

from zoneinfo import available_timezones

from django.core.checks import CheckMessage, Error, Tags, register

from config.env import ENV, Environment

DEMONSTRATION_SECRET_KEY = "demonstration-only-not-a-secret-never-used-with-a-database-url"


@register(Tags.security)
def deployment_is_complete(app_configs: object = None, **kwargs: object) -> list[CheckMessage]:
    """With DATABASE_URL set, everything a real installation needs must be given."""
    return missing_settings(ENV)


def missing_settings(environment: Environment) -> list[CheckMessage]:
    """Errors for what `environment` lacks; the demonstration lacks nothing."""
    found: list[CheckMessage] = []
    if environment.time_zone not in available_timezones():
        found.append(
            Error(f"TIME_ZONE '{environment.time_zone}' is not a known time zone.", id="puente.E005")
        )
    if environment.agent_scope not in ("open", "own"):
        found.append(Error("CRM_AGENT_SCOPE must be 'open' or 'own'.", id="puente.E006"))
    if environment.is_demonstration:
        return found
    if not environment.secret_key:
        found.append(
            Error(
                "SECRET_KEY is missing.",
                hint="With DATABASE_URL set it must be given: "
                "python -c 'import secrets; print(secrets.token_urlsafe(50))'",
                id="puente.E001",
            )
        )
    elif len(environment.secret_key) < 32:
        found.append(Error("SECRET_KEY is shorter than 32 characters.", id="puente.E002"))
    if not environment.allowed_hosts:
        found.append(
            Error(
                "ALLOWED_HOSTS is missing.",
                hint="The names this service is reached by, e.g. ALLOWED_HOSTS=crm.example.com",
                id="puente.E003",
            )
        )
    if not environment.redis_url:
        found.append(
            Error(
                "REDIS_URL is missing.",
                hint="With DATABASE_URL set, workers and limits need it, e.g. REDIS_URL=redis://127.0.0.1:6379/0",
                id="puente.E004",
            )
        )
    return found
