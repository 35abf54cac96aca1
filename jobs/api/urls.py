"""Under `/api/v1/` (config/urls.py). What is named stands before what is numbered: `excel` is no id of a batch."""

from typing import Any

from jobs.api import importing, routes, webhooks

urlpatterns: list[Any] = [*webhooks.routes, *importing.routes, *routes.routes]
