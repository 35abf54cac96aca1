"""What tests of campaigns share beside rows."""

from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def own_media(settings: Any, tmp_path: Path) -> Path:
    """Uploaded files land in a folder of this test."""
    settings.MEDIA_ROOT = tmp_path / "media"
    return tmp_path / "media"


@pytest.fixture(autouse=True)
def _in_one_thread(settings: Any) -> None:
    """Another thread has another connection, which sees nothing of a test's transaction."""
    settings.CALL_THREADS = 1
