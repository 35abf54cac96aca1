"""The door of every web server process."""

import gc
import os

from django.core.wsgi import get_wsgi_application
from django.urls import get_resolver

from config.checks import refuse_to_start_incomplete

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

application = get_wsgi_application()
refuse_to_start_incomplete()
# Read the routes before the first request: two threads that import them at once meet half a module.
get_resolver().url_patterns  # noqa: B018  asked for its effect

# What was loaded so far stays for good. Left among the rest, each full collection walks through it: a stop of
# 120 ms every fifteen pages of a list, a quarter of all time.
gc.collect()
gc.freeze()
gc.set_threshold(10_000, 20, 50)
