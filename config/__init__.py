"""Settings, addresses, background work and the ground rules of the API."""

from config.celery import app as celery_app

__all__ = ["celery_app"]
