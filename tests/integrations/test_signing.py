"""What we sign, the reference library of Standard Webhooks verifies, and the other way round."""

import base64
import hashlib
import hmac
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rest_framework.test import APIClient
from standardwebhooks import Webhook, WebhookVerificationError

from integrations.destinations import COMERCIAL
from integrations.models import WebhookDelivery
from integrations.sending.client import headers_for
from integrations.sending.rounds import empty_outbox
from integrations.sending.signing import PREFIX, TOLERANCE_SECONDS, is_signed, key_of, sign
from tests.integrations.receiver import Receiver, answering

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OTHER = "whsec_" + base64.b64encode(b"otra clave, tan larga como debe ser").decode()
MESSAGE_ID = "msg_p5jXN8AQM9LWM0D4loKWxJek"
BODY = b'{"test": 2432232314}'

secrets = st.binary(min_size=24, max_size=64).map(lambda key: PREFIX + base64.b64encode(key).decode())
message_ids = st.text("abcdefghijklmnopqrstuvwxyz0123456789_", min_size=1, max_size=40)
bodies = st.text(st.characters(exclude_categories=["Cs"]), max_size=200).map(str.encode)


def headers(secret_list: list[str], body: bytes = BODY, *, at: int | None = None) -> dict[str, str]:
    timestamp = int(time.time()) if at is None else at
    return {
        "webhook-id": MESSAGE_ID,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": sign(secret_list, message_id=MESSAGE_ID, timestamp=timestamp, body=body),
    }


def test_the_fixed_vector_of_the_reference_library() -> None:
    signature = sign([SECRET], message_id=MESSAGE_ID, timestamp=1614265330, body=BODY)
    assert signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@given(secret=secrets, message_id=message_ids, body=bodies, timestamp=st.integers(0, 2**33))
def test_both_sign_alike(secret: str, message_id: str, body: bytes, timestamp: int) -> None:
    theirs = Webhook(secret).sign(message_id, datetime.fromtimestamp(timestamp, tz=UTC), body.decode())
    assert sign([secret], message_id=message_id, timestamp=timestamp, body=body) == theirs
    assert is_signed([secret], message_id=message_id, timestamp=timestamp, body=body, header=theirs)


@given(body=bodies)
def test_the_reference_library_verifies_what_we_sign(body: bytes) -> None:
    Webhook(SECRET).verify(body, headers([SECRET], body), json_parse=False)


@pytest.mark.parametrize("secret", [SECRET, SECRET.removeprefix(PREFIX), SECRET.rstrip("="), OTHER.rstrip("=")])
def test_a_secret_counts_with_and_without_prefix_and_padding(secret: str) -> None:
    Webhook(secret).verify(BODY, headers([secret]))


def test_while_keys_change_either_key_verifies() -> None:
    """Signed with the new and the old one, so that the receiver may change its own at any time."""
    signed = headers([OTHER, SECRET])
    assert signed["webhook-signature"].count("v1,") == 2
    for secret in (SECRET, OTHER):
        Webhook(secret).verify(BODY, signed)
    with pytest.raises(WebhookVerificationError):
        Webhook("whsec_" + "QUJD" * 8).verify(BODY, signed)


def test_while_keys_change_we_accept_either_key() -> None:
    for secret in (SECRET, OTHER):
        theirs = Webhook(secret).sign(MESSAGE_ID, datetime.fromtimestamp(99, tz=UTC), BODY.decode())
        assert is_signed([OTHER, SECRET], message_id=MESSAGE_ID, timestamp=99, body=BODY, header=theirs)


@pytest.mark.parametrize(
    "changed",
    [{"message_id": "msg_otro"}, {"timestamp": 100}, {"body": BODY + b" "}, {"body": b""}],
    ids=["id", "time", "body", "no body"],
)
def test_a_signature_is_of_id_time_and_body(changed: dict[str, Any]) -> None:
    facts: dict[str, Any] = {"message_id": MESSAGE_ID, "timestamp": 99, "body": BODY}
    header = sign([SECRET], **facts)
    assert is_signed([SECRET], header=header, **facts)
    assert not is_signed([SECRET], header=header, **{**facts, **changed})


@pytest.mark.parametrize(
    "header",
    [
        "",
        "v1",
        "v1,",
        ",",
        "v1,v1,v1",
        "v2,{0}",
        "v1a,{0}",
        "{0}",
        "v1,{0}x",
        "v1 {0}",
        "v1,ñ",
        "v1,\ud800",
        "v1,=" * 99,
    ],
)
def test_what_is_no_signature_is_none(header: str) -> None:
    right = sign([SECRET], message_id=MESSAGE_ID, timestamp=99, body=BODY).removeprefix("v1,")
    assert not is_signed([SECRET], message_id=MESSAGE_ID, timestamp=99, body=BODY, header=header.replace("{0}", right))


def test_the_right_signature_is_found_among_others() -> None:
    right = sign([SECRET], message_id=MESSAGE_ID, timestamp=99, body=BODY)
    header = f"v1,Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc= v2,Ceo5qEr07ixe2NLpvHk3FH9bwy= v1a,x {right} v1,y"
    assert is_signed([SECRET], message_id=MESSAGE_ID, timestamp=99, body=BODY, header=header)


@pytest.mark.parametrize("empty", ["", PREFIX])
def test_an_empty_key_signs_nothing_and_opens_nothing(empty: str) -> None:
    assert sign([empty], message_id=MESSAGE_ID, timestamp=99, body=BODY) == ""

    forged = base64.b64encode(hmac.new(b"", f"{MESSAGE_ID}.99.".encode() + BODY, hashlib.sha256).digest()).decode()
    assert not is_signed([empty], message_id=MESSAGE_ID, timestamp=99, body=BODY, header=f"v1,{forged}")
    assert not is_signed([], message_id=MESSAGE_ID, timestamp=99, body=BODY, header=f"v1,{forged}")


def test_a_secret_that_is_no_base64_counts_as_it_is_written() -> None:
    assert key_of("una frase, con espacios y comas") == b"una frase, con espacios y comas"


# --- What really leaves -----------------------------------------------------------------------


@pytest.mark.django_db
def test_what_leaves_can_be_verified_and_every_try_is_signed_anew(
    receiver: Receiver, announced: Callable[..., WebhookDelivery], settings: Any
) -> None:
    settings.WEBHOOK_SIGNING_SECRETS = [OTHER, SECRET]
    delivery = announced(nombre="Ángela Ñuñez")
    receiver.behaviours = [answering(500)]
    empty_outbox("comercial")
    time.sleep(1.1)
    WebhookDelivery.objects.update(next_try_at=delivery.created_at)
    empty_outbox("comercial")
    first, second = receiver.received
    for request in (first, second):
        for secret in (OTHER, SECRET):
            parsed = Webhook(secret).verify(request.body, request.headers)
            assert parsed == {"id_presencia_crm": "CRM-1", "nombre": "Ángela Ñuñez"}
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert first.headers["webhook-timestamp"] != second.headers["webhook-timestamp"]
    assert first.headers["webhook-signature"] != second.headers["webhook-signature"]


def test_without_a_secret_nothing_is_signed_and_the_token_still_goes(settings: Any) -> None:
    settings.COMERCIAL_WEBHOOK_TOKEN = "ficha"
    for none in ([], [PREFIX]):
        settings.WEBHOOK_SIGNING_SECRETS = none
        sent = headers_for(COMERCIAL, WebhookDelivery(payload={}), b"{}")
        assert "webhook-signature" not in sent
        assert sent["X-CRM-Webhook-Token"] == "ficha"


# --- What is let in: the list of the reference library, at our own door ------------------------


@pytest.fixture
def knock(db: None, settings: Any) -> Callable[..., int]:
    """POST a body that is refused for what it lacks (400) once the signature is right (401 when not)."""
    settings.CRM_WEBHOOK_TOKEN = "ficha"
    settings.WEBHOOK_SIGNING_SECRETS = [SECRET]
    body = b'{"cliente": null}'

    def once(*, without: str = "", **changes: str) -> int:
        sent = headers([SECRET], body) | {name.replace("_", "-"): value for name, value in changes.items()}
        sent.pop(without, None)
        found = APIClient().post(
            "/api/webhook-presencia-crm/",
            body,
            content_type="application/json",
            headers={"X-CRM-Webhook-Token": "ficha", **sent},
        )
        return int(found.status_code)

    return once


def signed_at(seconds: int) -> dict[str, str]:
    at = int(time.time()) + seconds
    return {name.replace("-", "_"): value for name, value in headers([SECRET], b'{"cliente": null}', at=at).items()}


def test_a_right_signature_is_let_in(knock: Callable[..., int]) -> None:
    assert knock() == 400


@pytest.mark.parametrize("name", ["webhook-id", "webhook-timestamp"])
def test_a_missing_header_is_refused(knock: Callable[..., int], name: str) -> None:
    assert knock(without=name) == 401


@pytest.mark.parametrize(
    "changes", [{"webhook_timestamp": "ayer"}, {"webhook_signature": "v1,mal"}, {"webhook_id": ""}]
)
def test_a_wrong_header_is_refused(knock: Callable[..., int], changes: dict[str, str]) -> None:
    assert knock(**changes) == 401


@pytest.mark.parametrize("seconds", [-TOLERANCE_SECONDS - 2, TOLERANCE_SECONDS + 2])
def test_a_signature_that_is_too_old_or_too_new_is_refused(knock: Callable[..., int], seconds: int) -> None:
    assert knock(**signed_at(seconds)) == 401


@pytest.mark.parametrize("seconds", [-TOLERANCE_SECONDS + 5, TOLERANCE_SECONDS - 5])
def test_clocks_may_differ_a_little(knock: Callable[..., int], seconds: int) -> None:
    assert knock(**signed_at(seconds)) == 400
