"""Why is this job not being called? Each rule has its sentence, its code and its moment; the first one answers."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from jobs.choices import AttemptState, Outcome, RefusalSource
from jobs.dialling.rules import Hold
from jobs.dialling.why import why
from jobs.models import Account, Batch, CallAttempt, ClosedDay, DoNotCall, Job, ProviderCircuit
from tests.factories import ContactFactory
from tests.jobs.rows import a_batch, a_job, an_account, an_attempt

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]

MONDAY_NOON = datetime(2026, 3, 2, 17, tzinfo=UTC)  # in Lima
OFFICE = {"allowed_hours": {"start": "09:00", "end": "18:00"}, "days_of_week": [1, 2, 3, 4, 5], "on_holidays": False}
NUMBER, KEY = "+51987654321", "51987654321"


@pytest.fixture(autouse=True)
def clock() -> Any:
    with time_machine.travel(MONDAY_NOON, tick=False) as travelling:
        yield travelling


def asked(job: Job) -> Hold:
    return why(Job.objects.get(pk=job.pk))


def codes(job: Job) -> str:
    return asked(job).code


def test_what_may_be_dialled_is_in_the_queue() -> None:
    answer = asked(a_job())
    assert (answer.code, answer.next_try_at) == ("en_cola", None)


# --- The job itself ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "code", "sentence"),
    [
        ({"status": "completed"}, "terminado", "Terminado: ya se habló con esta persona."),
        ({"status": "cancelled"}, "cancelado", "Cancelado: no se llamará salvo que se reintente."),
        ({"status": "failed"}, "fallido", "Fallido."),
        (
            {"status": "failed", "reason": "no_answer", "last_error": "Nadie contestó."},
            "no_answer",
            "Fallido: nadie contestó.",
        ),
        (
            {"status": "suspended", "reason": "no_llamar", "last_error": "El teléfono está en la lista."},
            "no_llamar",
            "Apartado: el teléfono está en la lista.",
        ),
    ],
)
def test_what_is_over_says_how(values: dict[str, Any], code: str, sentence: str) -> None:
    answer = asked(a_job(**values))
    assert (answer.code, answer.reason) == (code, sentence)


def test_who_is_on_the_phone_is_being_called() -> None:
    job = a_job()
    an_attempt(job)
    assert codes(job) == "en_llamada"


# --- Campaign and account ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "code", "sentence"),
    [
        ({"removed_at": MONDAY_NOON}, "campana_eliminada", "La campaña está eliminada."),
        (
            {"cancelled_at": MONDAY_NOON, "cancel_reason": "Error en la lista"},
            "campana_cancelada",
            "La campaña está cancelada: error en la lista.",
        ),
        ({"is_active": False}, "campana_en_pausa", "La campaña está en pausa."),
        (
            {"is_active": False, "paused_because": "La red bloquea las llamadas de esta campaña."},
            "campana_en_pausa",
            "La campaña está en pausa: la red bloquea las llamadas de esta campaña.",
        ),
    ],
)
def test_a_campaign_that_does_not_run_says_so(values: dict[str, Any], code: str, sentence: str) -> None:
    answer = asked(a_job(a_batch(**values)))
    assert (answer.code, answer.reason) == (code, sentence)


@pytest.mark.parametrize(
    ("account", "campaign", "code"),
    [
        ({"status": "suspended"}, {}, "cuenta_suspendida"),
        ({"credit_micros": 469_999}, {}, "sin_credito"),
        ({"credit_micros": 470_000}, {}, "en_cola"),
        ({"plan_type": "minutes_based", "seconds_purchased": 179}, {}, "sin_minutos"),
        ({"plan_type": "minutes_based", "seconds_purchased": 180, "credit_micros": 0}, {}, "en_cola"),
        ({"plan_type": "unlimited", "credit_micros": 0}, {}, "en_cola"),
        ({}, {"budget": 0.4}, "presupuesto_agotado"),
        ({}, {"budget": 0.5}, "en_cola"),
    ],
)
def test_the_account_must_be_able_to_pay(account: dict[str, Any], campaign: dict[str, Any], code: str) -> None:
    assert codes(a_job(a_batch(an_account(**account), call_settings=campaign))) == code


def test_what_was_spent_and_what_calls_in_progress_will_cost_is_not_there_any_more() -> None:
    batch = a_batch(an_account(credit_micros=2 * 470_000))
    job = a_job(batch)
    an_attempt(a_job(batch))
    assert codes(job) == "en_cola"
    an_attempt(a_job(batch), AttemptState.ENDED, outcome=Outcome.ANSWERED, cost_micros=1)
    assert codes(job) == "sin_credito"


# --- The person -------------------------------------------------------------------------------


def test_a_number_on_the_list_is_left_alone_by_all_or_by_one_account() -> None:
    job, other = (a_job(phones=["+51911111111", number]) for number in (NUMBER, "+51922222222"))
    DoNotCall.objects.create(number=NUMBER, key=KEY, account=other.account, source=RefusalSource.STAFF)
    assert codes(job) == "en_cola"
    DoNotCall.objects.create(number=NUMBER, key=KEY, account=job.account, source=RefusalSource.STAFF)
    assert codes(job) == "no_llamar"
    DoNotCall.objects.create(number="+51922222222", key="51922222222", source=RefusalSource.STAFF)
    assert codes(other) == "no_llamar"


def test_an_argentine_number_is_found_on_the_list_whatever_its_spelling() -> None:
    job = a_job(phones=["+5491151234567"])
    DoNotCall.objects.create(number="+541151234567", key="541151234567", source=RefusalSource.STAFF)
    assert codes(job) == "no_llamar"


def test_an_opt_out_of_the_crm_counts_by_phone_and_by_contact() -> None:
    job = a_job(phones=["+51911111111", NUMBER])
    ContactFactory(mobile=NUMBER)
    assert codes(job) == "en_cola"
    ContactFactory(mobile=NUMBER, opted_out_of_calls=True)
    assert codes(job) == "pidio_no_llamar"
    linked = a_job(contact=ContactFactory(opted_out_of_calls=True))
    assert codes(linked) == "pidio_no_llamar"


def test_consent_is_asked_for_where_the_campaign_requires_it() -> None:
    batch = a_batch(call_settings={"requires_consent": True})
    job, linked = a_job(batch, phones=[NUMBER]), a_job(batch, contact=ContactFactory(consented_to_calls=True))
    assert codes(job) == "sin_consentimiento"
    assert codes(linked) == "en_cola"
    ContactFactory(mobile=NUMBER, consented_to_calls=True)
    assert codes(job) == "en_cola"
    assert codes(a_job()) == "en_cola"


def test_attempts_and_phones_come_to_an_end() -> None:
    used_up = asked(a_job(attempts=3))
    assert used_up.code == "intentos_agotados"
    assert used_up.reason == "Ya se intentó 3 veces, las que permite la campaña."
    assert codes(a_job(attempts=3, granted_attempts=1)) == "en_cola"
    assert codes(a_job(phones=[NUMBER], next_phone_index=1)) == "sin_telefono"
    assert codes(a_job(phones=[])) == "sin_telefono"


def _called(number: str, *days_ago: float, **values: Any) -> None:
    for days in days_ago:
        attempt = an_attempt(a_job(phones=[number]), AttemptState.ENDED, outcome=Outcome.NO_ANSWER, **values)
        CallAttempt.objects.filter(pk=attempt.pk).update(created_at=timezone.now() - timedelta(days=days))


def test_nobody_is_called_too_often_in_a_week_whatever_the_campaigns(settings: Any) -> None:
    settings.CALLS_A_WEEK = 3
    job = a_job(a_batch(call_settings=OFFICE), phones=[NUMBER])
    _called(NUMBER, 8, 6, 5)
    _called(NUMBER, 4, is_counted=False)
    _called("+51911111111", 1)
    assert codes(job) == "en_cola"
    _called(NUMBER, 2)
    answer = asked(job)
    assert answer.code == "limite_semanal"
    assert answer.next_try_at == MONDAY_NOON + timedelta(days=1)
    assert answer.reason == (
        "Ya se le llamó 3 veces en siete días: se llamará el martes 03/03 a las 12:00 (hora de Lima)."
    )


def test_a_campaign_may_call_less_often_than_usual() -> None:
    job = a_job(a_batch(call_settings={"weekly_calls": 1}), phones=[NUMBER])
    _called(NUMBER, 1)
    assert codes(job) == "limite_semanal"
    assert codes(a_job(phones=[NUMBER])) == "en_cola"


# --- When -------------------------------------------------------------------------------------


def test_the_retry_delay_and_the_hours_must_both_be_over() -> None:
    evening = MONDAY_NOON + timedelta(hours=8)
    answer = asked(a_job(a_batch(call_settings=OFFICE), attempts=1, next_try_at=evening))
    assert answer.code == "espera_reintento"
    assert answer.next_try_at == datetime(2026, 3, 3, 14, tzinfo=UTC)
    assert answer.reason == "Espera antes del próximo intento: se llamará el martes 03/03 a las 09:00 (hora de Lima)."
    assert codes(a_job(next_try_at=evening)) == "programado"


def test_outside_of_the_hours_it_says_when_in_the_persons_own_time(clock: Any) -> None:
    clock.move_to(datetime(2026, 11, 21, 12, tzinfo=UTC))  # a Saturday
    batch = a_batch(call_settings=OFFICE)
    answer = asked(a_job(batch))
    assert answer.code == "fuera_de_horario"
    assert answer.reason == "Fuera del horario de la campaña: se llamará el lunes 23/11 a las 09:00 (hora de Lima)."
    assert answer.next_try_at == datetime(2026, 11, 23, 14, tzinfo=UTC)
    mexican = asked(a_job(batch, phones=["+525512345678"], lane="MX:America/Mexico_City"))
    assert mexican.reason.endswith("se llamará el lunes 23/11 a las 09:00 (hora de Ciudad de México).")


def test_a_day_without_calls_is_told_by_its_name() -> None:
    ClosedDay.objects.create(day=date(2026, 3, 2), name="Aniversario", country="PE")
    answer = asked(a_job(a_batch(call_settings=OFFICE)))
    assert answer.code == "festivo"
    assert answer.reason == ("Día sin llamadas (Aniversario): se llamará el martes 03/03 a las 09:00 (hora de Lima).")


def test_a_lane_that_makes_no_sense_is_told_not_called() -> None:
    answer = asked(a_job(lane="XX:Marte/Olimpo"))
    assert (answer.code, answer.next_try_at) == ("fuera_de_horario", None)


def test_who_is_on_the_phone_elsewhere_waits() -> None:
    an_attempt(a_job(phones=[NUMBER], person_key="doc:1"))
    by_phone, by_person = a_job(phones=[NUMBER]), a_job(person_key="doc:1")
    for job in (by_phone, by_person):
        answer = asked(job)
        assert answer.code == "persona_en_llamada"
        assert answer.next_try_at == MONDAY_NOON + timedelta(minutes=2)


# --- Lines and provider -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("account", "campaign", "code"),
    [
        ({}, {"max_concurrent_calls": 1}, "limite_campana"),
        ({"max_concurrent_calls": 1}, {}, "limite_cuenta"),
        ({"daily_call_limit": 1}, {}, "limite_diario"),
    ],
)
def test_a_cap_that_is_reached_says_which(account: dict[str, Any], campaign: dict[str, Any], code: str) -> None:
    batch = a_batch(an_account(**account), call_settings=campaign)
    job = a_job(batch)
    assert codes(job) == "en_cola"
    an_attempt(a_job(batch))
    assert codes(job) == code


def test_the_day_is_the_accounts_own() -> None:
    job = a_job(a_batch(an_account(daily_call_limit=1), call_settings=OFFICE))
    yesterday = an_attempt(a_job(job.batch), AttemptState.ENDED, outcome=Outcome.NO_ANSWER)
    midnight = datetime(2026, 3, 2, 5, tzinfo=UTC)  # in Lima
    CallAttempt.objects.filter(pk=yesterday.pk).update(created_at=midnight - timedelta(minutes=1))
    assert codes(job) == "en_cola"
    CallAttempt.objects.filter(pk=yesterday.pk).update(created_at=midnight)
    answer = asked(job)
    assert (answer.code, answer.next_try_at) == ("limite_diario", datetime(2026, 3, 3, 14, tzinfo=UTC))


def test_all_campaigns_together_have_a_cap(settings: Any) -> None:
    settings.CALLS_AT_ONCE = 1
    an_attempt(a_job())
    assert codes(a_job()) == "limite_general"


def test_a_provider_that_takes_no_calls_says_so(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    job = a_job()
    ProviderCircuit.objects.note_trouble("simulated", count=5, error="Error 503")
    answer = asked(job)
    assert answer.code == "proveedor_en_pausa"
    assert answer.next_try_at is not None
    ProviderCircuit.objects.all().delete()
    settings.CALL_PROVIDER = "inexistente"
    assert codes(job) == "proveedor_sin_configurar"


def test_a_provider_without_free_lines_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    class Full:
        is_configured = True

        def capacity(self) -> int:
            return 0

    monkeypatch.setattr("jobs.dialling.facts.provider_named", lambda name: Full())
    assert codes(a_job()) == "limite_proveedor"


# --- Order ------------------------------------------------------------------------------------

_FIRST_TO_LAST: list[tuple[str, Callable[[Job], Any]]] = [
    ("limite_campana", lambda job: _change(Batch, job.batch_id, call_settings=_one_at_once(job))),
    ("persona_en_llamada", lambda job: an_attempt(a_job(phones=[NUMBER]))),
    ("fuera_de_horario", lambda job: _change(Job, job.pk, lane="PE:Nada")),
    ("espera_reintento", lambda job: _change(Job, job.pk, attempts=1, next_try_at=MONDAY_NOON + timedelta(days=1))),
    ("limite_semanal", lambda job: _called(NUMBER, *[0.1] * 7)),
    ("sin_telefono", lambda job: _change(Job, job.pk, next_phone_index=9)),
    ("intentos_agotados", lambda job: _change(Job, job.pk, attempts=3)),
    ("sin_consentimiento", lambda job: _change(Batch, job.batch_id, call_settings={"requires_consent": True})),
    ("pidio_no_llamar", lambda job: ContactFactory(mobile=NUMBER, opted_out_of_calls=True)),
    ("no_llamar", lambda job: DoNotCall.objects.create(number=NUMBER, key=KEY, source=RefusalSource.STAFF)),
    ("sin_credito", lambda job: _change(Account, job.account_id, credit_micros=0)),
    ("cuenta_suspendida", lambda job: _change(Account, job.account_id, status="suspended")),
    ("campana_en_pausa", lambda job: _change(Batch, job.batch_id, is_active=False)),
    ("cancelado", lambda job: _change(Job, job.pk, status="cancelled")),
]  # fmt: skip


def _one_at_once(job: Job) -> dict[str, Any]:
    return {**job.batch.call_settings, "max_concurrent_calls": 1}


def _change(model: Any, pk: str, **values: Any) -> None:
    model.objects.filter(pk=pk).update(**values)


def test_the_rule_that_would_hold_longest_answers_first() -> None:
    job = a_job(phones=[NUMBER])
    an_attempt(a_job(job.batch))
    for code, happens in _FIRST_TO_LAST:
        happens(job)
        assert codes(job) == code
