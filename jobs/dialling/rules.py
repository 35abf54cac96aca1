"""Which rule holds a job back: one list, in one order, for whoever dials and for whoever asks why not.

A rule says nothing, or a `Hold`. The claim applies the list to every job that it is about to dial; `why` to one job.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings as django_settings

from jobs.choices import JobStatus, Outcome, PlanType
from jobs.dialling.facts import A_WEEK, Campaign, Facts, day_of, keys_of, next_key
from jobs.dialling.wording import clause, day_and_hour, times
from jobs.models import Account, Batch, Job
from jobs.models.accounts import EXPECTED_MINUTES

# After which somebody who is on the phone in another campaign is looked at again.
SOON = timedelta(minutes=2)
_EXPECTED_SECONDS = EXPECTED_MINUTES * 60


@dataclass(frozen=True, slots=True)
class Hold:
    """Why a job is not called now: a stable slug, one Spanish sentence, and when that may change, where it is known."""

    code: str
    reason: str
    next_try_at: datetime | None = None


@dataclass(frozen=True)
class Case:
    """One job before the rules. `batch` and its account are loaded; `facts` have read the job's people."""

    job: Job
    facts: Facts

    @property
    def batch(self) -> Batch:
        return self.job.batch

    @property
    def account(self) -> Account:
        return self.job.batch.account

    def opening(self, earliest: datetime) -> datetime | None:
        """The first moment from then on at which the campaign may call this person."""
        return self.facts.calendar.next_opening(self.batch.settings, self.job.lane, earliest)

    def until(self, code: str, sentence: str, earliest: datetime) -> Hold:
        """A hold that ends at the first opening from `earliest` on; the sentence goes on with when that is."""
        opening = self.opening(max(earliest, self.facts.at))
        when = day_and_hour(opening, self.job.lane) if opening else ""
        told = f"{sentence}: se llamará {when}." if when else f"{sentence}, y su horario no vuelve a abrirse."
        return Hold(code, told, opening)


Rule = Callable[[Case], Hold | None]


# --- The job itself ---------------------------------------------------------------------------


def is_over(case: Case) -> Hold | None:
    job = case.job
    if job.status == JobStatus.PENDING:
        return None
    if job.status == JobStatus.IN_PROGRESS:
        return Hold("en_llamada", "Se le está llamando en este momento.")
    if job.status == JobStatus.COMPLETED:
        return Hold("terminado", "Terminado: ya se habló con esta persona.")
    if job.status == JobStatus.CANCELLED:
        return Hold("cancelado", "Cancelado: no se llamará salvo que se reintente.")
    told = f": {clause(job.last_error)}" if job.last_error else "."
    if job.status == JobStatus.SUSPENDED:
        return Hold(job.reason or "apartado", f"Apartado{told}")
    return Hold(job.reason or "fallido", f"Fallido{told}")


# --- Campaign and account ---------------------------------------------------------------------


def batch_is_stopped(case: Case) -> Hold | None:
    batch = case.batch
    if batch.removed_at is not None:
        return Hold("campana_eliminada", "La campaña está eliminada.")
    if batch.cancelled_at is not None:
        because = f": {clause(batch.cancel_reason)}" if batch.cancel_reason else "."
        return Hold("campana_cancelada", f"La campaña está cancelada{because}")
    if not batch.is_active:
        because = f": {clause(batch.paused_because)}" if batch.paused_because else "."
        return Hold("campana_en_pausa", f"La campaña está en pausa{because}")
    return None


def account_is_suspended(case: Case) -> Hold | None:
    if case.account.is_active:
        return None
    because = f": {clause(case.account.suspension_reason)}" if case.account.suspension_reason else "."
    return Hold("cuenta_suspendida", f"La cuenta está suspendida{because}")


@dataclass(frozen=True, slots=True)
class Limit:
    """Something that there is so much of: `room` is for how many more calls."""

    room: int
    code: str
    reason: str
    frees_at: datetime | None = None


def money(batch: Campaign, facts: Facts) -> Iterator[Limit]:
    """What may be spent. Each call in progress has what it is expected to cost put aside."""
    account = batch.account
    spent, live = facts.totals_of[account.pk], facts.live_of[account.pk]
    expected = max(account.expected_micros, 1)
    if account.plan_type == PlanType.CREDITS:
        room = (account.credit_micros - spent.cost_micros) // expected - live
        yield Limit(room, "sin_credito", "La cuenta no tiene crédito para otra llamada.")
    elif account.plan_type == PlanType.MINUTES:
        room = (account.seconds_purchased - spent.seconds) // _EXPECTED_SECONDS - live
        yield Limit(room, "sin_minutos", "La cuenta no tiene minutos para otra llamada.")
    if (budget := batch.settings.budget_micros) is not None:
        room = (budget - facts.totals_of[batch.pk].cost_micros) // expected - facts.live_of[batch.pk]
        yield Limit(room, "presupuesto_agotado", "El presupuesto de la campaña no alcanza para otra llamada.")


def lines(batch: Campaign, facts: Facts) -> Iterator[Limit]:
    """How many calls at once, and in a day."""
    account, live = batch.account, facts.live_of
    if (most := batch.settings.max_concurrent_calls) is not None:
        yield Limit(most - live[batch.pk], "limite_campana", f"La campaña ya tiene {_at_once(most)}.")
    most = account.max_concurrent_calls
    yield Limit(most - live[account.pk], "limite_cuenta", f"La cuenta ya tiene {_at_once(most)}.")
    most = account.daily_call_limit
    left = most - facts.today_of.get(account.pk, 0)
    yield Limit(left, "limite_diario", f"La cuenta ya hizo hoy {_calls(most)}", day_of(account, facts.at)[1])
    most = django_settings.CALLS_AT_ONCE
    yield Limit(most - facts.live, "limite_general", f"Ya hay {_at_once(most)}, entre todas las campañas.")


def room_of(batch: Campaign, facts: Facts) -> int:
    """How many more calls of this campaign may begin now, as far as money and lines go."""
    return max(0, min(limit.room for limits in (money, lines) for limit in limits(batch, facts)))


def _first_reached(case: Case, limits: Iterator[Limit]) -> Hold | None:
    reached = next((limit for limit in limits if limit.room <= 0), None)
    if reached is None:
        return None
    if reached.frees_at is not None:
        return case.until(reached.code, reached.reason, reached.frees_at)
    return Hold(reached.code, reached.reason)


def nothing_left_to_spend(case: Case) -> Hold | None:
    return _first_reached(case, money(case.batch, case.facts))


# --- The person -------------------------------------------------------------------------------


def number_is_left_alone(case: Case) -> Hold | None:
    """Any of the phones: who does not want to be called on one is not rung on the other."""
    asked = [(account, key) for key in keys_of(case.job) for account in ("", case.account.pk)]
    if case.facts.refused.isdisjoint(asked):
        return None
    return Hold("no_llamar", "El teléfono está en la lista de números que no se llaman.")


def person_opted_out(case: Case) -> Hold | None:
    if case.facts.opted_out.isdisjoint([*keys_of(case.job), case.job.contact_id or ""]):
        return None
    return Hold("pidio_no_llamar", "La persona pidió que no se le llame.")


def consent_is_missing(case: Case) -> Hold | None:
    if not case.batch.settings.requires_consent:
        return None
    if not case.facts.consented.isdisjoint([*keys_of(case.job), case.job.contact_id or ""]):
        return None
    return Hold("sin_consentimiento", "La campaña exige consentimiento, y esta persona no lo ha dado.")


def attempts_are_used_up(case: Case) -> Hold | None:
    job = case.job
    if job.attempts < job.max_attempts:
        return None
    return Hold("intentos_agotados", f"Ya se intentó {times(job.attempts)}, las que permite la campaña.")


def no_phone_is_left(case: Case) -> Hold | None:
    if case.job.next_phone is not None:
        return None
    return Hold("sin_telefono", "No queda ningún teléfono al que llamar.")


def called_too_often(case: Case) -> Hold | None:
    """In seven days, whatever the campaigns and the phones."""
    most = case.batch.settings.weekly_calls or django_settings.CALLS_A_WEEK
    lately = case.facts.dials_of(case.job)
    if len(lately) < most:
        return None
    return case.until("limite_semanal", f"Ya se le llamó {times(len(lately))} en siete días", lately[-most] + A_WEEK)


def waits_for_its_turn(case: Case) -> Hold | None:
    job = case.job
    if job.next_try_at <= case.facts.at:
        return None
    if job.attempts == 0:
        return case.until("programado", "Está programado", job.next_try_at)
    because = f" ({clause(job.last_error).rstrip('.')})" if job.reason == Outcome.PROVIDER and job.last_error else ""
    return case.until("espera_reintento", f"Espera antes del próximo intento{because}", job.next_try_at)


def lane_is_closed(case: Case) -> Hold | None:
    closure = case.facts.calendar.closure(case.batch.settings, case.job.lane, case.facts.at)
    if closure is None:
        return None
    if closure.holiday:
        return case.until("festivo", f"Día sin llamadas ({closure.holiday})", case.facts.at)
    return case.until("fuera_de_horario", "Fuera del horario de la campaña", case.facts.at)


def person_is_being_called(case: Case) -> Hold | None:
    job, facts = case.job, case.facts
    is_called = not facts.live_people.isdisjoint({job.person_key, job.contact_id or ""})
    if not is_called and next_key(job) not in facts.live_phones:
        return None
    reason = "Se está llamando a esta persona en otra campaña o desde otra fila."
    return Hold("persona_en_llamada", reason, case.opening(facts.at + SOON))


# --- Lines and provider -----------------------------------------------------------------------


def no_line_is_free(case: Case) -> Hold | None:
    return _first_reached(case, lines(case.batch, case.facts))


def provider_takes_no_calls(case: Case) -> Hold | None:
    provider = case.facts.provider
    if provider is None:
        return None
    if not provider.is_configured:
        return Hold("proveedor_sin_configurar", "El proveedor de llamadas no está configurado.")
    circuit = provider.circuit
    if circuit is not None and circuit.open_until is not None and circuit.open_until > case.facts.at:
        because = f": {clause(circuit.last_error)}" if circuit.last_error else "."
        return Hold("proveedor_en_pausa", f"El proveedor de llamadas falla y se espera{because}", circuit.open_until)
    if provider.is_full:
        return Hold("limite_proveedor", "El proveedor de llamadas no tiene líneas libres.")
    return None


RULES: tuple[Rule, ...] = (
    is_over,
    batch_is_stopped,
    account_is_suspended,
    nothing_left_to_spend,
    number_is_left_alone,
    person_opted_out,
    consent_is_missing,
    attempts_are_used_up,
    no_phone_is_left,
    called_too_often,
    waits_for_its_turn,
    lane_is_closed,
    person_is_being_called,
    no_line_is_free,
    provider_takes_no_calls,
)


def first_hold(case: Case) -> Hold | None:
    """The first rule that holds the job; None: it may be dialled."""
    return next((hold for rule in RULES if (hold := rule(case)) is not None), None)


def _at_once(most: int) -> str:
    return f"{_calls(most)} a la vez"


def _calls(number: int) -> str:
    return "1 llamada" if number == 1 else f"{number} llamadas"
