"""Days, times, moments and durations read from answers in several languages."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.entities import InvalidValueError, SlotValue, read_value
from intents.catalog import Entity, EntityType

NOW = datetime(2026, 11, 25, 15, 30, tzinfo=ZoneInfo("Europe/Berlin"))
"""A Wednesday."""

NO_DATE = 'I need a whole date, such as "next Friday" or "24 December".'


def read(kind: EntityType, text: str, language: str | None = "en", now: datetime = NOW) -> SlotValue:
    return read_value(Entity(kind), text, language=language, now=now)


def fault(kind: EntityType, text: str, language: str | None = "en") -> str:
    with pytest.raises(InvalidValueError) as caught:
        read(kind, text, language)
    return str(caught.value)


def rows(language: str, table: str) -> list[tuple[str, str, str]]:
    return [(language, *line.strip().split(" = ")) for line in table.strip().splitlines()]


DATES = [
    *rows(
        "en",
        """
        friday = 2026-11-27
        on Friday please = 2026-11-27
        um, next friday = 2026-11-27
        this friday = 2026-11-27
        wednesday = 2026-12-02
        friday next week = 2026-12-04
        next week on monday = 2026-11-30
        tomorrow = 2026-11-26
        the day after tomorrow = 2026-11-27
        tomorrow evening = 2026-11-26
        today = 2026-11-25
        tonight = 2026-11-25
        in two weeks = 2026-12-09
        in a week = 2026-12-02
        in 3 months = 2027-02-25
        24 December = 2026-12-24
        December 24 = 2026-12-24
        Dec 24th = 2026-12-24
        the 24th of december = 2026-12-24
        the 24th = 2026-12-24
        the 3rd = 2026-12-03
        the first of may = 2027-05-01
        may the fourth = 2027-05-04
        december twenty-first = 2026-12-21
        25 november = 2026-11-25
        24 november = 2027-11-24
        may 5 = 2027-05-05
        29 february = 2028-02-29
        12/24 = 2026-12-24
        31/12 = 2026-12-31
        12/24/2026 = 2026-12-24
        2026-12-24 = 2026-12-24
        24.12. = 2026-12-24
        24.12.26 = 2026-12-24
        Friday, December 25, 2026 = 2026-12-25
        how about friday at 7pm? = 2026-11-27
        I may come on friday = 2026-11-27
        sat = 2026-11-28
        yesterday = 2026-11-24
        last friday = 2026-11-20
        3 days ago = 2026-11-22
        24 december 2020 = 2020-12-24
        """,
    ),
    *rows(
        "de",
        """
        am Freitag = 2026-11-27
        nächsten Freitag = 2026-11-27
        am kommenden Freitag bitte = 2026-11-27
        letzten Freitag = 2026-11-20
        Freitag nächste Woche = 2026-12-04
        Guten Morgen, am Freitag bitte = 2026-11-27
        morgen = 2026-11-26
        morgen Abend = 2026-11-26
        heute Abend = 2026-11-25
        übermorgen = 2026-11-27
        in zwei Wochen = 2026-12-09
        in einer Woche = 2026-12-02
        vor 2 Tagen = 2026-11-23
        24. Dezember = 2026-12-24
        am 24. Dez. 2027 = 2027-12-24
        Freitag, den 25. Dezember = 2026-12-25
        1. Mai = 2027-05-01
        erster Mai = 2027-05-01
        am 24.12. = 2026-12-24
        24.12 = 2026-12-24
        am 24. = 2026-12-24
        03/04/2026 = 2026-04-03
        next friday = 2026-11-27
        """,
    ),
    *rows(
        "es",
        """
        el viernes = 2026-11-27
        el próximo viernes = 2026-11-27
        el viernes que viene = 2026-11-27
        el viernes pasado = 2026-11-20
        mañana = 2026-11-26
        mañana por la mañana = 2026-11-26
        pasado mañana = 2026-11-27
        esta noche = 2026-11-25
        en dos semanas = 2026-12-09
        hace 2 días = 2026-11-23
        el 24 de diciembre = 2026-12-24
        24/12 = 2026-12-24
        1 de mayo = 2027-05-01
        el 24 = 2026-12-24
        buenos días, el martes por favor = 2026-12-01
        """,
    ),
    *rows("fr", "vendredi = 2026-11-27\nle 24 décembre = 2026-12-24\naprès-demain = 2026-11-27\n1er mai = 2027-05-01"),
    *rows("it", "venerdì = 2026-11-27\n24 dicembre = 2026-12-24\ndomani = 2026-11-26"),
    *rows("ru", "завтра = 2026-11-26\n24 декабря = 2026-12-24"),
]


@pytest.mark.parametrize(("language", "text", "day"), DATES)
def test_day_is_read(language: str, text: str, day: str) -> None:
    """The next one that is not past, unless its year, or that it is past, is said."""
    assert read(EntityType.DATE, text, language).value == day


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", text)
        for text in [
            "5",
            "25",
            "may",
            "second",
            "a second",
            "now",
            "2026",
            "december 2026",
            "next week",
            "next month",
            "in may",
            "feb 30",
            "the weekend",
            "one day",
            "1.2.3",
            "every friday",
            "not friday",
            "two weeks from friday",
            "day after friday",
            "thanks, you may go now",
            "wait a second",
            "how was your day",
            "I sat in the sun",
            "24/7",
            "31.02.2026",
            "",
            "end of the month",
            "the march of time",
        ]
    ]
    + [("de", text) for text in ("Mai", "Guten Morgen", "nächste Woche", "jeden Freitag", "Sekunde", "ja so ist das")]
    + [("es", text) for text in ("mayo", "buenos días a todos", "por la mañana", "la próxima semana", "segundo")],
)
def test_what_is_no_whole_day_is_told_examples(language: str, text: str) -> None:
    """Months, weeks, numbers alone and ways of speaking are no days."""
    assert fault(EntityType.DATE, text, language) == NO_DATE


def test_day_that_can_be_meant_in_two_ways_is_asked_about() -> None:
    """American and European order, a weekday of another day, and two days."""
    assert fault(EntityType.DATE, "03/04/2026") == "Is 03/04/2026 the 3rd of April or the 4th of March?"
    assert fault(EntityType.DATE, "friday 24 december").startswith("The 24th of December 2026 is a Thursday")
    assert fault(EntityType.DATE, "friday or saturday").startswith("That is more than one")


def test_text_of_a_day_is_as_written() -> None:
    """Without the words around it."""
    assert read(EntityType.DATE, "um, on next Friday please").text == "next Friday"
    assert read(EntityType.DATETIME, "See you on Friday at 7pm!").text == "Friday at 7pm"


TIMES = [
    *rows(
        "en",
        """
        7pm = 19:00
        at 7 pm = 19:00
        7 p.m. please = 19:00
        19:00 = 19:00
        7:30 = 07:30
        7.30pm = 19:30
        19 = 19:00
        7 in the evening = 19:00
        half past 7 in the evening = 19:30
        ten past 6 pm = 18:10
        5 o'clock in the afternoon = 17:00
        tonight at 8 = 20:00
        noon = 12:00
        at midnight = 00:00
        12 am = 00:00
        12pm = 12:00
        now = 15:30
        in half an hour = 16:00
        in 2 hours = 17:30
        7pm UTC = 20:00
        """,
    ),
    *rows(
        "de",
        """
        um 19 Uhr = 19:00
        19 Uhr 30 = 19:30
        19.30 Uhr = 19:30
        8 Uhr = 08:00
        8 Uhr abends = 20:00
        halb acht abends = 19:30
        mittags = 12:00
        Mitternacht = 00:00
        7 Uhr früh = 07:00
        jetzt = 15:30
        """,
    ),
    *rows(
        "es",
        """
        a las 7 de la tarde = 19:00
        a las siete y media de la tarde = 19:30
        a las 8 menos cuarto de la noche = 19:45
        a la 1 de la tarde = 13:00
        7 de la mañana = 07:00
        mediodía = 12:00
        a las 19h = 19:00
        """,
    ),
    *rows("fr", "à 19h30 = 19:30\n20 heures = 20:00\nà 7 heures du soir = 19:00\nmidi = 12:00"),
]


@pytest.mark.parametrize(("language", "text", "value"), TIMES)
def test_time_is_read(language: str, text: str, value: str) -> None:
    """Digits, parts of the day, and what languages say instead."""
    assert read(EntityType.TIME, text, language).value == value


@pytest.mark.parametrize(
    ("language", "text", "question"),
    [
        ("en", "at 7", "Is that 07:00 or 19:00?"),
        ("en", "7", "Is that 07:00 or 19:00?"),
        ("en", "8 o'clock", "Is that 08:00 or 20:00?"),
        ("en", "half past seven", "Is that 07:30 or 19:30?"),
        ("en", "quarter to eight", "Is that 07:45 or 19:45?"),
        ("en", "seven thirty", "Is that 07:30 or 19:30?"),
        ("en", "at 12", "Is that 12:00 or 00:00?"),
        ("de", "halb acht", "Is that 07:30 or 19:30?"),
        ("de", "um 7", "Is that 07:00 or 19:00?"),
        ("es", "a las siete y media", "Is that 07:30 or 19:30?"),
    ],
)
def test_hour_of_twelve_is_asked_about(language: str, text: str, question: str) -> None:
    """Rather than taken for the morning."""
    assert fault(EntityType.TIME, text, language) == question


@pytest.mark.parametrize("text", ["", "friday", "25:00", "12:75", "99", "soon", "the evening"])
def test_what_is_no_time_is_told_examples(text: str) -> None:
    """Impossible hours among them."""
    assert fault(EntityType.TIME, text) == 'I need a time of day, such as "19:30" or "7 pm".'


MOMENTS = [
    *rows(
        "en",
        """
        friday at 7pm = 2026-11-27T19:00:00+01:00
        at 7pm on friday = 2026-11-27T19:00:00+01:00
        tomorrow evening at 7 = 2026-11-26T19:00:00+01:00
        tonight at 8 = 2026-11-25T20:00:00+01:00
        today at 7 = 2026-11-25T19:00:00+01:00
        December 24 at noon = 2026-12-24T12:00:00+01:00
        2026-12-24T19:00 = 2026-12-24T19:00:00+01:00
        2026-12-24 19:00 UTC = 2026-12-24T20:00:00+01:00
        2027-07-01 19:00 = 2027-07-01T19:00:00+02:00
        next friday at half past seven in the evening = 2026-11-27T19:30:00+01:00
        7pm = 2026-11-25T19:00:00+01:00
        9:00 = 2026-11-26T09:00:00+01:00
        in 2 hours = 2026-11-25T17:30:00+01:00
        in 2 days at 10:00 = 2026-11-27T10:00:00+01:00
        now = 2026-11-25T15:30:00+01:00
        24.12.2020 19:00 = 2020-12-24T19:00:00+01:00
        """,
    ),
    *rows(
        "de",
        """
        am Freitag um 19 Uhr = 2026-11-27T19:00:00+01:00
        morgen Abend um 8 = 2026-11-26T20:00:00+01:00
        heute Abend um acht = 2026-11-25T20:00:00+01:00
        am 24.12. um 18 Uhr = 2026-12-24T18:00:00+01:00
        24. Dezember 2026, 18:30 = 2026-12-24T18:30:00+01:00
        in zwei Stunden = 2026-11-25T17:30:00+01:00
        """,
    ),
    *rows(
        "es",
        """
        el viernes a las 7 de la tarde = 2026-11-27T19:00:00+01:00
        mañana a las 19:00 = 2026-11-26T19:00:00+01:00
        el 24 de diciembre a las 20:00 = 2026-12-24T20:00:00+01:00
        """,
    ),
]


@pytest.mark.parametrize(("language", "text", "value"), MOMENTS)
def test_moment_is_read_in_the_zone_of_the_member(language: str, text: str, value: str) -> None:
    """A day with a time, the next time of day, or hours ahead; summer has its own offset."""
    assert read(EntityType.DATETIME, text, language).value == value


@pytest.mark.parametrize("text", ["", "friday", "friday evening", "soon"])
def test_day_without_time_is_no_moment(text: str) -> None:
    """A part of the day is no time either."""
    assert fault(EntityType.DATETIME, text) == 'I need a day and a time, such as "Friday at 7 pm".'


def test_moment_in_doubt_is_asked_about() -> None:
    """An hour of twelve, one that has passed, and two."""
    assert fault(EntityType.DATETIME, "tomorrow at 7") == "Is that 07:00 or 19:00?"
    assert fault(EntityType.DATETIME, "today at 7am") == "That has passed already: please give a later time."
    assert fault(EntityType.DATETIME, "friday at 7pm or saturday at 8pm").startswith("That is more than one")


def test_hours_ahead_are_hours_that_pass() -> None:
    """The night in which the clock goes back is longer."""
    night = datetime(2026, 10, 25, 1, 30, tzinfo=ZoneInfo("Europe/Berlin"))
    assert read(EntityType.DATETIME, "in 3 hours", now=night).value == "2026-10-25T03:30:00+01:00"


@pytest.mark.parametrize(
    ("language", "text", "seconds"),
    [
        ("en", "2 hours", 7_200),
        ("en", "about two hours please", 7_200),
        ("en", "an hour", 3_600),
        ("en", "half an hour", 1_800),
        ("en", "an hour and a half", 5_400),
        ("en", "one and a half hours", 5_400),
        ("en", "1.5 hours", 5_400),
        ("en", "90 min", 5_400),
        ("en", "1h30", 5_400),
        ("en", "1h 30m", 5_400),
        ("en", "2hrs", 7_200),
        ("en", "1:30", 5_400),
        ("en", "1 hour, 20 minutes and 5 seconds", 4_805),
        ("en", "a week", 604_800),
        ("en", "3 days", 259_200),
        ("en", "a month", 2_592_000),
        ("de", "2 Stunden", 7_200),
        ("de", "eine halbe Stunde", 1_800),
        ("de", "anderthalb Stunden", 5_400),
        ("de", "1 Stunde und 30 Minuten", 5_400),
        ("de", "zwei Wochen", 1_209_600),
        ("de", "1 Std", 3_600),
        ("es", "una hora y media", 5_400),
        ("es", "hora y media", 5_400),
        ("es", "media hora", 1_800),
        ("es", "2 horas y 30 minutos", 9_000),
        ("fr", "une demi-heure", 1_800),
        ("fr", "2 jours", 172_800),
    ],
)
def test_duration_is_read_in_seconds(language: str, text: str, seconds: int) -> None:
    """A month counts thirty days, a year 365."""
    assert read(EntityType.DURATION, text, language).value == seconds


@pytest.mark.parametrize("text", ["", "45", "until friday", "long", "2 hours or 3 hours"])
def test_what_is_no_single_duration_is_told_examples(text: str) -> None:
    """A number needs its unit."""
    assert fault(EntityType.DURATION, text).endswith('such as "2 hours" or "30 minutes".')


DAYS = st.dates(date(2000, 3, 1), date(2090, 1, 1))


@given(st.sampled_from(["en", "de", "es", "fr", "zh", "xx"]), DAYS, st.integers(0, 48))
def test_written_day_is_read_back(language: str, day: date, distance: int) -> None:
    """ISO in every language; without a year the next one, today among them."""
    assert read(EntityType.DATE, day.isoformat(), language).value == day.isoformat()
    now = datetime(day.year, day.month, day.day, 23, 59, tzinfo=ZoneInfo("America/New_York"))
    ahead = day + timedelta(days=distance)
    assert read(EntityType.DATE, f"{ahead:%d}.{ahead:%m}.", language, now).value == ahead.isoformat()


@given(st.integers(0, 23), st.integers(0, 59), st.sampled_from(["en", "de", "es", "fr", "ja"]))
def test_written_time_is_read_back(hour: int, minute: int, language: str) -> None:
    """As a clock of 24 hours shows it."""
    assert read(EntityType.TIME, f"{hour:02}:{minute:02}", language).value == f"{hour:02}:{minute:02}"
