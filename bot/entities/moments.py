"""Days, times and both together, as slots hold them."""

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

from bot.entities.calendar_days import Day
from bot.entities.canonical import canonical, language_of, masked
from bot.entities.clock import Clock, bare_hour, clocks
from bot.entities.date_words import words_of
from bot.entities.dates import days
from bot.entities.durations import duration_spans, languages_of
from bot.entities.locale_words import UNITS
from bot.entities.values import Found, SlotValue
from intents.catalog import EntityType

_ADJACENT = re.compile(r"[\s,;\x00-]*(?:(?:on|at|am|um|the|de|el|le|den|a|las|à|and)?[\s,]*){0,2}")


class Moments:
    """The days and times of one text.

    Parameters
    ----------
    text
        Any text.
    language
        Of the conversation; English is read besides.
    now
        The member's date and time, with a zone.
    alone
        Whether the text answers the question for one: then less is enough.
    """

    def __init__(self, text: str, language: str | None, now: datetime, *, alone: bool) -> None:
        self._now = now
        self._languages = languages_of(language)
        self._made = canonical(text, language_of(language), ordinals=True)
        self._alone = alone
        self._hours = self._hours_ahead()
        left = self._made.text
        for start, end, _ in self._hours:
            left = masked(left, start, end)
        self.clocks = [clock for clock in clocks(self._made, self._languages, text=left) if alone or not clock.weak]
        for clock in self.clocks:
            left = masked(left, *clock.mask)
        self.days = days(self._made, left, self._languages, now.date(), alone=alone)
        self.says_now = re.search(rf"(?<!\w)(?:{words_of(self._languages).now})(?!\w)", self._made.text)
        if alone and not self.clocks and not self.days and not self._hours:
            hour = bare_hour(self._made.text.strip())
            self.clocks = [hour] if hour else []

    def find(self, kind: EntityType) -> list[Found]:
        """Return the days, times or both of the text, in order."""
        if kind is EntityType.DATE:
            return [self._found([day], day.date.isoformat(), day.doubt) for day in self.days]
        if kind is EntityType.TIME:
            found = [self._found([clock], self._time(clock), clock.doubt) for clock in self.clocks]
            found += [self._ahead(one, kind) for one in self._hours]
        else:
            found = [self._both(day, clock) for day, clock in self._pairs()]
            found += [self._ahead(one, kind) for one in self._hours]
        if self._alone and not found and self.says_now:
            return [self._ahead((*self.says_now.span(), timedelta()), kind)]
        if self._alone and not found and kind is EntityType.DATETIME and not self.days:
            return [self._next(clock) for clock in self.clocks]
        return sorted(found, key=lambda one: one.spans)

    def spans(self) -> list[tuple[int, int]]:
        """Return the places of everything that belongs to a day, a time or a duration."""
        places = [(day.start, day.end) for day in self.days] + [clock.mask for clock in self.clocks]
        places += [(start, end) for start, end, _ in self._hours]
        places += [(one.start, one.end) for one in duration_spans(self._made, self._languages)]
        return [self._made.span(start, end) for start, end in places]

    def _hours_ahead(self) -> list[tuple[int, int, timedelta]]:
        return [
            (one.start, one.end, timedelta(seconds=one.seconds))
            for one in duration_spans(self._made, self._languages)
            if one.ahead and one.seconds < UNITS["day"]
        ]

    def _pairs(self) -> list[tuple[Day, Clock]]:
        """Return the days with their times: the only ones, or those that stand side by side."""
        if len({day.date for day in self.days}) == 1 and len({clock.minutes for clock in self.clocks}) == 1:
            return [(self.days[0], self.clocks[0])]
        pairs = []
        for day in self.days:
            for clock in self.clocks:
                first, second = sorted([(day.start, day.end), clock.mask])
                if first[1] <= second[0] and _ADJACENT.fullmatch(self._made.text[first[1] : second[0]]):
                    pairs.append((day, clock))
                    break
        return pairs if len({clock.start for _, clock in pairs}) == len(pairs) else []

    def _both(self, day: Day, clock: Clock) -> Found:
        moment, doubt = self._moment(day.date, clock), day.doubt or clock.doubt
        later = moment + timedelta(hours=12)
        if clock.unclear and not day.doubt and moment < self._now < later:
            moment, doubt = later, ""
        if moment < self._now and not doubt and not (day.explicit and day.date != self._now.date()):
            doubt = "That has passed already: please give a later time."
        return self._found(sorted([day, clock], key=lambda one: one.start), moment.isoformat(), doubt)

    def _next(self, clock: Clock) -> Found:
        """Return a time alone as the next moment at which it is."""
        moment = self._moment(self._now.date(), clock)
        if moment < self._now:
            moment = self._moment(self._now.date() + timedelta(days=1), clock)
        return self._found([clock], moment.isoformat(), clock.doubt)

    def _ahead(self, place: tuple[int, int, timedelta], kind: EntityType) -> Found:
        start, end, later = place
        aware = self._now.tzinfo is not None
        moment = (self._now.astimezone(UTC) + later).astimezone(self._now.tzinfo) if aware else self._now + later
        moment = moment.replace(second=0, microsecond=0)
        shown = f"{moment:%H:%M}" if kind is EntityType.TIME else moment.isoformat()
        return Found(SlotValue(self._made.written(start, end), shown), (self._made.span(start, end),))

    def _time(self, clock: Clock) -> str:
        return f"{self._moment(self._now.date(), clock):%H:%M}" if clock.zone else f"{clock.time:%H:%M}"

    def _moment(self, day: date, clock: Clock) -> datetime:
        if clock.zone:
            from dateparser import parse  # noqa: PLC0415 - loaded with the first date

            read = parse(f"{day.isoformat()} {clock.time:%H:%M} {clock.zone.upper()}", languages=["en"])
            if read is not None and read.tzinfo is not None:
                return datetime.fromtimestamp(read.timestamp(), self._now.tzinfo)
        return datetime.combine(day, clock.time, self._now.tzinfo)

    def _found(self, parts: Sequence[Day | Clock], value: str, doubt: str) -> Found:
        spans = [self._made.span(one.start, one.end) for one in parts]
        if len(parts) > 1 and _ADJACENT.fullmatch(self._made.text[parts[0].end : _whole(parts[-1])[0]]):
            spans = [(spans[0][0], max(end for _, end in spans))]
        written = " ".join(self._made.source[start:end] for start, end in spans).strip(" ,")
        return Found(SlotValue(written, value), tuple(spans), doubt)


def _whole(part: Day | Clock) -> tuple[int, int]:
    """Return the place of a part with the words around it that belong to it."""
    return part.mask if isinstance(part, Clock) else (part.start, part.end)
