"""Where a request comes from, behind as many proxies as the deployment says it trusts."""

from ipaddress import ip_address

from django.conf import settings
from django.http import HttpRequest


def client_address(request: HttpRequest) -> str | None:
    """The sender's IP address; None when it has none, as on a Unix socket.

    Behind n trusted proxies it is the n-th from the right of what they forwarded: what stands further
    left was written by the sender and may be invented.
    """
    remote = _valid(request.META.get("REMOTE_ADDR", ""))
    forwarded = request.META.get("HTTP_X_FORWARDED_FOR", "")
    if not settings.TRUSTED_PROXIES or not forwarded:
        return remote
    hops = forwarded.split(",")
    return _valid(hops[-min(settings.TRUSTED_PROXIES, len(hops))]) or remote


def _valid(text: str) -> str | None:
    try:
        return str(ip_address(text.strip()))
    except ValueError:
        return None
