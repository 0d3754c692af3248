"""How often the password may be tried: few times an address, and not much more often by all together."""

import ipaddress
import math
import time
from collections import OrderedDict, deque
from collections.abc import Callable

A_PERSON = 5
ALL = 50
WITHIN_S = 300.0
"""So many failed attempts, of one address and of all, within so many seconds."""

CAPACITY = 1_000
"""Addresses remembered."""


class Attempts:
    """Counts the attempts that failed; behind a proxy, everyone has the proxy's address.

    Parameters
    ----------
    clock
        Returns seconds that never go back.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._all: deque[float] = deque(maxlen=ALL)
        self._by_address: OrderedDict[str, deque[float]] = OrderedDict()

    def wait_s(self, address: str) -> int:
        """Return the seconds after which an address may try again; 0 for now."""
        since = self._clock() - WITHIN_S
        own = self._by_address.get(_network(address), deque())
        waits = [times[0] - since for times, most in ((own, A_PERSON), (self._all, ALL)) if len(times) >= most]
        return max((0, *map(math.ceil, waits)))

    def failed(self, address: str) -> None:
        """Count an attempt that failed; count it before it is checked, so that attempts side by side are counted."""
        now, network = self._clock(), _network(address)
        self._all.append(now)
        self._by_address.setdefault(network, deque(maxlen=A_PERSON)).append(now)
        self._by_address.move_to_end(network)
        while len(self._by_address) > CAPACITY:
            self._by_address.popitem(last=False)

    def succeeded(self, address: str) -> None:
        """Forget the attempts of an address, and the one of all that was counted beforehand."""
        if self._all:
            self._all.pop()
        self._by_address.pop(_network(address), None)


def _network(address: str) -> str:
    """Return whom an address stands for: of IPv6, one customer has at least all addresses of 64 bits."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    return str(ipaddress.ip_network((parsed, 64), strict=False)) if parsed.version == 6 else str(parsed)  # noqa: PLR2004
