"""The time zone that a user wants to see times in (contracts/crm-client.md 3.7)."""

from collections.abc import Callable
from typing import Any

import pytest
from rest_framework.test import APIClient

from crm.models import User

pytestmark = [pytest.mark.django_db]

AsUser = Callable[[User | None], APIClient]
PATH = "/api/v1/timezone/"


def test_without_a_choice_it_is_the_systems(as_user: AsUser, bob: User) -> None:
    assert as_user(bob).get(PATH).json() == {"timezone": None, "system_timezone": "America/Lima"}


def test_a_choice_is_kept_and_taken_back(as_user: AsUser, bob: User) -> None:
    client = as_user(bob)
    chosen = {"timezone": "Europe/Madrid", "system_timezone": "America/Lima"}
    assert client.put(PATH, {"timezone": "Europe/Madrid"}).json() == chosen
    assert client.get("/api/v1/timezone").json() == chosen
    assert client.delete(PATH).json() == {"timezone": None, "system_timezone": "America/Lima"}
    assert client.get(PATH).json()["timezone"] is None


@pytest.mark.parametrize("sent", [{}, {"timezone": ""}, {"timezone": "Marte/Olimpo"}, {"timezone": "../etc"},
                                  {"timezone": 5}, {"timezone": None}, [], {"timezone": "x" * 500}])  # fmt: skip
def test_a_zone_that_does_not_exist_is_400(as_user: AsUser, bob: User, sent: Any) -> None:
    answer = as_user(bob).put(PATH, sent)
    assert answer.status_code == 400
    assert isinstance(answer.json()["detail"], str)
    bob.refresh_from_db()
    assert bob.time_zone is None


def test_the_zones_to_choose_from_have_their_offset(as_user: AsUser, oscar: User) -> None:
    zones = as_user(oscar).get("/api/v1/timezone/available").json()["timezones"]
    assert {"code": "America/Lima", "name": "Lima", "offset": "-05:00"} in zones
    assert {"code": "Asia/Kolkata", "name": "Kolkata", "offset": "+05:30"} in zones
    assert [zone["code"] for zone in zones] == sorted(zone["code"] for zone in zones)


def test_strangers_choose_nothing() -> None:
    assert APIClient().get(PATH).status_code == 401
    assert APIClient().put(PATH, {"timezone": "Europe/Madrid"}).status_code == 401
