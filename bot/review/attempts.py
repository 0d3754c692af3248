"""How often the password may be tried: few times an address, and slowly by all together.

Nobody's wrong passwords keep a right one out that comes from another address. Of many addresses together only the pace
is limited, and in that queue those go first who have failed least.
"""

import ipaddress
import math
import time
from collections import OrderedDict, deque
from collections.abc import Callable

A_PERSON = 5
"""Attempts of one address that may fail within `WITHIN_S`; then it waits."""

ALL = 50
"""Attempts of all that may fail within `WITHIN_S`; then each that fails takes `PAUSE_S` more."""

WITHIN_S = 300.0
PAUSE_S = 1.0

CAPACITY = 1_000
"""Addresses remembered, and neighbourhoods of them."""

KNOWN = 100
"""Addresses remembered of those who knew the password."""

PERSON_BITS = {4: 32, 6: 64}
"""Of an address, what one person has: of IPv6, one customer has at least all addresses of 64 bits."""

NEIGHBOURHOOD_BITS = {4: 24, 6: 48}
"""What one person can have many addresses of."""


class Attempts:
    """Counts the attempts that failed.

    Parameters
    ----------
    clock
        Returns seconds that never go back.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._all: deque[float] = deque(maxlen=ALL)
        self._by_person = _Tally(A_PERSON)
        self._by_neighbourhood = _Tally(ALL)
        self._known: OrderedDict[str, None] = OrderedDict()

    def wait_s(self, address: str) -> int:
        """Return the seconds after which an address may try again; 0 for now. Nobody else's attempts count."""
        times = self._by_person.since(_network(address, PERSON_BITS), self._clock() - WITHIN_S)
        return math.ceil(times[0] + WITHIN_S - self._clock()) if len(times) >= A_PERSON else 0

    def rank(self, address: str) -> int:
        """Return how soon it is an address's turn, the least first: who logged in before, then who failed least."""
        if _network(address, PERSON_BITS) in self._known:
            return -1
        since = self._clock() - WITHIN_S
        return len(self._by_neighbourhood.since(_network(address, NEIGHBOURHOOD_BITS), since))

    def pause_s(self) -> float:
        """Return how long the next one waits after an attempt that failed."""
        return PAUSE_S if len(self._all) == ALL and self._all[0] > self._clock() - WITHIN_S else 0.0

    def failed(self, address: str) -> None:
        """Count an attempt that failed; count it before it is checked, so that attempts side by side are counted."""
        now = self._clock()
        self._all.append(now)
        self._by_person.add(_network(address, PERSON_BITS), now)
        self._by_neighbourhood.add(_network(address, NEIGHBOURHOOD_BITS), now)

    def succeeded(self, address: str) -> None:
        """Forget the attempts of an address, and the one of all that was counted beforehand."""
        person = _network(address, PERSON_BITS)
        if self._all:
            self._all.pop()
        self._by_person.forget(person)
        self._known[person] = None
        self._known.move_to_end(person)
        while len(self._known) > KNOWN:
            self._known.popitem(last=False)


class _Tally:
    """When somebody failed last, by network; those that failed least recently leave first.

    Parameters
    ----------
    most
        Times kept of each.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._times: OrderedDict[str, deque[float]] = OrderedDict()

    def add(self, network: str, now: float) -> None:
        self._times.setdefault(network, deque(maxlen=self._most)).append(now)
        self._times.move_to_end(network)
        while len(self._times) > CAPACITY:
            self._times.popitem(last=False)

    def since(self, network: str, since: float) -> list[float]:
        return [time_s for time_s in self._times.get(network, ()) if time_s > since]

    def forget(self, network: str) -> None:
        self._times.pop(network, None)


def _network(address: str, bits: dict[int, int]) -> str:
    """Return whom an address stands for."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    return str(ipaddress.ip_network((parsed, bits[parsed.version]), strict=False))
