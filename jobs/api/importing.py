"""Routes to come with their views."""

from typing import Any

routes: list[Any] = []
