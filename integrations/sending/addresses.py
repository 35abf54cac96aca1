"""Which addresses a message may go to: an address in the own network is no place for what staff typed into a form."""

import ipaddress
from collections.abc import Iterator
from urllib.parse import urlsplit

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address

# All that is given out for use on the Internet. Outside of it lie, among others, the addresses that stand for an
# IPv4 one (compatible, translated) and those of one site (unique local, link-local, site-local).
_UNICAST = ipaddress.IPv6Network("2000::/3")
# Networks without IPv4 reach it through this prefix; its last 32 bits are the IPv4 address.
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
# Not known as special to every supported Python: documentation, and the relays that 6to4 once had.
_SPECIAL = (
    ipaddress.IPv6Network("3fff::/20"),
    ipaddress.IPv6Network("2001:20::/28"),  # early 3.11 releases take it for public
    ipaddress.IPv4Network("192.88.99.0/24"),
)


def is_public(text: str) -> bool:
    """Whether an address, and every address hidden in it, is one of the open Internet."""
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return False
    return all(_is_open(found) for found in _meant(address))


def _is_open(address: IPAddress) -> bool:
    if isinstance(address, ipaddress.IPv6Address) and address not in _UNICAST:
        return False
    return address.is_global and not address.is_multicast and not any(address in network for network in _SPECIAL)


def _meant(address: IPAddress) -> Iterator[IPAddress]:
    """The address itself, and the IPv4 one it stands for in one of the ways of writing it as IPv6."""
    if isinstance(address, ipaddress.IPv4Address):
        yield address
    elif address.ipv4_mapped:
        yield address.ipv4_mapped
    elif address in _NAT64:
        yield _last_bits(address)
    else:
        # What 6to4 carries decides: of its own prefix Python releases say different things.
        yield address.sixtofour or address
        # ISATAP writes 5efe and the IPv4 address into the last 64 bits, behind two flags.
        if (int(address) >> 32) & 0xFCFFFFFF == 0x00005EFE:
            yield _last_bits(address)


def _last_bits(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address:
    return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)


def refusal_of(url: str) -> str:
    """Why nothing can be sent to `url`, as a Spanish sentence; empty when something can."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return "La dirección del destino no es válida."
    if parts.scheme not in ("http", "https"):
        return "La dirección del destino debe empezar por https:// o http://."
    if not host or port == 0 or not url.isprintable() or " " in url:
        return "La dirección del destino no es válida."
    if parts.username is not None or parts.password is not None:
        # requests would send them along, in a header of their own.
        return "La dirección del destino no puede llevar usuario ni contraseña."
    return ""
