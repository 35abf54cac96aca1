"""Meta promises no order, repeats for a week and batches as it likes: whatever it does, the same rows come of it."""

from collections.abc import Sequence
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from tests.whatsapp.payloads import contact, envelope, status, text_message, typed_message, value_of
from tests.whatsapp.snapshots import apply_all, snapshot

START = 1_780_000_000
# How three people are known, and how each may write: by number, by id, by both; the first in two spellings.
SENDERS: Sequence[tuple[dict[str, Any], dict[str, Any]]] = (
    ({"from": "5215512345678"}, contact("5215512345678", name="Uno")),
    ({"from": "525512345678", "from_user_id": "MX.1"}, contact("525512345678", name="Uno", user_id="MX.1")),
    ({"from_user_id": "MX.1"}, contact(None, name="Uno", user_id="MX.1")),
    ({"from": "51987654321"}, contact("51987654321", name="Dos")),
    ({"from": "51987654321", "from_user_id": "PE.2"}, contact("51987654321", name="Dos", user_id="PE.2")),
    ({"from_user_id": "PE.3", "from_parent_user_id": "PE.ENT.3"}, contact(None, name="Tres", user_id="PE.3")),
)
Item = tuple[str, dict[str, Any], dict[str, Any]]


@st.composite
def stories(draw: st.DrawFn) -> list[Item]:
    """Up to a dozen events: words, pictures, reactions, edits, deletions, number changes, echoes and statuses."""
    items: list[Item] = []
    for number in range(draw(st.integers(1, 12))):
        who, card = draw(st.sampled_from(SENDERS))
        # Every moment is another one: which of two equal ones is newer nobody can say.
        common = {"id": f"wamid.{number}", "timestamp": str(START + number * 60), **who}
        earlier = f"wamid.{draw(st.integers(0, number))}"
        kind = draw(st.sampled_from(("text", "image", "reaction", "edit", "revoke", "moved", "echo", "status")))
        if kind == "text":
            items.append(("messages", {**text_message(f"texto {number}", wa_id=None), **common}, card))
        elif kind == "image":
            items.append(("messages", {**typed_message("image", {"id": f"m{number}"}, wa_id=None), **common}, card))
        elif kind == "reaction":
            part = {"message_id": earlier, "emoji": "👍"}
            items.append(("messages", {**typed_message("reaction", part, wa_id=None), **common}, card))
        elif kind == "edit":
            part = {"original_message_id": earlier, "message": {"type": "text", "text": {"body": f"nuevo {number}"}}}
            items.append(("messages", {**typed_message("edit", part, wa_id=None), **common}, card))
        elif kind == "revoke":
            part = {"original_message_id": earlier}
            items.append(("messages", {**typed_message("revoke", part, wa_id=None), **common}, card))
        elif kind == "moved":
            part = {"type": "user_changed_number", "wa_id": "51911112222"}
            items.append(("messages", {**typed_message("system", part, wa_id=None), **common}, card))
        elif kind == "echo":
            echo = {"id": f"wamid.{number}", "timestamp": common["timestamp"], "type": "text", "from": "15550783881"}
            items.append(("message_echoes", {**echo, "to": "51987654321", "text": {"body": "eco"}}, card))
        else:
            word = draw(st.sampled_from(("sent", "delivered", "read", "failed", "played", "warning")))
            items.append(("statuses", status(earlier, word, at=START + number * 60 + 5), card))
    return items


def requests_of(batches: Sequence[Sequence[Item]]) -> list[dict[str, Any]]:
    """Each batch one request; an item keeps the field that it belongs to."""
    found = []
    for batch in batches:
        values = []
        for kind, data, card in batch:
            if kind == "messages":
                values.append(value_of(messages=[data], contacts=[card]))
            else:
                values.append(value_of(contacts=[], **{kind: [data]}))
        found.append(envelope(*values))
    return found


def outcome_of(requests: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """What these requests leave behind; the database is then as it was."""
    with transaction.atomic():
        apply_all(requests)
        found = snapshot()
        transaction.set_rollback(True)
    return found


class Shuffled(TestCase):
    @pytest.mark.slow
    @settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
    @given(data=st.data(), items=stories())
    def test_any_shuffle_duplication_and_batching_leaves_the_same_rows(
        self, data: st.DataObject, items: list[Item]
    ) -> None:
        in_order = outcome_of(requests_of([[item] for item in items]))
        repeated = items + data.draw(st.lists(st.sampled_from(items), max_size=6))
        shuffled = data.draw(st.permutations(repeated))
        cuts = data.draw(st.lists(st.integers(1, 4), min_size=len(shuffled), max_size=len(shuffled)))
        batches, rest = [], list(shuffled)
        for size in cuts:
            if rest:
                batches.append(rest[:size])
                rest = rest[size:]
        assert outcome_of(requests_of(batches)) == in_order
