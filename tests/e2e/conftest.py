"""A real browser against the real pages (which one, and whether: tests/browsers.py)."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connections
from playwright.sync_api import Browser, ConsoleMessage, Page, ViewportSize, sync_playwright

from crm.models import User
from tests.browsers import CHROMIUM
from tests.factories import PASSWORD

DESKTOP: ViewportSize = {"width": 1440, "height": 900}
PHONE: ViewportSize = {"width": 390, "height": 844}


@pytest.fixture
def browser(monkeypatch: pytest.MonkeyPatch) -> Iterator[Browser]:
    """Its own for each test: Playwright's event loop would forbid the database to every other test meanwhile."""
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
    with sync_playwright() as playwright:
        # Root may not use the sandbox, and CI is often root.
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()
        # Beside an event loop Django keeps a connection of its own, which would hold the test database.
        connections.close_all()


class Desk:
    """One person's browser window, which keeps what the browser complained about."""

    def __init__(self, page: Page, base: str) -> None:
        self.page = page
        self.base = base
        self.complaints: list[str] = []
        page.on("console", self._note)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("response", lambda answer: answer.status >= 500 and self.complaints.append(answer.url))

    def _note(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)

    def open(self, path: str) -> None:
        """Until scripts have shown the page, which they hide at first."""
        self.page.goto(self.base + path)
        self.page.wait_for_selector("html:not([x-cloak])")

    def settle(self) -> None:
        self.page.wait_for_load_state("networkidle")

    @property
    def text(self) -> str:
        return " ".join(self.page.inner_text("body").split())

    @property
    def is_wider_than_the_window(self) -> bool:
        return bool(self.page.evaluate("document.documentElement.scrollWidth > window.innerWidth + 1"))


@pytest.fixture
def desk(browser: Browser, live_server: Any, settings: Any) -> Callable[..., Desk]:
    """Sign somebody in by hand, as people do: `desk(alice)`."""
    settings.SESSION_COOKIE_SECURE = settings.CSRF_COOKIE_SECURE = False  # the test's server has no TLS

    def sit_down(user: User, size: ViewportSize = DESKTOP) -> Desk:
        user.is_staff = True
        user.save()
        context = browser.new_context(viewport=size, locale="es-PE", timezone_id="America/Lima")
        context.set_default_timeout(10_000)
        seat = Desk(context.new_page(), live_server.url)
        seat.open("/admin/")
        seat.page.wait_for_selector("#id_username:focus")
        seat.page.keyboard.type(user.email)
        seat.page.keyboard.press("Tab")
        seat.page.keyboard.type(PASSWORD)
        seat.page.keyboard.press("Enter")
        seat.page.wait_for_selector("#nav-sidebar-apps", state="attached")
        seat.settle()
        return seat

    return sit_down
