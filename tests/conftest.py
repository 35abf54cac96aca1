"""Everybody a test meets: Alice administers, Bob and Charlie are agents, Laura is a lawyer, Oscar may not come in."""

import os
from collections.abc import Callable, Iterator

import pytest
from django.core.cache import cache
from django.test import override_settings
from rest_framework.test import APIClient
from rest_framework_simplejwt.tokens import RefreshToken

from crm import waking
from crm.models import User
from tests import emptying
from tests.factories import UserFactory
from tests.serving import FirstStart


@pytest.fixture(autouse=True, scope="session")
def _quick_emptying() -> None:
    emptying.install()


@pytest.fixture(autouse=True, scope="session")
def _quick_settings() -> Iterator[None]:
    """Once for all tests: each change of a setting tells everybody who listens.

    Strong passwords take their time on purpose. Every client of a test loads the middleware anew, and listing all
    static files costs 20 ms each time.
    """
    hashers = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    with override_settings(PASSWORD_HASHERS=hashers, WHITENOISE_AUTOREFRESH=True):
        yield


@pytest.fixture(autouse=True)
def _fresh_limits() -> None:
    """Throttle counters live in the shared cache and would leak from test to test."""
    cache.clear()


@pytest.fixture(autouse=True)
def _fresh_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    """A broker that one test found away is asked again by the next."""
    monkeypatch.setattr(waking, "_ask_again_at", 0.0)


@pytest.fixture(scope="session")
def first_start(tmp_path_factory: pytest.TempPathFactory) -> FirstStart:
    """Workers have folders of their own beside each other; what they share lies in the folder of the run."""
    own = tmp_path_factory.getbasetemp()
    shared = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "first start"
    shared.mkdir(exist_ok=True)
    return FirstStart(shared)


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
