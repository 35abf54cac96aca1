"""The pytest plugin that knows whether this machine has a browser for the tests marked `e2e`.

With none they are deselected by the command itself, and the head of the run says so: they can be neither
true nor false there, and a skip would look like a pass.
"""

import shutil

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
CHROMIUM = next((found for name in NAMES if (found := shutil.which(name))), None)


def pytest_configure(config: pytest.Config) -> None:
    if CHROMIUM is None:
        asked = config.option.markexpr
        config.option.markexpr = f"({asked}) and not e2e" if asked else "not e2e"


def pytest_report_header(config: pytest.Config) -> str:
    if CHROMIUM is None:
        return "browser: no Chromium on this machine, so the tests marked e2e are left out (-m 'not e2e')"
    return f"browser: {CHROMIUM}"
