"""One settings file for every size; values differ by environment (`config/env.py`), code does not."""

from contextlib import suppress
from datetime import timedelta
from typing import Any
from zoneinfo import available_timezones

import environ

from config.admin_theme import UNFOLD  # noqa: F401  a setting of django-unfold
from config.checks import DEMONSTRATION_SECRET_KEY, LOG_LEVELS
from config.env import BASE_DIR, ENV

DEMONSTRATION = ENV.is_demonstration

# Without its own key a deployment is stopped by the checks in config/checks.py.
SECRET_KEY = ENV.secret_key or DEMONSTRATION_SECRET_KEY
DEBUG = ENV.debug
ALLOWED_HOSTS = ENV.allowed_hosts
if DEMONSTRATION and not ENV.allowed_hosts:
    # Who opens the demonstration to every address cannot know by which name others will reach it.
    everywhere = ENV.host in ("0.0.0.0", "::")
    ALLOWED_HOSTS = ["*"] if everywhere else ["127.0.0.1", "localhost", "[::1]", ENV.host]

INSTALLED_APPS = [
    "config.apps.ConfigConfig",
    "crm",
    "calls",
    "opportunities",
    "jobs",
    "whatsapp",
    "integrations",
    "unfold.apps.BasicAppConfig",
    "unfold.contrib.filters",
    "config.apps.StaffPagesConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "rest_framework_simplejwt",
    "rest_framework_simplejwt.token_blacklist",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_filters",
    "corsheaders",
    "axes",
]

MIDDLEWARE = [
    "config.middleware.RequestContext",
    "config.middleware.ProvenRequests",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "config.content_policy.ContentPolicy",
    "corsheaders.middleware.CorsMiddleware",
    "config.middleware.KnownLength",
    "config.middleware.OptionalSlash",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "config.middleware.RememberActor",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "config.api.idempotency.IdempotencyMiddleware",
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
APPEND_SLASH = False  # a redirect breaks a CORS preflight and a POST (contract section 1)

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

# --- Database ---------------------------------------------------------------------------------

SQLITE: dict[str, Any] = {
    "ENGINE": "django.db.backends.sqlite3",
    "NAME": ENV.data_dir / "puente.sqlite3",
    "OPTIONS": {
        # Without IMMEDIATE a read-then-write transaction meets "database is locked" under load.
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA mmap_size=134217728;"
        "PRAGMA journal_size_limit=27103364; PRAGMA cache_size=-20000",
    },
}


def _postgresql(url: str) -> dict[str, Any]:
    """Connections are kept per thread and checked before use, so a restarted server costs no error."""
    read = environ.Env.db_url_config(url)
    return {
        **read,
        "CONN_MAX_AGE": 600,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {
            # A server that is away is told as 503 soon, not after the minutes that TCP would wait.
            "connect_timeout": 5,
            # Our queries are short: compiling one that the planner overrates took 400 ms of a 20 ms page.
            "options": "-c jit=off",
            # The server parses and plans what is asked often once a connection: a third less of its time.
            "server_side_binding": True,
            "prepare_threshold": 2,
            **read.get("OPTIONS", {}),
        },
    }


# SQLite makes a file but no folder, and the server of static files misses a folder that is not there.
# Where this fails, opening the database says why.
with suppress(OSError):
    (ENV.data_dir / "static").mkdir(parents=True, exist_ok=True)

DATABASES = {"default": SQLITE if DEMONSTRATION else _postgresql(ENV.database_url)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- Cache and background work ----------------------------------------------------------------

CACHES: dict[str, Any] = {
    "default": (
        {
            "BACKEND": "config.cache.ForgivingRedisCache",
            "LOCATION": ENV.redis_url,
            # A broker that accepts and stays silent must not hold up a request.
            "OPTIONS": {"socket_timeout": 0.5, "socket_connect_timeout": 0.5},
        }
        if ENV.redis_url
        else {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
    )
}

CELERY_BROKER_URL = ENV.redis_url or "memory://localhost/"
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_TIME_LIMIT = 15 * 60
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TIMEZONE = "UTC"
CELERY_BROKER_TRANSPORT_OPTIONS = (
    # Without the last four a request that wakes a worker waits six seconds for a broker that is gone.
    {
        "socket_timeout": 1,
        "socket_connect_timeout": 1,
        "max_retries": 1,
        "interval_start": 0,
        "interval_step": 0.1,
        "interval_max": 0.1,
    }
    if ENV.redis_url
    # The in-memory transport polls once a second by default: 4 tasks a second instead of 80.
    else {"polling_interval": 0.05}
)
CELERY_BEAT_SCHEDULE: dict[str, Any] = {
    # Ticks that nobody took in time say nothing the next one does not say.
    "resume-imports": {"task": "crm.tasks.resume_imports", "schedule": 5.0, "options": {"expires": 5}},
    "deliver-due": {"task": "integrations.tasks.deliver_due", "schedule": 5.0, "options": {"expires": 5}},
    "forget-old-deliveries": {
        "task": "integrations.tasks.forget_old_deliveries",
        "schedule": timedelta(hours=1),
    },
    "forget-old-receptions": {
        "task": "integrations.tasks.forget_old_receptions",
        "schedule": timedelta(hours=1),
    },
    "apply-whatsapp-events": {"task": "whatsapp.tasks.apply_due", "schedule": 5.0, "options": {"expires": 5}},
    "answer-whatsapp": {"task": "whatsapp.tasks.answer_due", "schedule": 5.0, "options": {"expires": 5}},
    "fetch-whatsapp-media": {"task": "whatsapp.tasks.fetch_due_media", "schedule": 10.0, "options": {"expires": 10}},
    "nudge-unanswered-whatsapp": {"task": "whatsapp.tasks.nudge_unanswered", "schedule": 60.0},
    "follow-whatsapp-templates": {"task": "whatsapp.tasks.follow_templates", "schedule": timedelta(days=1)},
    "dial-due": {"task": "jobs.tasks.dial_due", "schedule": 2.0, "options": {"expires": 2}},
    "follow-calls": {"task": "jobs.tasks.follow_calls", "schedule": 2.0, "options": {"expires": 2}},
    "report-calls": {"task": "jobs.tasks.report_calls", "schedule": 5.0, "options": {"expires": 5}},
    "carry-out-campaign-acts": {"task": "jobs.tasks.carry_out_acts", "schedule": 5.0, "options": {"expires": 5}},
    "resume-campaign-imports": {"task": "jobs.tasks.resume_imports", "schedule": 5.0, "options": {"expires": 5}},
    "tidy-whatsapp": {"task": "whatsapp.tasks.tidy", "schedule": timedelta(hours=1)},
    "forget-old-imports": {"task": "crm.tasks.forget_old_imports", "schedule": timedelta(hours=1)},
    "forget-old-keys": {"task": "crm.tasks.forget_old_keys", "schedule": timedelta(hours=1)},
}

# --- Who is who -------------------------------------------------------------------------------

AUTH_USER_MODEL = "crm.User"
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "config.api.signing_in.EmailOrUsernameBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
if DEMONSTRATION:
    # Known passwords: hashed in a way that no other installation can read (contract section 7).
    PASSWORD_HASHERS = ["config.hashers.DemonstrationHasher"]
LOGIN_URL = "admin:login"
LOGIN_REDIRECT_URL = "admin:index"

AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
AXES_HTTP_RESPONSE_CODE = 429
AXES_ENABLE_ACCESS_FAILURE_LOG = False
AXES_DISABLE_ACCESS_LOG = True
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False  # it ends when Retry-After said it would
AXES_USERNAME_FORM_FIELD = "username"  # what `authenticate` is called with; axes would guess "email"
AXES_USERNAME_CALLABLE = "config.api.signing_in.name_for_lockout"
AXES_CLIENT_IP_CALLABLE = "config.addresses.client_address"
AXES_LOCKOUT_CALLABLE = "config.api.signing_in.locked_out"
AXES_VERBOSE = False

SIMPLE_JWT = {
    "ACCESS_TOKEN_LIFETIME": timedelta(minutes=ENV.access_token_minutes),
    "REFRESH_TOKEN_LIFETIME": timedelta(days=ENV.refresh_token_days),
    # Tabs refresh at the same moment; a rotated and revoked token would end the other tab's session.
    "ROTATE_REFRESH_TOKENS": False,
    "CHECK_REVOKE_TOKEN": True,
    "UPDATE_LAST_LOGIN": True,
    "USER_ID_CLAIM": "sub",
}

# --- API --------------------------------------------------------------------------------------

REST_FRAMEWORK: dict[str, Any] = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["config.api.authentication.BearerAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["crm.permissions.IsCrmStaff"],
    "DEFAULT_RENDERER_CLASSES": ["config.api.renderers.OrjsonRenderer"],
    "DEFAULT_PARSER_CLASSES": ["config.api.parsers.StrictJSONParser"],
    "DEFAULT_PAGINATION_CLASS": "config.api.paging.EnvelopePagination",
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "DEFAULT_THROTTLE_CLASSES": ["config.api.throttles.CallerThrottle", "config.api.throttles.ViewThrottle"],
    "DEFAULT_THROTTLE_RATES": {
        "caller": ENV.api_rate,
        "bulk-assign": ENV.bulk_assign_rate,
        "webhook-stranger": "60/min",  # who knocks at a webhook without its token
        "login": "120/min",  # a whole call centre signs in at the same minute, from one address
    },
    "DEFAULT_SCHEMA_CLASS": "config.api.schema.Schema",
    "EXCEPTION_HANDLER": "config.api.errors.answer_error",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
    "TEST_REQUEST_RENDERER_CLASSES": [
        "rest_framework.renderers.JSONRenderer",
        "rest_framework.renderers.MultiPartRenderer",
    ],
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "config.api.renderers.OurRenderer",
    "URL_FORMAT_OVERRIDE": None,  # `?format=csv` is a parameter of an export, not of every endpoint
}
SPECTACULAR_SETTINGS: dict[str, Any] = {
    "TITLE": "Puente CRM",
    "DESCRIPTION": "CRM para equipos de ventas y centros de llamadas.",
    "VERSION": "1.0.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "COMPONENT_SPLIT_REQUEST": True,
    "PREPROCESSING_HOOKS": ["config.api.schema.without_second_prefix"],
    # Closed lists stand where they are used: named ones would need a hand-kept list of their names.
    "POSTPROCESSING_HOOKS": ["config.api.schema.with_errors_everywhere"],
    "GET_MOCK_REQUEST": "config.api.schema.request_of_an_administrator",
    "SWAGGER_UI_SETTINGS": {"deepLinking": True, "persistAuthorization": True, "filter": True},
}
CORS_ALLOWED_ORIGINS = ENV.cors_allowed_origins
if DEMONSTRATION and not ENV.cors_allowed_origins:
    # The development ports of the clients' own tools.
    CORS_ALLOWED_ORIGINS = [
        f"http://{host}:{port}" for host in ("localhost", "127.0.0.1") for port in (5173, 4173, 5000)
    ]
CORS_URLS_REGEX = r"^/(api|crm)/.*$"
CORS_ALLOW_HEADERS = [
    "accept",
    "authorization",
    "content-type",
    "idempotency-key",
    "x-request-id",
    "x-crm-auth",
]
CORS_EXPOSE_HEADERS = ["x-total-count", "x-request-id", "retry-after", "idempotency-replayed"]
CORS_PREFLIGHT_MAX_AGE = 86400
CSRF_TRUSTED_ORIGINS = ENV.csrf_trusted_origins

# --- Rules of the product that a deployment may tune ------------------------------------------

CRM_AGENT_SCOPE = ENV.agent_scope
PHONE_REGION = ENV.phone_region
BULK_ASSIGN_LIMIT = ENV.bulk_assign_limit
SAME_TASK_WINDOW = timedelta(minutes=5)
LIST_COUNT_CAP = 10_000
IMPORT_MAX_BYTES = ENV.import_max_megabytes * 1024 * 1024
IMPORT_MAX_ROWS = 100_000

# --- What leaves for other systems ------------------------------------------------------------

COMERCIAL_WEBHOOK_URL = ENV.comercial_webhook_url
COMERCIAL_WEBHOOK_TOKEN = ENV.comercial_webhook_token
CRM_WEBHOOK_TOKEN = ENV.crm_webhook_token
WEBHOOK_SIGNING_SECRETS = ENV.webhook_signing_secrets
WEBHOOK_ALLOW_PRIVATE = ENV.webhook_allow_private
WEBHOOK_CA_FILE = ENV.webhook_ca_file
if DEMONSTRATION:
    # The demonstration's receiver listens to its own sender (contract section 7).
    _own_host = "127.0.0.1" if ENV.host in ("0.0.0.0", "::", "localhost") else ENV.host
    COMERCIAL_WEBHOOK_URL = COMERCIAL_WEBHOOK_URL or f"http://{_own_host}:{ENV.port}/api/webhook-presencia-crm/"
    CRM_WEBHOOK_TOKEN = CRM_WEBHOOK_TOKEN or "demostracion"
    COMERCIAL_WEBHOOK_TOKEN = COMERCIAL_WEBHOOK_TOKEN or CRM_WEBHOOK_TOKEN
    WEBHOOK_SIGNING_SECRETS = WEBHOOK_SIGNING_SECRETS or ["whsec_ZGVtb25zdHJhY2lvbi1zaW4tc2VjcmV0bw=="]
    WEBHOOK_ALLOW_PRIVATE = True
# Messages side by side in one round. The demonstration is its own receiver, which has people to answer, too.
WEBHOOK_THREADS = 1 if DEMONSTRATION else 8
WEBHOOK_CONNECT_SECONDS = 3.0
WEBHOOK_READ_SECONDS = 10.0
WEBHOOK_TOTAL_SECONDS = 15.0
WEBHOOK_LEASE_SECONDS = 30.0  # twice the longest a message can take
WEBHOOK_RETRY_SECONDS = ENV.webhook_retry_seconds
WEBHOOK_PROBE_SECONDS = ENV.webhook_probe_seconds

# --- WhatsApp ---------------------------------------------------------------------------------

WHATSAPP_VERIFY_TOKEN = ENV.whatsapp_verify_token
WHATSAPP_APP_SECRET = ENV.whatsapp_app_secret  # several while it is being changed
WHATSAPP_ACCESS_TOKEN = ENV.whatsapp_access_token
WHATSAPP_PHONE_NUMBER_ID = ENV.whatsapp_phone_number_id
WHATSAPP_BUSINESS_ACCOUNT_ID = ENV.whatsapp_business_account_id
WHATSAPP_GRAPH_URL = ENV.whatsapp_graph_url.rstrip("/") or "https://graph.facebook.com/v25.0"
WHATSAPP_MESSAGES_PER_SECOND = ENV.whatsapp_messages_per_second
# Who makes the bot's answers: a dotted path to an `AnswerProvider` (whatsapp/bot/provider.py).
WHATSAPP_ANSWER_PROVIDER = ENV.whatsapp_answer_provider or "whatsapp.bot.rules.RuleProvider"
if DEMONSTRATION:
    # A simulated Meta answers what is sent (contract section 7).
    WHATSAPP_VERIFY_TOKEN = WHATSAPP_VERIFY_TOKEN or "demostracion"
    WHATSAPP_APP_SECRET = WHATSAPP_APP_SECRET or ["demostracion-sin-secreto"]
    WHATSAPP_ACCESS_TOKEN = WHATSAPP_ACCESS_TOKEN or "demostracion"
    WHATSAPP_PHONE_NUMBER_ID = WHATSAPP_PHONE_NUMBER_ID or "100000000000001"
    WHATSAPP_BUSINESS_ACCOUNT_ID = WHATSAPP_BUSINESS_ACCOUNT_ID or "200000000000001"
    WHATSAPP_GRAPH_URL = ENV.whatsapp_graph_url.rstrip("/") or f"http://{_own_host}:{ENV.port}/simulated-meta/v25.0"
WHATSAPP_MEDIA_MAX_BYTES = 100 * 1024 * 1024  # Meta's own limit for documents

# --- Campaigns --------------------------------------------------------------------------------

CALL_PROVIDER = ENV.call_provider
RETELL_API_KEY = ENV.retell_api_key
RETELL_API_URL = ENV.retell_api_url.rstrip("/") or "https://api.retellai.com"
RETELL_FROM_NUMBER = ENV.retell_from_number
RETELL_AGENT_ID = ENV.retell_agent_id
# Calls in progress together, over all campaigns; a campaign and an account have their own, lower limits.
CALLS_AT_ONCE = ENV.calls_at_once
# How often a person is dialled in seven days, whatever the campaigns.
CALLS_A_WEEK = ENV.calls_a_week
# Calls that one worker places or asks after side by side. SQLite, which the demonstration has, writes one at a time.
CALL_THREADS = 1 if DEMONSTRATION else 8
# How long a simulated call takes from dialling to its end, at least and at most.
SIMULATED_CALL_SECONDS = (4, 40)
# What the simulated outcomes follow from; and for single numbers how each dial ends, the last one for all after it.
SIMULATED_SEED = 1
SIMULATED_OUTCOMES: dict[str, list[str]] = {}

# --- Language, time, files --------------------------------------------------------------------

LANGUAGE_CODE = "es"
LANGUAGES = [("es", "Español")]
LOCALE_PATHS = [BASE_DIR / "locale"]
# An impossible value is told by config/checks.py, which cannot speak when settings do not load.
TIME_ZONE = ENV.time_zone if ENV.time_zone in available_timezones() else "America/Lima"
USE_I18N = True
USE_TZ = True

STATIC_URL = "static/"
STATIC_ROOT = ENV.data_dir / "static"
WHITENOISE_USE_FINDERS = True  # no collectstatic step between a clone and a page that looks right
MEDIA_ROOT = ENV.media_root or ENV.data_dir / "media"
DATA_UPLOAD_MAX_MEMORY_SIZE = 5 * 1024 * 1024
FILE_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024

# --- Transport security -----------------------------------------------------------------------

SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = not DEMONSTRATION and not DEBUG
SECURE_HSTS_SECONDS = 0 if DEMONSTRATION or DEBUG else 30 * 24 * 3600  # only said over TLS
X_FRAME_OPTIONS = "DENY"
TRUSTED_PROXIES = ENV.trusted_proxies
if TRUSTED_PROXIES:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

# --- Log --------------------------------------------------------------------------------------

LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"request_id": {"()": "config.logs.RequestIdFilter"}},
    "formatters": {
        "line": {"format": "{asctime} {levelname} {name} [{request_id}] {message}", "style": "{"},
        "json": {"()": "config.logs.JsonFormatter"},
    },
    "handlers": {
        "console": {
            "class": "logging.StreamHandler",
            "filters": ["request_id"],
            "formatter": "line" if DEMONSTRATION else "json",
        }
    },
    "root": {"handlers": ["console"], "level": ENV.log_level if ENV.log_level in LOG_LEVELS else "INFO"},
    "loggers": {
        "django.request": {"level": "ERROR"},
        "axes": {"level": "ERROR"},
        "celery": {"level": "WARNING"},
    },
}
