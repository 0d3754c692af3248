"""Who sends a request to the review page, as far as that can be known."""

import ipaddress
import re
from collections.abc import Sequence

from aiohttp import web

PROXIED = ("Forwarded", "Via", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-IP")
"""What a proxy adds: whoever is behind it does not sit at this machine."""


def sits_here(request: web.Request) -> bool:
    """Whether a request comes from this machine, and under its name: another name may have been made to lead here."""
    return (
        is_loopback(_peer(request))
        and is_loopback(_host_name(request.host))
        and not any(name in request.headers for name in PROXIED)
    )


def caller_of(request: web.Request) -> str:
    """Return the address whose attempts a request counts among; see `caller_from`."""
    return caller_from(_peer(request), request.headers.getall("X-Forwarded-For", ()))


def caller_from(peer: str, forwarded_for: Sequence[str]) -> str:
    """Return the address of whoever calls.

    A proxy's word is taken for it where the proxy runs on this machine or in a private network, and of a list only what
    it added itself, the last: what stands before that, anybody may have sent.

    Parameters
    ----------
    peer
        The address that the connection comes from.
    forwarded_for
        Every ``X-Forwarded-For`` of the request.
    """
    peer = _plain(peer)
    told = _host_name(",".join(forwarded_for).rpartition(",")[2].strip()).partition("%")[0]  # behind it stands any text
    return _plain(told) if _is_private(peer) and _is_address(told) else peer


def is_loopback(name: str) -> bool:
    """Whether a host's name or address is one that this machine has for itself alone."""
    if name.casefold() == "localhost":
        return True
    return _is_address(name) and ipaddress.ip_address(_plain(name)).is_loopback


def _peer(request: web.Request) -> str:
    peer = request.transport.get_extra_info("peername") if request.transport is not None else None
    return str(peer[0]) if peer else ""


def _host_name(host: str) -> str:
    """Return the name or address in front of a port, without brackets."""
    bracketed = re.match(r"\[([^]]*)\](?::|$)", host)
    if bracketed is not None:
        return bracketed[1]
    return host if host.count(":") > 1 else host.partition(":")[0]


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _is_private(address: str) -> bool:
    return _is_address(address) and ipaddress.ip_address(address).is_private


def _plain(address: str) -> str:
    """Return an IPv4 address as such where it is written as one of IPv6."""
    if not _is_address(address):
        return address
    parsed = ipaddress.ip_address(address)
    return str(getattr(parsed, "ipv4_mapped", None) or parsed)
