"""A real browser against the real pages (which one, and whether: tests/browsers.py)."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connections
from playwright.sync_api import Browser, ConsoleMessage, Page, ViewportSize, sync_playwright

from crm.models import User
from tests.browsers import CHROMIUM
from tests.staff_pages import at_desk

DESKTOP: ViewportSize = {"width": 1440, "height": 900}
PHONE: ViewportSize = {"width": 390, "height": 844}
IS_WIDER = """() => new Promise(tell => requestAnimationFrame(() => requestAnimationFrame(
    () => tell(document.documentElement.scrollWidth > window.innerWidth + 1))))"""


@pytest.fixture(scope="session")
def started() -> Iterator[tuple[Browser, asyncio.AbstractEventLoop]]:
    """One browser for all tests of a worker, whose start costs as much as three pages, and Playwright's event loop.

    Between tests the loop does not count as running: it would forbid the database to every other test meanwhile.
    """
    with sync_playwright() as playwright:
        # Root may not use the sandbox, and CI is often root.
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        loop = asyncio.get_running_loop()
        asyncio._set_running_loop(None)
        yield browser, loop
        asyncio._set_running_loop(loop)
        browser.close()


@pytest.fixture
def browser(started: tuple[Browser, asyncio.AbstractEventLoop], monkeypatch: pytest.MonkeyPatch) -> Iterator[Browser]:
    """Nothing is remembered from the test before: windows of their own, which are closed at the end."""
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
    browser, loop = started
    asyncio._set_running_loop(loop)
    try:
        yield browser
        for context in browser.contexts:
            context.close()
        # Beside an event loop Django keeps a connection of its own, which would hold the test database.
        connections.close_all()
    finally:
        asyncio._set_running_loop(None)


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

    def is_wider_than_its_window(self, *sizes: ViewportSize) -> bool:
        """At any of these sizes, one after the other; without any, as it is."""
        return any(self._is_wider(size) for size in sizes or (None,))

    def _is_wider(self, size: ViewportSize | None) -> bool:
        if size is not None:
            self.page.set_viewport_size(size)
            self.page.wait_for_function("width => window.innerWidth === width", arg=size["width"])
        # What scripts make of another size stands after the next picture.
        return bool(self.page.evaluate(IS_WIDER))


@pytest.fixture
def desk(browser: Browser, live_server: Any, settings: Any) -> Callable[..., Desk]:
    """Where somebody sits who has signed in already, `desk(alice)`, or nobody yet, `desk()`."""
    settings.SESSION_COOKIE_SECURE = settings.CSRF_COOKIE_SECURE = False  # the test's server has no TLS

    def sit_down(user: User | None = None, size: ViewportSize = DESKTOP) -> Desk:
        context = browser.new_context(viewport=size, locale="es-PE", timezone_id="America/Lima")
        context.set_default_timeout(30_000)  # for a machine that has much to do
        if user is not None:
            session = at_desk(user).cookies[settings.SESSION_COOKIE_NAME].value
            context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": session, "url": live_server.url}])
        return Desk(context.new_page(), live_server.url)

    return sit_down
