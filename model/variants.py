"""The ways people really type, made from clean messages: what an evaluation measures robustness with.

Standard library only, and used by evaluation alone: nothing here makes training messages. Every variant is a pure
function of a text and a random source, says what the text says, and leaves links, mentions, custom emoji and code as
they are. A text that offers nothing to change (no apostrophe, no word long enough) comes back as it was. Fillers and
abbreviations are those of English chat.
"""

import re
from collections.abc import Callable, Mapping
from random import Random
from types import MappingProxyType
from typing import Final

_NO_KEYED_LETTER = r"\u0700-\u1dff\u2000-\U0010ffff"
"""Beyond Latin, Greek, Cyrillic, Hebrew and Arabic, one letter too many or too few makes another word, not a slip."""

_MARKUP = r"```[\s\S]*?(?:```|\Z)|</?[^<>/\s][^<>\s]*>|</[^<>]*>|(?i:https?://|www\.)\S+|(?<!\w)@\S+"
_LONG_WORD = re.compile(rf"(?:{_MARKUP})|(?P<word>[^\W\d_{_NO_KEYED_LETTER}]{{4,}})")
_SHORT_WORD = re.compile(rf"(?:{_MARKUP})|(?P<word>[^\W\d_{_NO_KEYED_LETTER}]{{2,}})")
_CHARACTER = re.compile(rf"(?:{_MARKUP})|(?P<word>[^\W\d_])")
_APOSTROPHE = re.compile(rf"(?:{_MARKUP})|(?<=\w)(?P<word>['`\u00b4\u02bc\u2019\uff07])(?=\w)")
_GAP = re.compile(rf"(?:{_MARKUP})|(?<=[^\W\d_{_NO_KEYED_LETTER}])(?P<word> )(?=[^\W\d_{_NO_KEYED_LETTER}])")
_FINAL_PUNCTUATION = re.compile(r"[\s.,;:!?\u2026]*\Z")
_QUESTION_WORD = re.compile(r"(?:what|which|who|whose|where|when|why|how)\b", re.IGNORECASE)

_WORDS_PER_SLIP = 8
"""A second slip from this many words on."""

_FIRST_LETTER = 0.08
"""How often a slip falls on a word's first letter: seldom, the eye is still on it."""

_KEYS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
_FILLED_WORDS = 3
"""From this many words on a message is a sentence that takes a phrase before and after; below, a hesitation does."""

_HESITATIONS = ("um", "uh", "well", "so", "err", "umm")
_OPENINGS = (
    "hey um",
    "um so",
    "ok so",
    "sorry but",
    "hey guys",
    "quick one",
    "so basically",
    "sorry to bother you but",
    "right so",
    "hi there, um",
)
_QUESTION_OPENINGS = (
    "hey um can you tell me",
    "can you tell me",
    "does anyone know",
    "sorry but do you know",
    "i was just wondering",
    "quick question,",
    "so like",
    "hey guys, any idea",
)
_CLOSINGS = ("please", "pls", "if you don't mind", "thanks", "or something", "if that's ok", "lol", "thank you")

_EMOJI = (
    "\U0001f600",  # grinning
    "\U0001f602",  # tears of joy
    "\U0001f605",  # sweat
    "\U0001f62d",  # crying
    "\U0001f914",  # thinking
    "\U0001f64f",  # folded hands
    "\U0001f44d",  # thumbs up
    "\U0001f44d\U0001f3fd",  # thumbs up with a skin tone
    "\u2764\ufe0f",  # heart with a variation selector
    "\U0001f440",  # eyes
    "\U0001f525",  # fire
    "\U0001f389",  # party
    "\U0001f937\u200d\u2640\ufe0f",  # shrug, four code points joined
)

_SHORT_FORMS: Final[Mapping[str, tuple[str, ...]]] = {
    "you": ("u",),
    "your": ("ur",),
    "you're": ("ur",),
    "youre": ("ur",),
    "are": ("r",),
    "why": ("y",),
    "and": ("n", "&"),
    "please": ("pls", "plz"),
    "thanks": ("thx", "tnx"),
    "thank you": ("ty",),
    "because": ("cuz", "bc"),
    "people": ("ppl",),
    "message": ("msg",),
    "messages": ("msgs",),
    "before": ("b4",),
    "tomorrow": ("tmrw", "tmr"),
    "tonight": ("tn", "2nite"),
    "really": ("rly",),
    "something": ("smth", "sth"),
    "someone": ("sum1",),
    "anyone": ("any1",),
    "everyone": ("every1",),
    "about": ("abt",),
    "through": ("thru",),
    "though": ("tho",),
    "probably": ("prob", "prolly"),
    "going to": ("gonna",),
    "want to": ("wanna",),
    "got to": ("gotta",),
    "have to": ("hafta",),
    "give me": ("gimme",),
    "let me": ("lemme",),
    "kind of": ("kinda",),
    "right now": ("rn",),
    "i don't know": ("idk",),
    "i dont know": ("idk",),
    "by the way": ("btw",),
    "oh my god": ("omg",),
    "as soon as possible": ("asap",),
    "okay": ("ok", "k"),
    "picture": ("pic",),
    "pictures": ("pics",),
    "minutes": ("mins",),
    "with": ("w/",),
    "without": ("w/o",),
}
_LONG_FORM = re.compile(
    rf"(?:{_MARKUP})|(?<![\w'\u2019])(?P<word>(?ai:"
    + "|".join(sorted(_SHORT_FORMS, key=len, reverse=True)).replace("'", "['\u2019]")
    + r"))(?![\w'\u2019])"
)


def typo(text: str, random: Random) -> str:
    """Return the text with one slip of the keyboard, from eight words on two, in words of four letters or more.

    A letter is swapped with the next, hit on a neighbouring key of a QWERTY keyboard, left out or typed twice.
    """
    places = _places(_LONG_WORD, text)
    n_slips = min(len(places), 1 + (len(text.split()) >= _WORDS_PER_SLIP))
    for start, end in sorted(random.sample(places, n_slips), reverse=True):
        text = text[:start] + _slip(text[start:end], random) + text[end:]
    return text


def filler_words(text: str, random: Random) -> str:
    """Return the text with words around it that say nothing: ``um``, ``can you tell me``, ``please``."""
    stripped = text.strip()
    if not any(char.isalnum() for char in stripped):
        return text
    if len(stripped.split()) < _FILLED_WORDS:
        return f"{random.choice(_HESITATIONS)} {_uncapitalised(stripped)}"
    openings = _QUESTION_OPENINGS if _QUESTION_WORD.match(stripped) else _OPENINGS
    before, after = random.choice(((True, False), (False, True), (True, True)))
    if after:
        end = len(_FINAL_PUNCTUATION.sub("", stripped))
        stripped = f"{stripped[:end]} {random.choice(_CLOSINGS)}{stripped[end:]}"
    return f"{random.choice(openings)} {_uncapitalised(stripped)}" if before else stripped


def no_apostrophes(text: str, _random: Random) -> str:
    """Return the text without the apostrophes inside its words: ``dont``, ``whats``."""
    return _replaced(_APOSTROPHE, text, lambda _: "")


def all_caps(text: str, _random: Random) -> str:
    """Return the text in capitals, but for letters that their capital does not lead back to (Turkish)."""
    return _replaced(_CHARACTER, text, _capital)


def emoji(text: str, random: Random) -> str:
    """Return the text with an emoji, now and then two or three of it, at its end or between two words."""
    added = random.choice(_EMOJI) * random.choice((1, 1, 1, 2, 3))
    gaps = [start for start, _ in _places(_GAP, text)]
    at_end = not gaps or random.random() < 0.7  # noqa: PLR2004 - mostly at the end
    place = len(text) if at_end else random.choice(gaps)
    glue = "" if not text or (at_end and text[-1].isalnum() and random.random() < 0.3) else " "  # noqa: PLR2004 - the space is often left out
    return f"{text[:place]}{glue}{added}{text[place:]}"


def elongation(text: str, random: Random) -> str:
    """Return the text with one word drawn out at its end or at its last vowel: ``heyyyy``, ``pleaseee``, ``heeelp``."""
    places = _places(_SHORT_WORD, text)
    if not places:
        return text
    start, end = random.choice((places[0], places[-1], random.choice(places)))
    vowels = [place for place in range(start, end) if text[place].casefold() in "aeiou"]
    place = random.choice((end - 1, end - 1, vowels[-1])) if vowels else end - 1
    return text[: place + 1] + text[place] * random.randint(2, 4) + text[place + 1 :]


def abbreviations(text: str, random: Random) -> str:
    """Return the text with chat's short forms wherever it has the long ones: ``u``, ``pls``, ``thx``."""
    return _replaced(_LONG_FORM, text, lambda long: random.choice(_SHORT_FORMS[long.lower().replace("\u2019", "'")]))


def missing_space(text: str, random: Random) -> str:
    """Return the text with one space between two words left out: ``howdo i``."""
    places = _places(_GAP, text)
    if not places:
        return text
    start, end = random.choice(places)
    return text[:start] + text[end:]


VARIANTS: Final[Mapping[str, Callable[[str, Random], str]]] = MappingProxyType(
    {
        "typo": typo,
        "missing space": missing_space,
        "filler words": filler_words,
        "abbreviations": abbreviations,
        "elongation": elongation,
        "no apostrophes": no_apostrophes,
        "all caps": all_caps,
        "emoji": emoji,
    }
)
"""Every variant by its name in reports. The last three normalise to what the text itself normalises to."""


def _places(pattern: re.Pattern[str], text: str) -> list[tuple[int, int]]:
    """Return where the pattern's words stand, none of them inside markup."""
    return [match.span("word") for match in pattern.finditer(text) if match["word"]]


def _replaced(pattern: re.Pattern[str], text: str, replacement: Callable[[str], str]) -> str:
    """Return the text with every one of the pattern's words replaced, markup as it was."""
    return pattern.sub(lambda match: replacement(match["word"]) if match["word"] else match[0], text)


def _neighbours(key: str) -> str:
    """Return the letters beside a key: those left and right of it, and those of the rows above and below."""
    for row, keys in enumerate(_KEYS):
        if key in keys:
            column = keys.index(key)
            above = _KEYS[row - 1][column : column + 2] if row else ""
            below = _KEYS[row + 1][max(column - 1, 0) : column + 1] if row + 1 < len(_KEYS) else ""
            return keys[max(column - 1, 0) : column] + keys[column + 1 : column + 2] + above + below
    return ""


def _slip(word: str, random: Random) -> str:
    """Return the word with one slip: swapped letters, a neighbouring key, a letter left out or typed twice."""
    place = 0 if random.random() < _FIRST_LETTER else random.randrange(1, len(word))
    letter, before, after = word[place], word[:place], word[place + 1 :]
    slips = [before + after, before + letter * 2 + after]
    if after and after[0] != letter:
        slips.append(before + after[0] + letter + after[1:])
    if beside := _neighbours(letter.lower()):
        hit = random.choice(beside)
        slips.append(before + (hit.upper() if letter.isupper() else hit) + after)
    return random.choice(slips)


def _uncapitalised(text: str) -> str:
    """Return a sentence as it stands after others: ``What is`` becomes ``what is``; ``I am`` and ``FAQ`` stay."""
    return text[:1].lower() + text[1:] if text[1:2].islower() else text


def _capital(char: str) -> str:
    capital = char.upper()
    return capital if capital.casefold() == char.casefold() else char
