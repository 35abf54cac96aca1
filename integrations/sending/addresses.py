"""Which addresses a message may go to: an address in the own network is no place for what staff typed into a form."""

import ipaddress
from collections.abc import Iterator

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address

# Prefixes that carry an IPv4 address in their last 32 bits and that Python does not know as such.
_CARRIERS = (ipaddress.IPv6Network("64:ff9b::/96"), ipaddress.IPv6Network("64:ff9b:1::/48"))
_COMPATIBLE = ipaddress.IPv6Network("::/96")


def is_public(text: str) -> bool:
    """Whether an address, and every address hidden in it, is one of the open Internet."""
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return False
    return all(found.is_global and not found.is_multicast for found in _meant(address))


def _meant(address: IPAddress) -> Iterator[IPAddress]:
    """The address itself, and the IPv4 one it stands for in one of the ways of writing it as IPv6."""
    if isinstance(address, ipaddress.IPv4Address):
        yield address
        return
    if address.ipv4_mapped:
        yield address.ipv4_mapped
        return
    yield address
    if address.sixtofour:
        yield address.sixtofour
    if address.teredo:
        yield from address.teredo
    if address in _COMPATIBLE or any(address in carrier for carrier in _CARRIERS):
        yield ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    # ISATAP writes 5efe and the IPv4 address into the last 64 bits.
    if (int(address) >> 32) & 0xFEFFFFFF == 0x00005EFE:
        yield ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
