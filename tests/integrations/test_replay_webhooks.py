"""`manage.py replay_webhooks`: what is finished goes out again, and nothing else."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from crm.models import AuditEntry
from integrations.choices import DeliveryState
from integrations.events import PRESENCE
from integrations.models import WebhookDelivery
from integrations.sending.rounds import empty_outbox
from tests.integrations.receiver import Receiver
from tests.integrations.running import run

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]
PENDING, DELIVERED, DEAD, ASIDE = (
    DeliveryState.PENDING,
    DeliveryState.DELIVERED,
    DeliveryState.DEAD,
    DeliveryState.ASIDE,
)

Written = Callable[..., WebhookDelivery]


@pytest.fixture
def written(db: None) -> Written:
    """A delivery in some state, written some days ago."""

    def write(subject: str, state: DeliveryState = DEAD, *, days: float = 0, **fields: Any) -> WebhookDelivery:
        [row] = PRESENCE.announce(subject, {"id_presencia_crm": subject})
        at = timezone.now() - timedelta(days=days)
        WebhookDelivery.objects.filter(pk=row.pk).update(state=state, created_at=at, failures=3, **fields)
        row.refresh_from_db()
        return row

    return write


def waiting() -> list[str]:
    return sorted(WebhookDelivery.objects.filter(state=PENDING).values_list("subject", flat=True))


def test_without_a_filter_it_refuses(written: Written) -> None:
    written("CRM-1")
    told = run("replay_webhooks")
    assert (told.code, told.err) == (2, "Diga cuáles: --dead, --since o --ids.")
    assert run("replay_webhooks", "--dry-run").code == 2
    assert waiting() == []


def test_the_dead_go_out_again_and_arrive(receiver: Receiver, written: Written) -> None:
    dead = written("CRM-1", last_error="El destino tiene un error propio (500).")
    written("CRM-2", ASIDE)
    written("CRM-3", DELIVERED)
    told = run("replay_webhooks", "--dead")
    assert told.code == 0
    assert "Vuelven a la cola: 2 envíos." in told.out
    assert str(dead.pk) in told.out
    assert "El destino tiene un error propio (500)." in told.out
    assert "CRM-3" not in told.out
    assert empty_outbox("comercial") == 2
    assert dead.message_id in receiver.ids()
    assert not WebhookDelivery.objects.failed().exists()
    assert AuditEntry.objects.filter(action="webhook.replay").count() == 1


def test_a_dry_run_tells_and_does_nothing(written: Written) -> None:
    written("CRM-1")
    told = run("replay_webhooks", "--dead", "--dry-run")
    assert told.code == 0
    assert "CRM-1" in told.out
    assert "Volverían a la cola: 1 envío (--dry-run: no se ha hecho nada)." in told.out
    assert waiting() == []


@pytest.mark.parametrize("form", ["2", "date", "local", "zone"])
def test_since_some_moment(written: Written, form: str) -> None:
    written("CRM-1", DELIVERED, days=5)
    written("CRM-2", DELIVERED, days=1)
    written("CRM-3", DEAD, days=0.5)
    moment = timezone.localtime() - timedelta(days=2)
    forms = {
        "2": "2",
        "date": f"{moment:%Y-%m-%d}",
        "local": f"{moment:%Y-%m-%dT%H:%M}",
        "zone": moment.astimezone(timezone.get_fixed_timezone(120)).isoformat(),
    }
    assert run("replay_webhooks", "--since", forms[form]).code == 0
    assert waiting() == ["CRM-2", "CRM-3"]


def test_filters_add_up(written: Written) -> None:
    written("CRM-1", DEAD, days=5)
    written("CRM-2", DELIVERED, days=1)
    written("CRM-3", DEAD, days=1)
    run("replay_webhooks", "--dead", "--since", "2")
    assert waiting() == ["CRM-3"]


@pytest.mark.parametrize("text", ["ayer", "2026-02-30", "2026-13-01T00:00", "-3", "1e9", "99999", ""])
def test_a_moment_that_is_none_is_told(written: Written, text: str) -> None:
    written("CRM-1")
    told = run("replay_webhooks", "--dead", f"--since={text}") if text else run("replay_webhooks", "--since=")
    assert told.code == 2
    assert waiting() == []


def test_named_ones_in_every_spelling(written: Written) -> None:
    rows = [written(f"CRM-{n}", DELIVERED) for n in range(1, 5)]
    told = run("replay_webhooks", "--ids", str(rows[0].pk), rows[1].message_id, "crm-3")
    assert told.code == 0
    assert waiting() == ["CRM-1", "CRM-2", "CRM-3"]


def test_a_name_that_nothing_has_stops_everything(written: Written) -> None:
    row = written("CRM-1")
    told = run("replay_webhooks", "--ids", str(row.pk), "CRM-404")
    assert (told.code, told.err) == (2, "No existe ningún envío «CRM-404».")
    assert waiting() == []


def test_what_is_on_its_way_is_left_alone(written: Written) -> None:
    written("CRM-1", PENDING)
    told = run("replay_webhooks", "--ids", "CRM-1")
    assert told.code == 0
    assert "Todavía en camino, no se tocan: 1 envío." in told.out
    assert "Vuelven a la cola: 0 envíos." in told.out
    assert WebhookDelivery.objects.get().failures == 3


def test_what_a_later_message_corrected_is_not_put_back(written: Written) -> None:
    written("CRM-1", DEAD)
    written("CRM-1", DELIVERED)
    written("CRM-2", DELIVERED)
    written("CRM-2", DEAD)
    run("replay_webhooks", "--dead")
    assert waiting() == ["CRM-2"]


def test_tests_are_not_replayed_unless_named(written: Written) -> None:
    row = written("CRM-TEST-1", DEAD, event="presence.test")
    run("replay_webhooks", "--dead")
    assert waiting() == []
    run("replay_webhooks", "--ids", str(row.pk))
    assert waiting() == ["CRM-TEST-1"]


def test_a_long_list_is_cut_but_counted(written: Written) -> None:
    for n in range(55):
        written(f"CRM-{n}")
    told = run("replay_webhooks", "--dead", "--dry-run")
    assert "  y 5 más" in told.out
    assert "55 envíos" in told.out
