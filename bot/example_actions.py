"""Actions that come with the bot, and how to write one's own.

A catalog calls them by name (``bot.example_actions:roll``), with arguments that it fills from slots. Each returns a
mapping: ``{result}`` in a response is its entry "result", a text that does for most, and ``{result.total}`` its entry
"total". An `ActionRefusedError` tells the member what is wrong with what they asked for.
"""

import random
import re
import threading
from collections import Counter, OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from difflib import get_close_matches
from zoneinfo import ZoneInfo

from bot.action_values import ActionRefusedError
from bot.time_zones import CITIES, plain, zones

MOST_DICE = 50
MOST_SIDES = 1_000
MOST_POLLS = 200
MOST_CHOICES = 25
MOST_VOTES = 100_000
"""In all polls together."""

MOST_NAME_CHARACTERS = 100

SERVER = frozenset({"", "here", "local", "server", "server time"})
"""What asks for the zone of the machine that the bot runs on."""

_DICE = re.compile(r"(?P<count>\d{0,3}) *[dw] *(?P<sides>\d{1,5}) *(?P<bonus>[+-] *\d{1,6})?", re.ASCII | re.IGNORECASE)


def time_in(place: str = "") -> dict[str, str]:
    """Return the time in a city or a time zone (``Tokyo``, ``Europe/Berlin``, ``UTC``), or where the bot runs.

    The entries: result, time, date, weekday, place, zone, offset.
    """
    return _time_in(place, datetime.now(UTC))


def roll(dice: str = "1d6", sides: int | None = None) -> dict[str, str | int]:
    """Return what dice show: ``2d6``, ``d20``, ``3d6+2``, or a number of sides; `sides` alone rolls one die.

    The entries: result, total, rolls, dice.
    """
    return _roll(str(sides) if sides is not None else dice, random.SystemRandom().randint)


def vote(poll: str, choice: str, member: str) -> dict[str, str | int]:
    """Count a member's vote in a poll and return how it stands; voting again changes one's vote.

    It counts one vote a member, in memory, for as long as the process runs, and wherever it was cast: with
    ``{server}`` in a poll's name each server has its own. A poll begins with its first vote; of very many, the one
    unused for longest is forgotten.

    The entries: result, votes, leading, choice.
    """
    return _POLLS.vote(poll, choice, member)


def poll_results(poll: str) -> dict[str, str | int]:
    """Return how a poll stands; the entries are those of `vote`, but for choice."""
    return _POLLS.results(poll)


def _time_in(place: str, now: datetime) -> dict[str, str]:
    asked = " ".join(plain(place).replace("_", " ").split())
    if asked in SERVER:
        local, zone, name = now.astimezone(), "local", "here"
    elif (known := zones().get(asked)) is not None:
        local, zone, name = now.astimezone(ZoneInfo(known)), known, _title(place, known)
    else:
        near = get_close_matches(asked, zones(), n=1, cutoff=0.8)
        hint = f"Did you mean {near[0].title()}?" if near else "Try a large city near it."
        raise ActionRefusedError(f"I do not know the time there. {hint}")
    offset = local.strftime("%z")
    return {
        "result": f"{local:%H:%M} on {local:%A}, {local.day} {local:%B}",
        "time": f"{local:%H:%M}",
        "date": local.date().isoformat(),
        "weekday": f"{local:%A}",
        "place": name,
        "zone": zone,
        "offset": f"UTC{offset[:3]}:{offset[3:5]}",
    }


def _title(place: str, zone: str) -> str:
    """Return the city of a zone as people write it; what was asked for, where the zone is named after another."""
    city = zone.rpartition("/")[2].replace("_", " ")
    return " ".join(place.split()).title() if plain(place) in CITIES else city


def _roll(dice: str, randint: Callable[[int, int], int]) -> dict[str, str | int]:
    text = dice.strip()
    match = _DICE.fullmatch(f"d{text}" if text.isascii() and text.isdigit() else text)
    count, sides, bonus = (1, 0, 0) if match is None else _numbers(match)
    if not (1 <= count <= MOST_DICE and 2 <= sides <= MOST_SIDES):  # noqa: PLR2004 - with one side there is nothing to roll
        raise ActionRefusedError(f"I roll 1 to {MOST_DICE} dice of 2 to {MOST_SIDES} sides: 2d6, for example.")
    rolls = [randint(1, sides) for _ in range(count)]
    parts = " + ".join(map(str, rolls)) + (f" {'+-'[bonus < 0]} {abs(bonus)}" if bonus else "")
    total = sum(rolls) + bonus
    return {
        "result": f"{total} ({parts})" if count > 1 or bonus else str(total),
        "total": total,
        "rolls": ", ".join(map(str, rolls)),
        "dice": f"{count}d{sides}" + (f"{bonus:+d}" if bonus else ""),
    }


def _numbers(match: re.Match[str]) -> tuple[int, int, int]:
    return int(match["count"] or 1), int(match["sides"]), int((match["bonus"] or "0").replace(" ", ""))


@dataclass(frozen=True, slots=True)
class _Poll:
    """The votes of one poll: what each member chose, and each choice as it was first written."""

    choices: Mapping[str, str] = field(default_factory=dict)
    votes: Mapping[str, str] = field(default_factory=dict)

    def standing(self) -> dict[str, str | int]:
        """Return how it stands, the choice with the most votes first."""
        counts = Counter(self.votes.values())
        ranking = sorted(self.choices, key=lambda choice: -counts[choice])
        leading = [self.choices[choice] for choice in ranking if counts[choice] == counts[ranking[0]]]
        return {
            "result": ", ".join(f"{self.choices[choice]}: {counts[choice]}" for choice in ranking),
            "votes": len(self.votes),
            "leading": " and ".join(leading),
        }


class _Polls:
    """Polls by name; functions of several threads may vote at once."""

    def __init__(self) -> None:
        self._polls: OrderedDict[str, _Poll] = OrderedDict()
        self._lock = threading.Lock()

    def vote(self, poll: str, choice: str, member: str) -> dict[str, str | int]:
        """Count a vote."""
        name, key = _key(poll), _key(choice)
        with self._lock:
            found = self._polls.get(name, _Poll())
            votes = {**found.votes, member: key}
            chosen = set(votes.values())  # what nobody chooses any more makes room
            if len(votes) > MOST_VOTES or len(chosen) > MOST_CHOICES:
                raise ActionRefusedError("That poll has no room for more; vote for a choice that is there.")
            names = {**found.choices, key: found.choices.get(key, " ".join(choice.split()))}
            self._polls[name] = _Poll({one: names[one] for one in names if one in chosen}, votes)
            self._polls.move_to_end(name)
            self._forget()
            return {**self._polls[name].standing(), "choice": names[key]}

    def _forget(self) -> None:
        """Drop the polls unused for longest until the rest is within the bounds."""
        n_votes = sum(len(poll.votes) for poll in self._polls.values())
        while len(self._polls) > MOST_POLLS or n_votes > MOST_VOTES:
            n_votes -= len(self._polls.popitem(last=False)[1].votes)

    def results(self, poll: str) -> dict[str, str | int]:
        """Return how a poll stands."""
        with self._lock:
            found = self._polls.get(_key(poll))
            if found is None:
                raise ActionRefusedError("Nobody has voted in that poll yet.")
            return found.standing()


def _key(name: str) -> str:
    """Return what makes two names the same: neither case nor spaces tell them apart."""
    key = " ".join(name.casefold().split())
    if not 0 < len(key) <= MOST_NAME_CHARACTERS:
        raise ActionRefusedError(f"A name of 1 to {MOST_NAME_CHARACTERS} characters, please.")
    return key


_POLLS = _Polls()
