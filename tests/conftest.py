"""Everybody a test meets: Alice administers, Bob and Charlie are agents, Laura is a lawyer, Oscar may not come in."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core.cache import cache
from rest_framework.test import APIClient
from rest_framework_simplejwt.tokens import RefreshToken

from crm import waking
from crm.models import User
from tests import emptying
from tests.factories import UserFactory


@pytest.fixture(autouse=True, scope="session")
def _quick_emptying() -> None:
    emptying.install()


@pytest.fixture(autouse=True)
def _fast_passwords(settings: Any) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture(autouse=True)
def _static_files_when_asked_for(settings: Any) -> None:
    """Every client of a test loads the middleware anew; listing all static files costs 20 ms each time."""
    settings.WHITENOISE_AUTOREFRESH = True


@pytest.fixture(autouse=True)
def _fresh_limits() -> None:
    """Throttle counters live in the shared cache and would leak from test to test."""
    cache.clear()


@pytest.fixture(autouse=True)
def _fresh_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    """A broker that one test found away is asked again by the next."""
    monkeypatch.setattr(waking, "_ask_again_at", 0.0)


@pytest.fixture
def alice(db: None) -> User:
    return UserFactory(email="alice@puente.test", first_name="Alice", last_name="Torres", admin=True)


@pytest.fixture
def bob(db: None) -> User:
    return UserFactory(email="bob@puente.test", first_name="Bob", last_name="Salas")


@pytest.fixture
def charlie(db: None) -> User:
    return UserFactory(email="charlie@puente.test", first_name="Charlie", last_name="Núñez")


@pytest.fixture
def laura(db: None) -> User:
    return UserFactory(email="laura@puente.test", first_name="Laura", last_name="Ibáñez", lawyer=True)


@pytest.fixture
def oscar(db: None) -> User:
    return UserFactory(email="oscar@puente.test", first_name="Oscar", last_name="Mora", outsider=True)


@pytest.fixture
def as_user() -> Callable[[User | None], APIClient]:
    """An API client that speaks as `user`, or as nobody."""

    def client_of(user: User | None) -> APIClient:
        client = APIClient()
        if user is not None:
            client.credentials(HTTP_AUTHORIZATION=f"Bearer {RefreshToken.for_user(user).access_token}")
        return client

    return client_of
