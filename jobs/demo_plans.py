"""What the demonstration's campaigns are about: accounts, settings, how far they are. Invented, all of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from jobs.choices import Country, PlanType, Priority

EVERY_DAY = [0, 1, 2, 3, 4, 5, 6]
WEEKDAYS = [1, 2, 3, 4, 5]
# What the known client writes over every campaign's own settings (campaign-client, trap 1).
CLIENT_CONSTANTS: dict[str, Any] = {
    "max_call_duration": 300,
    "ring_timeout": 30,
    "max_attempts": 3,
    "retry_delay_hours": 1,
    "allowed_hours": {"start": "09:00", "end": "18:00"},
    "days_of_week": WEEKDAYS,
    "timezone": "America/Argentina/Buenos_Aires",
}


@dataclass(frozen=True, kw_only=True)
class AccountPlan:
    """`bought`: top-ups by the days since, in whole units of money or in minutes."""

    account_id: str
    account_name: str
    plan_type: PlanType
    country: Country
    timezone: str
    at_once: int
    bought: Mapping[int, int]


@dataclass(frozen=True, kw_only=True)
class CampaignPlan:
    """`dialled`: which share of its jobs has been dialled. `days`: from the first to the last day of dialling, ago.

    `removed`: how many jobs were taken out again. `live`: how many are on the line.
    """

    name: str
    description: str
    account: int
    company: str
    age: timedelta
    settings: Mapping[str, Any]
    dialled: float = 0.0
    days: tuple[int, int] = (0, 0)
    is_active: bool = True
    priority: Priority = Priority.NORMAL
    removed: int = 0
    live: int = 0
    changes: tuple[Mapping[str, Any], ...] = ()


ACCOUNTS = (
    AccountPlan(
        account_id="default-account-id",
        account_name="Cobranzas del Litoral",
        plan_type=PlanType.CREDITS,
        country=Country.CHILE,
        timezone="America/Santiago",
        at_once=3,
        bought={60: 1500, 20: 1000, 3: 500},
    ),
    AccountPlan(
        account_id="acc-5c1e7a90b2d4",
        account_name="Lotes del Valle",
        plan_type=PlanType.MINUTES,
        country=Country.PERU,
        timezone="America/Lima",
        at_once=5,
        bought={45: 3000, 10: 1000},
    ),
    AccountPlan(
        account_id="acc-e03b96f1d587",
        account_name="Gestoría Puerta Nueva",
        plan_type=PlanType.UNLIMITED,
        country=Country.SPAIN,
        timezone="Europe/Madrid",
        at_once=5,
        bought={},
    ),
)

_DEBTS_SETTINGS = {
    "max_call_duration": 240,
    "ring_timeout": 25,
    "max_attempts": 3,
    "retry_delay_hours": 24,
    "allowed_hours": {"start": "08:00", "end": "22:00"},
    "days_of_week": EVERY_DAY,
    "timezone": "America/Santiago",
    "max_concurrent_calls": 3,
    "on_holidays": True,
}
CAMPAIGNS = (
    # Runs, and may call somewhere between Madrid and Mexico at nearly every hour; three at once, not more.
    CampaignPlan(
        name="Cuotas vencidas",
        description="Recordatorio a quien tiene cuotas vencidas, con propuesta de fecha de pago.",
        account=0,
        company="Cobranzas del Litoral",
        age=timedelta(days=13),
        settings=_DEBTS_SETTINGS,
        dialled=0.72,
        days=(12, 0),
        priority=Priority.HIGH,
        removed=24,
        live=3,
        changes=(CLIENT_CONSTANTS, _DEBTS_SETTINGS),
    ),
    CampaignPlan(
        name="Saldos de la temporada pasada",
        description="Saldos que quedaron abiertos. En pausa hasta revisar los importes.",
        account=1,
        company="Lotes del Valle",
        age=timedelta(days=31),
        settings={
            "max_attempts": 2,
            "retry_delay_hours": 24,
            "allowed_hours": {"start": "09:00", "end": "20:00"},
            "days_of_week": EVERY_DAY,
            "timezone": "America/Lima",
        },
        dialled=0.45,
        days=(20, 7),
        is_active=False,
        removed=9,
    ),
    CampaignPlan(
        name="Aviso de vencimiento",
        description="Recuerda el pago antes de que venza. Empieza mañana.",
        account=2,
        company="Gestoría Puerta Nueva",
        age=timedelta(hours=3),
        settings={
            "max_attempts": 4,
            "allowed_hours": {"start": "09:00", "end": "18:00"},
            "days_of_week": WEEKDAYS,
            "timezone": "Europe/Madrid",
            "max_concurrent_calls": 2,
        },
    ),
)
