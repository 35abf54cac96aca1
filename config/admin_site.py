"""The staff pages as one site: who comes in, what the menu shows, what the command palette finds.

Nothing of `crm.admin` may be imported here: those modules register themselves on this site, which
must exist by then.
"""

import time
from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from unfold.dataclasses import SearchResult
from unfold.sites import UnfoldAdminSite

from config.admin_menu import MENU, Item
from crm.panels import Notice, notices_for
from crm.text import fold


class PuenteAdminSite(UnfoldAdminSite):
    def has_permission(self, request: HttpRequest) -> bool:
        """Staff pages are for people whom the CRM is for: `is_staff` alone does not open them."""
        user = request.user
        return user.is_authenticated and user.is_staff and user.is_crm_staff

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        """With what must not be overlooked (crm/panels.py); asked by the template, so that an answer in the
        background, which shows none, costs no query."""
        return {**super().each_context(request), "notices": lambda: self._notices(request)}

    def _notices(self, request: HttpRequest) -> list[Notice]:
        user: Any = request.user
        return notices_for(user) if self.has_permission(request) else []

    def get_sidebar_list(self, request: HttpRequest) -> list[dict[str, Any]]:
        """The menu in working order; what a role may not see is not in it."""
        groups = []
        for group in MENU:
            entries = [self._menu_entry(request, item) for item in group.items]
            if shown := [entry for entry in entries if entry]:
                groups.append({"title": group.title, "items": shown})
        return groups

    def _menu_entry(self, request: HttpRequest, item: Item) -> dict[str, Any] | None:
        if not item.model:
            link = reverse(item.url)
            return self._entry(item, link, active=request.path == link)
        model = apps.get_model(item.model)
        model_admin = self._registry.get(model)
        if model_admin is None or not model_admin.has_module_permission(request):
            return None
        link = reverse(f"{self.name}:{model._meta.app_label}_{model._meta.model_name}_changelist")
        return self._entry(item, link, active=request.path.startswith(link))

    def _entry(self, item: Item, link: str, *, active: bool) -> dict[str, Any]:
        return {
            "title": item.title,
            "icon": item.icon,
            "link": link,
            "active": active,
            "has_permission": True,
        }

    def search(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """The command palette: pages of the menu, then people and records, a few of each kind.

        Nothing is remembered between searches: who was filed a second ago must be found.
        """
        started = time.monotonic()
        typed = (request.GET.get("s") or "").strip()
        if not typed:
            return HttpResponse()
        found = [*self._found_pages(request, typed), *self._found_records(request, typed)]
        page = Paginator(found, per_page=100)
        context = {
            "page_obj": page,
            "results": page.page(1),
            "page_counter": 0,
            "execution_time": time.monotonic() - started,
            "command_show_history": True,
        }
        return TemplateResponse(
            request, "unfold/helpers/command_results.html", context, headers={"HX-Trigger": "search"}
        )

    def _found_pages(self, request: HttpRequest, typed: str) -> Iterator[SearchResult]:
        for group in self.get_sidebar_list(request):
            for item in group["items"]:
                if fold(typed) in fold(item["title"]):
                    yield SearchResult(item["title"], "Ir a la página", item["link"], item["icon"])

    def _found_records(self, request: HttpRequest, typed: str) -> Iterator[SearchResult]:
        for model_admin in self._registry.values():
            if find := getattr(model_admin, "find_for_palette", None):
                yield from find(request, typed)
