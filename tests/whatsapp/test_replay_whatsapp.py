"""`manage.py replay_whatsapp`: what Meta sent is applied once more, and nothing is there twice."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from tests.integrations.running import run
from tests.whatsapp.payloads import a_request, text_message
from whatsapp.choices import EventState
from whatsapp.models import Message, WebhookEvent
from whatsapp.receiving.applying import apply_waiting

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]
Came = Callable[..., WebhookEvent]


@pytest.fixture
def came(db: None) -> Came:
    def come(state: EventState = EventState.FAILED, *, days: float = 0, **fields: Any) -> WebhookEvent:
        at = timezone.now() - timedelta(days=days)
        return WebhookEvent.objects.create(
            **{"body": b"{}", "state": state, "received_at": at, "attempts": 5, **fields}
        )

    return come


def waiting() -> set[int]:
    return set(WebhookEvent.objects.filter(state=EventState.STORED, attempts=0).values_list("pk", flat=True))


def test_without_a_filter_it_refuses(came: Came) -> None:
    came()
    told = run("replay_whatsapp")
    assert (told.code, told.err) == (2, "Diga cuáles: --failed, --event, --since o --all.")
    assert waiting() == set()


def test_what_failed_is_applied_again(came: Came) -> None:
    failed = came(failures=1, items=3, error="Algo pasó.")
    came(EventState.APPLIED)
    told = run("replay_whatsapp", "--failed")
    assert told.code == 0
    assert told.out.splitlines()[-1] == "Se procesan de nuevo: 1 aviso."
    assert "1 de 3 con fallos  Algo pasó." in told.out
    assert waiting() == {failed.pk}


def test_filters_add_up(came: Came) -> None:
    new, old = came(days=1), came(days=5)
    applied = came(EventState.APPLIED, days=1)
    run("replay_whatsapp", "--failed", "--since", "3")
    assert waiting() == {new.pk}
    since = f"{timezone.localtime() - timedelta(days=9):%Y-%m-%d}"
    run("replay_whatsapp", "--since", since)
    assert waiting() == {new.pk, old.pk, applied.pk}


def test_named_ones_and_all(came: Came) -> None:
    rows = [came(EventState.APPLIED) for _ in range(3)]
    run("replay_whatsapp", "--event", str(rows[0].pk), str(rows[2].pk))
    assert waiting() == {rows[0].pk, rows[2].pk}
    told = run("replay_whatsapp", "--all")
    assert "Todavía por procesar, no se tocan: 2 avisos." in told.out
    assert waiting() == {row.pk for row in rows}


def test_what_a_worker_holds_is_left_to_it(came: Came) -> None:
    came(EventState.APPLYING, lease_until=timezone.now() + timedelta(minutes=1))
    told = run("replay_whatsapp", "--all")
    assert told.out.splitlines()[-1] == "Se procesan de nuevo: 0 avisos."
    assert WebhookEvent.objects.get().state == EventState.APPLYING


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--since", "ayer"], "«ayer» no es una fecha ISO ni un número de días."),
        (["--since", "2026-13-45"], "«2026-13-45» no es una fecha ISO ni un número de días."),
        (["--event", "999999"], "No existe ningún aviso «999999»."),
        (["--event", "x"], "No existe ningún aviso «x»."),
        (["--event", "9" * 30], "No existe ningún aviso «" + "9" * 30 + "»."),
    ],
)
def test_a_filter_that_means_nothing_stops_it(came: Came, arguments: list[str], sentence: str) -> None:
    came()
    told = run("replay_whatsapp", *arguments)
    assert (told.code, told.err) == (2, sentence)
    assert waiting() == set()


def test_a_dry_run_only_tells(came: Came) -> None:
    came()
    told = run("replay_whatsapp", "--all", "--dry-run")
    assert told.out.splitlines()[-1] == "Se procesarían de nuevo: 1 aviso (--dry-run: no se ha hecho nada)."
    assert waiting() == set()


def test_a_message_that_is_there_is_not_there_twice() -> None:
    event = WebhookEvent.objects.create(body=a_request(text_message("Hola")))
    apply_waiting()
    before = list(Message.objects.values("pk", "message_id", "body", "status"))
    assert len(before) == 1
    run("replay_whatsapp", "--event", str(event.pk))
    assert apply_waiting() == 1
    assert list(Message.objects.values("pk", "message_id", "body", "status")) == before
