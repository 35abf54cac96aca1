"""Fixtures of the ground floor's tests."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rest_framework.test import APIClient

from crm.models import User


@pytest.fixture
def own_media(settings: Any, tmp_path: Path) -> Path:
    """Uploaded files land in a folder of this test."""
    settings.MEDIA_ROOT = tmp_path / "media"
    return tmp_path / "media"


@pytest.fixture
def admin(as_user: Callable[[User | None], APIClient], alice: User) -> APIClient:
    return as_user(alice)
