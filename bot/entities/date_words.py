"""Words around days, times and durations, by language, where dateparser does not know them. Data only."""

from dataclasses import dataclass, fields

NEVER = r"(?!)"
"""Matches nothing."""

OR = "||"
"""Parts patterns that have groups of the same names."""


@dataclass(frozen=True, slots=True)
class DateWords:
    """What a language says around days and times, as regular expressions over lower-case text.

    Parameters
    ----------
    skipped
        Words that may stand in a date and mean nothing.
    blocked
        Phrases that look like a date and are none.
    spoilers
        What, right before a date, makes it another one or none.
    last_before, last_after
        What makes a weekday the last one.
    next_week
        What makes a weekday the next week's.
    day_of_month
        A day alone, its number as the group ``d``.
    after_tomorrow
        Phrases for the day after tomorrow.
    today
        Phrases for today that name a part of it.
    morning, evening, night
        Parts of the day that tell 7:00 from 19:00.
    at
        What stands before a time.
    oclock, clock, weak_clock
        What stands after a whole hour: of twelve, of 24, and of 24 where it could be a duration too.
    noon, midnight, now
        Times that are words.
    half_past, quarter_past, quarter_to, minutes_past, minutes_to, half_to
        The hour as the group ``h``, minutes as ``n``. Those of several languages, as of `day_of_month`, are parted by
        `OR`.
    one, half, one_and_half, and_half, joint, within
        Of durations: articles, halves, what joins their parts, and what makes them a moment from now on.
    """

    skipped: str = NEVER
    blocked: str = NEVER
    spoilers: str = NEVER
    last_before: str = NEVER
    last_after: str = NEVER
    next_week: str = NEVER
    day_of_month: str = NEVER
    after_tomorrow: str = NEVER
    today: str = NEVER
    morning: str = NEVER
    evening: str = NEVER
    night: str = NEVER
    at: str = NEVER
    oclock: str = NEVER
    clock: str = NEVER
    weak_clock: str = NEVER
    noon: str = NEVER
    midnight: str = NEVER
    now: str = NEVER
    half_past: str = NEVER
    quarter_past: str = NEVER
    quarter_to: str = NEVER
    minutes_past: str = NEVER
    minutes_to: str = NEVER
    half_to: str = NEVER
    one: str = NEVER
    half: str = NEVER
    one_and_half: str = NEVER
    and_half: str = NEVER
    joint: str = NEVER
    within: str = NEVER


_H = r"(?P<h>\d{1,2})"
_N = r"(?P<n>\d{1,2})"

_WORDS = {
    "en": DateWords(
        skipped="on|the|this|coming|upcoming|for|of",
        blocked=(
            r"good (?:morning|day|evening|night|afternoon)|(?:i|you|we|he|she|they|it|there) may"
            r"|(?:that|this|which|who|what) may|may (?:i|you|we|he|she|they|it|be)|24/7"
            r"|(?:have a|how was|how is) (?:nice |good |great )?\w+day|one day"
        ),
        spoilers=r"every|each|not|except|(?:weeks?|days?|months?|years?) (?:from|after|before)|day (?:after|before)",
        last_before="last|past",
        next_week="next week",
        day_of_month=r"(?:on )?the (?P<d>\d{1,2})(?:st|nd|rd|th)?||(?P<d>\d{1,2})(?:st|nd|rd|th)",
        today="tonight|this (?:morning|afternoon|evening)",
        morning="in the morning|this morning|morning",
        evening="in the (?:afternoon|evening)|this (?:afternoon|evening)|tonight|afternoon|evening",
        night="at night|night",
        at="at|@",
        oclock="o'? ?clock",
        noon="noon|midday",
        midnight="midnight",
        now="right now|now|immediately",
        half_past=rf"half past {_H}",
        quarter_past=rf"(?:a )?quarter (?:past|after) {_H}",
        quarter_to=rf"(?:a )?quarter (?:to|before) {_H}",
        minutes_past=rf"{_N}(?: minutes?)? past {_H}",
        minutes_to=rf"(?<!from )(?P<n>5|10|20|25|\d{{1,2}} minutes?) to {_H}",
        one="an?",
        half="half an?|a half",
        and_half="and a half",
        joint="and",
        within="in|within",
    ),
    "de": DateWords(
        skipped="am|an|den|dem|der|dem|zum|nächste[nrms]?|kommende[nrms]?|diese[nrms]?|für|bis",
        blocked=(
            "guten (?:morgen|tag|abend)|gute nacht|schönen (?:tag|abend|sonntag|samstag)|(?:jeden|am) morgen"
            "|eines tages|morgens"
        ),
        spoilers=r"jeden?|jede[rs]|nicht|außer|(?:wochen?|tage?n?|monate?n?|jahre?n?) (?:nach|vor)|übernächste[nrms]?",
        last_before="letzte[nrms]?|vergangene[nrms]?|vorige[nrms]?",
        next_week="nächste[nr]? woche",
        day_of_month=r"(?:am|den|der|zum) (?P<d>\d{1,2})\.?||(?P<d>\d{1,2})\.",
        today="heute (?:morgen|früh|nachmittag|abend|nacht)",
        morning="morgens|vormittags?|früh|am (?:morgen|vormittag)|heute (?:morgen|früh)",
        evening="nachmittags?|abends?|am (?:nachmittag|abend)|heute (?:nachmittag|abend)",
        night="nachts|in der nacht|heute nacht",
        at="um|gegen",
        clock="uhr",
        weak_clock="h",
        noon="mittags?",
        midnight="mitternachts?",
        now="jetzt|sofort",
        half_to=rf"halb {_H}",
        quarter_past=rf"viertel nach {_H}",
        quarter_to=rf"(?:viertel vor|dreiviertel) {_H}",
        minutes_past=rf"{_N}(?: minuten?)? nach {_H}",
        minutes_to=rf"(?P<n>5|10|20|25|\d{{1,2}} minuten?) vor {_H}",
        one="eine?[rmn]?",
        half="(?:eine[rnm]? |1 )?halbe[nrms]?",
        one_and_half="anderthalb|eineinhalb",
        and_half="einhalb",
        joint="und",
        within="in",
    ),
    "es": DateWords(
        skipped="el|la|este|esta|próximo|próxima|proximo|para|día|dia|que|viene|de|del",
        blocked=(
            "buen(?:os|as)? (?:días?|dias?|tardes|noches)|(?:por|de|en) la mañana|un día|todos los (?:días|dias)"
            "|cada (?:día|mañana)"
        ),
        spoilers="cada|todos los|no|excepto|salvo|(?:semanas?|días?|dias?|mes|meses|años?) (?:después|antes) del?",
        last_after="pasado",
        next_week="(?:de )?la (?:próxima|proxima) semana|de la semana que viene|la semana que viene",
        day_of_month=r"(?:el(?: día| dia)?|día|dia) (?P<d>\d{1,2})",
        after_tomorrow="pasado mañana",
        today="esta (?:mañana|tarde|noche)",
        morning="(?:de|por) la mañana|esta mañana|de la madrugada",
        evening="(?:de|por|en) la (?:tarde|noche)|esta (?:tarde|noche)",
        at="a las?|sobre las?|desde las?|hasta las?",
        weak_clock="horas|h",
        noon="(?:al )?mediod[íi]a",
        midnight="(?:a )?medianoche",
        now="ahora mismo|ahora",
        half_past=rf"{_H} y media",
        quarter_past=rf"{_H} y cuarto",
        quarter_to=rf"{_H} menos cuarto",
        one="una?",
        half="medi[ao]",
        and_half="y medi[ao]",
        joint="y",
        within="en|dentro de",
    ),
    "fr": DateWords(
        skipped="le|la|ce|cette|prochaine?|pour|de|du",
        blocked="bonne (?:journée|soirée|nuit)|un jour|tous les jours|le matin|du matin",
        spoilers="chaque|tous les|pas|sauf|(?:semaines?|jours?|mois|ans?) (?:après|avant)",
        last_after="derni(?:er|ère)|pass[ée]e?",
        next_week="de la semaine prochaine|la semaine prochaine",
        day_of_month=r"le (?P<d>\d{1,2})(?:er)?",
        today="ce (?:matin|soir)|cet après-midi|cette nuit",
        morning="du matin|ce matin",
        evening="du soir|ce soir|de l'après-midi|cet après-midi",
        at="à|vers",
        weak_clock="heures?|h",
        noon="(?:à )?midi",
        midnight="(?:à )?minuit",
        now="maintenant|tout de suite",
        half_past=rf"{_H} ?h(?:eures?)? et demie?",
        quarter_past=rf"{_H} ?h(?:eures?)? et quart",
        quarter_to=rf"{_H} ?h(?:eures?)? moins le quart",
        one="une?",
        half="(?:une|1) demi",
        and_half="et demie?",
        joint="et",
        within="dans",
    ),
}
_GROUPED = {"day_of_month", "half_past", "quarter_past", "quarter_to", "minutes_past", "minutes_to", "half_to"}


def words_of(languages: tuple[str, ...]) -> DateWords:
    """Return the words of languages together; those that are not known have none."""
    known = [_WORDS[one] for one in languages if one in _WORDS]
    return DateWords(
        **{one.name: _either([getattr(words, one.name) for words in known], one.name) for one in fields(DateWords)}
    )


def _either(patterns: list[str], name: str) -> str:
    return (OR if name in _GROUPED else "|").join(pattern for pattern in patterns if pattern != NEVER) or NEVER
