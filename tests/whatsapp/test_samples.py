"""Every request in Meta's shapes gives the rows that the manifest counts: alone, twice, in any order, and at once."""

import json
import random
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection, transaction

from tests.whatsapp.payloads import manifest, sample
from tests.whatsapp.snapshots import apply_all, people
from whatsapp.choices import EventState, ItemState
from whatsapp.models import Message, StatusEvent, WebhookEvent, WebhookItem
from whatsapp.receiving.applying import apply_waiting

FILES = [entry for entry in manifest() if not entry["file"].startswith("responses/")]
NAMES = [entry["file"] for entry in FILES]
LISTS = {"messages", "message_echoes"}


def ids_in(body: dict[str, Any], *lists: str) -> set[str]:
    values = [change["value"] for entry in body["entry"] for change in entry["changes"]]
    return {row["id"] for value in values for name in lists for row in value.get(name, [])}


def statuses_in(body: dict[str, Any]) -> set[tuple[str, str]]:
    values = [change["value"] for entry in body["entry"] for change in entry["changes"]]
    return {(row["id"], row["status"]) for value in values for row in value.get("statuses", [])}


@pytest.mark.django_db
@pytest.mark.sqlite
@pytest.mark.parametrize("entry", FILES, ids=NAMES)
@pytest.mark.parametrize("times", [1, 2])
def test_a_sample_gives_the_rows_that_its_manifest_counts(entry: dict[str, Any], times: int) -> None:
    body, counts = sample(entry["file"]), entry["counts"]
    apply_all([body] * times)
    assert Message.objects.count() == len(ids_in(body, *LISTS))
    assert StatusEvent.objects.count() == len(statuses_in(body))
    told = Message.objects.count() + len({wamid for wamid, _ in statuses_in(body)})
    assert told == counts["distinct_ids"]
    assert {message.message_type for message in Message.objects.all()} <= set(counts["types"])
    assert set(StatusEvent.objects.values_list("status", flat=True)) == set(counts["status_values"])
    assert WebhookItem.objects.filter(path__contains=".errors.").count() == counts["value_errors"] * times
    assert not WebhookItem.objects.filter(state=ItemState.FAILED).exists()
    assert set(WebhookEvent.objects.values_list("state", flat=True)) == {EventState.APPLIED}


@pytest.mark.django_db
@pytest.mark.sqlite
@pytest.mark.parametrize(
    "entry", [row for row in FILES if row["file"].startswith("field/")], ids=lambda row: row["file"]
)
def test_a_field_without_messages_is_kept_as_it_came(entry: dict[str, Any]) -> None:
    body = sample(entry["file"])
    if entry["counts"]["messages"]:
        return
    apply_all([body])
    item = WebhookItem.objects.get()
    change = body["entry"][0]["changes"][0]
    assert (item.state, item.field, item.payload) == (ItemState.KEPT, change["field"], change["value"])


def _all_told() -> tuple[set[str], set[tuple[str, str]]]:
    bodies = [sample(name) for name in NAMES]
    return set().union(*(ids_in(body, *LISTS) for body in bodies)), set().union(*map(statuses_in, bodies))


@pytest.mark.django_db
@pytest.mark.parametrize("seed", [7])
def test_all_samples_in_any_order_and_twice_are_the_same_rows_and_the_same_people(seed: int) -> None:
    bodies = [sample(name) for name in NAMES]
    with transaction.atomic():
        apply_all(bodies)
        everybody, told = people(), _all_told()
        transaction.set_rollback(True)
    shuffled = [*bodies, *bodies]
    random.Random(seed).shuffle(shuffled)
    apply_all(shuffled)
    assert set(Message.objects.values_list("message_id", flat=True)) == told[0]
    assert set(StatusEvent.objects.values_list("message_id", "status")) == told[1]
    assert people() == everybody


@pytest.mark.django_db(transaction=True)
def test_all_samples_at_once_by_several_workers_are_the_same_rows() -> None:
    for name in [*NAMES, *NAMES]:
        WebhookEvent.objects.create(body=json.dumps(sample(name)).encode())

    def work(_: int) -> int:
        try:
            return apply_waiting()
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(work, range(6))) == 2 * len(NAMES)
    messages, statuses = _all_told()
    assert set(Message.objects.values_list("message_id", flat=True)) == messages
    assert set(StatusEvent.objects.values_list("message_id", "status")) == statuses
    assert not WebhookEvent.objects.exclude(state=EventState.APPLIED).exists()
    assert not WebhookItem.objects.filter(state=ItemState.FAILED).exists()
