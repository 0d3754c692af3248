"""Days, and counting them. Standard library only."""

from dataclasses import dataclass
from datetime import date

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Day:
    """A day in a canonical text.

    Parameters
    ----------
    start, end
        Its place.
    date
        The day.
    explicit
        Whether its year, or that it is past, was said.
    doubt
        A question for the member, if it can be meant in two ways.
    """

    start: int
    end: int
    date: date
    explicit: bool = False
    doubt: str = ""


def coming(day: date, today: date) -> date:
    """Return a day without its year as the next one that is not past."""
    for year in range(today.year, today.year + 9):
        try:
            moved = day.replace(year=year)
        except ValueError:
            continue
        if moved >= today:
            return moved
    return day


def add_months(day: date, months: int) -> date:
    """Return the day months later, or the last of that month if it has no such day."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    for number in range(day.day, 27, -1):
        try:
            return date(year, month + 1, number)
        except ValueError:
            continue
    return date(year, month + 1, min(day.day, 27))


def coming_number(number: int, today: date) -> date | None:
    """Return the next day that is the so many of its month; None if no month has it."""
    for months in range(12):
        first = add_months(today.replace(day=1), months)
        try:
            day = first.replace(day=number)
        except ValueError:
            continue
        if day >= today:
            return day
    return None


def month_name(number: int) -> str:
    """Return the English name of a month, January as 1."""
    return MONTHS[number - 1]


def nth(number: int) -> str:
    """Return an English ordinal (``21st``)."""
    return f"{number}{'th' if 10 < number < 14 else {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th')}"  # noqa: PLR2004
