"""Our settings, with the one bare view in the place of the product."""

from config.settings import *  # noqa: F403

MIDDLEWARE: list[str] = []
ROOT_URLCONF = "tests.load.bare"
