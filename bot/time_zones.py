"""The time zones of the world by what people call them. Standard library only."""

import unicodedata
from collections.abc import Mapping
from functools import cache
from zoneinfo import available_timezones

CONTINENTS = frozenset(
    {"Africa", "America", "Antarctica", "Arctic", "Asia", "Atlantic", "Australia", "Europe", "Indian", "Pacific"}
)
"""What the names of zones begin with that are named after a city; others are named after countries and offsets."""

CITIES: Mapping[str, str] = {
    "bangalore": "Asia/Kolkata",
    "barcelona": "Europe/Madrid",
    "beijing": "Asia/Shanghai",
    "boston": "America/New_York",
    "cologne": "Europe/Berlin",
    "delhi": "Asia/Kolkata",
    "frankfurt": "Europe/Berlin",
    "geneva": "Europe/Zurich",
    "hamburg": "Europe/Berlin",
    "houston": "America/Chicago",
    "koln": "Europe/Berlin",
    "kyoto": "Asia/Tokyo",
    "las vegas": "America/Los_Angeles",
    "lyon": "Europe/Paris",
    "miami": "America/New_York",
    "milan": "Europe/Rome",
    "montreal": "America/Toronto",
    "mumbai": "Asia/Kolkata",
    "munchen": "Europe/Berlin",
    "munich": "Europe/Berlin",
    "new delhi": "Asia/Kolkata",
    "osaka": "Asia/Tokyo",
    "rio": "America/Sao_Paulo",
    "rio de janeiro": "America/Sao_Paulo",
    "saint petersburg": "Europe/Moscow",
    "san francisco": "America/Los_Angeles",
    "seattle": "America/Los_Angeles",
    "washington": "America/New_York",
    "wien": "Europe/Vienna",
}
"""Large cities that the time zone database does not name."""


@cache
def zones() -> Mapping[str, str]:
    """Return time zones by what people call them: the zone's name, and its city where it has one.

    They are looked up once a process: it takes 20 ms.
    """
    found: dict[str, str] = {}
    for zone in sorted(available_timezones() - {"localtime"}, key=lambda name: (name.count("/"), name)):
        name = plain(zone).replace("_", " ")
        found[name] = zone
        if zone.partition("/")[0] in CONTINENTS:
            found.setdefault(name.rpartition("/")[2], zone)
    return found | {city: zone for city, zone in CITIES.items() if zone in found.values()}


def plain(text: str) -> str:
    """Return a name without accents and case."""
    letters = unicodedata.normalize("NFKD", text)
    return "".join(letter for letter in letters if not unicodedata.combining(letter)).casefold().strip()
