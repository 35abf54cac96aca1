"""Under `/api/` (config/urls.py)."""

from typing import Any

urlpatterns: list[Any] = []
