"""Settings of what leaves that nothing could work with stop a service before it starts."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import trustme

from config import checks
from config.env import Environment

COMPLETE = replace(
    Environment(),
    database_url="postgres://puente:secret@127.0.0.1:5432/puente",
    redis_url="redis://127.0.0.1:6379/0",
    secret_key="a-key-that-is-long-enough-for-everybody-here",
    allowed_hosts=["crm.example.com"],
)
GOOD_KEY = "whsec_" + "QUJD" * 8


def found(base: Environment = COMPLETE, **changes: Any) -> list[str]:
    return [str(message.id).removeprefix("puente.") for message in checks.missing_settings(replace(base, **changes))]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"comercial_webhook_url": "ventas.example/api"}, ["E013"]),
        ({"comercial_webhook_url": "ftp://ventas.example/"}, ["E013"]),
        ({"comercial_webhook_url": "https://"}, ["E013"]),
        ({"comercial_webhook_url": "https://ana:clave@ventas.example/"}, ["E013"]),
        ({"comercial_webhook_url": "http://ventas.example/"}, ["E014"]),
        ({"webhook_retry_seconds": [5, -1]}, ["E015"]),
        ({"webhook_retry_seconds": [10**12]}, ["E015"]),
        ({"webhook_signing_secrets": ["whsec_"]}, ["E016"]),
        ({"webhook_signing_secrets": ["whsec_" + "QUJD" * 7]}, ["E016"]),
        ({"webhook_signing_secrets": ["whsec_" + "QUJD" * 22]}, ["E016"]),
        ({"webhook_signing_secrets": [GOOD_KEY, "una frase que no es base64 aunque es larga"]}, ["E016"]),
        ({"webhook_ca_file": "/no/hay/nada.pem"}, ["E017"]),
        ({"webhook_probe_seconds": 0}, ["E011"]),
    ],
)
def test_what_cannot_work_is_named(changes: dict[str, Any], expected: list[str]) -> None:
    assert found(**changes) == expected


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"comercial_webhook_url": "https://ventas.example/api/webhook-presencia-crm/"},
        {"comercial_webhook_url": "http://10.0.0.5:8001/", "webhook_allow_private": True},
        {"webhook_retry_seconds": [0]},
        {"webhook_signing_secrets": [GOOD_KEY, GOOD_KEY.removeprefix("whsec_")]},
        {"webhook_signing_secrets": ["whsec_" + "QUJD" * 21]},
    ],
)
def test_what_can_work_is_let_through(changes: dict[str, Any]) -> None:
    assert found(**changes) == []


def test_the_demonstration_may_go_without_https() -> None:
    demonstration = replace(Environment(), database_url="", comercial_webhook_url="http://127.0.0.1:8000/")
    assert found(demonstration) == []


def test_authorities_are_a_file_with_certificates(tmp_path: Path) -> None:
    good, bad = tmp_path / "good.pem", tmp_path / "bad.pem"
    trustme.CA().cert_pem.write_to_path(good)
    bad.write_text("nada")
    assert found(webhook_ca_file=str(good)) == []
    assert found(webhook_ca_file=str(bad)) == ["E017"]
