"""Splitting an answer into parts that a platform accepts, and names that are shown letter by letter.

This package and the standard library only.
"""

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Callable, Sequence

from adapters.spans import LONGEST_MARKS, cut_marked, find_spans, masked

_BREAKS = (
    re.compile(r"\n[^\S\n]*\n"),  # between paragraphs
    re.compile(r"\n"),
    re.compile(r"(?:(?<=[.!?…])|(?<=[.!?…][\"')\]”’»]))\s|(?<=[。！？])"),  # noqa: RUF001 - full-width on purpose
    re.compile(r"\s"),
)
"""Where a text may be cut, the best first."""

FENCE = re.compile(r"```(?:(?P<language>[A-Za-z0-9_+#.-]{0,20})\n)?.*?(?:```|\Z)", re.DOTALL)
"""A code block; one that is never closed runs to the end, as the platforms show it."""

_CLOSING = "\n```"

_MARKED_LIMIT = 64
"""Under this limit the marks that close and reopen a code block, or words, would leave no room for what they mark."""

_LONGEST_CLUSTER = 64
"""How far a cut inside a word moves back so as not to tear what is drawn as one character."""

_JOINER = "\u200d"

_MARKS = "`*_~|"

_MARKUP = re.compile(
    r"(?P<address>https?://[^\s\\*~`|\[\]<>]*[^\s\\*~`|\[\]<>_])|[\\*_~`|\[\]<>#]|\A\s*-", re.IGNORECASE
)
"""What Markdown, its masked links and Discord's mentions begin with; an address may hold underscores and keep them."""


def utf16_length(text: str) -> int:
    """Return the length of a text in UTF-16 code units, as Telegram counts it."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def plain_name(name: str) -> str:
    """Return a name that somebody chose, or a line that they wrote, as Markdown that shows it letter by letter.

    An answer may hold it, and a masked link in it would else be the bot's own words. discord.py's `escape_markdown`
    escapes the first of two masked links only, and none behind an address.
    """
    return _MARKUP.sub(_escaped, name)


def _escaped(match: re.Match[str]) -> str:
    if match["address"]:
        return match[0]
    before, sign = match[0][:-1], match[0][-1]
    return f"{before}\\{sign}"


def sendable(text: str) -> str:
    """Return a text with every lone surrogate replaced, which no platform could be sent."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def split_text(text: str, limit: int, length: Callable[[str], int] = len) -> list[str]:
    """Split a text into parts within a limit.

    A part ends between paragraphs if it can, else lines, sentences, words, and only then inside a word. Code blocks
    and what is marked inside a line stay whole; what exceeds the limit is closed at the end of a part and reopened in
    the next, so that each part is formatted by itself. Nothing is lost but whitespace where two parts meet.

    Parameters
    ----------
    text
        What to split.
    limit
        The greatest length of a part, at least 2.
    length
        How the platform counts: at least 1 a character, and more for more characters.

    Returns
    -------
    list of str
        The parts, none of them blank: the text itself if it is within the limit, nothing if it is blank.
    """
    parts = []
    rest = text
    while length(rest) > limit:
        part, rest = _take_part(rest, limit, length)
        parts.append(part)
    parts.append(rest)
    return [part for part in parts if part.strip()]


def _take_part(text: str, limit: int, length: Callable[[str], int]) -> tuple[str, str]:
    """Split what is longer than the limit into its first part and the rest."""
    end = _reach(text, limit, length)
    window = text[: end + 1]  # one more: whitespace there lets a part fill the limit
    fences = list(FENCE.finditer(window)) if limit >= _MARKED_LIMIT else []
    code = [fence.span() for fence in fences]
    spans = find_spans(text, len(window), code) if limit >= _MARKED_LIMIT else []
    inner_end = _reach(text, limit - LONGEST_MARKS, length) if spans else end
    prose = masked(window, code)
    unmarked = masked(prose, [(span.start, span.end) for span in spans if length(text[span.start : span.end]) <= limit])
    cut = _best_break(unmarked, end)
    if not cut or any(span.is_torn_by(cut) for span in spans):
        cut = _best_break(unmarked, inner_end) or _best_break(prose, inner_end)
    if not cut and fences and fences[-1].start() == 0 and fences[-1].end() > end:
        return _split_fence(text, fences[-1], _reach(text, limit - len(_CLOSING), length))
    cut = cut or _break_in_a_word(text, fences, end, inner_end)
    part, rest = cut_marked(text, cut, spans)
    if length(part) > limit or len(rest) >= len(text):
        part, rest = text[:cut], text[cut:]
    return part.rstrip(), rest.lstrip()


def _best_break(window: str, end: int) -> int:
    """Return the last place for a cut, of the best kind there is; 0 if there is none."""
    for pattern in _BREAKS:
        cuts = [match.start() for match in pattern.finditer(window) if match.start() <= end]
        if cuts and cuts[-1] > 0:
            return cuts[-1]
    return 0


def _break_in_a_word(text: str, fences: Sequence[re.Match[str]], end: int, inner_end: int) -> int:
    """Return the last place for a cut where there is no whitespace outside code blocks."""
    if not fences:
        return _before_cluster(text, 0, inner_end)
    last = fences[-1]
    return last.start() if last.end() > end else _before_cluster(text, last.end(), max(last.end(), inner_end))


def _reach(text: str, limit: int, length: Callable[[str], int]) -> int:
    """Return how many of the first characters are within the limit."""
    return bisect_right(range(1, min(len(text), limit) + 1), limit, key=lambda n: length(text[:n]))


def _split_fence(text: str, fence: re.Match[str], end: int) -> tuple[str, str]:
    """Split inside the code block that a text begins with, before `end`: close it, and reopen it in the rest."""
    language = fence["language"]
    start = 3 if language is None else fence.end("language") + 1
    cut = _code_break(text, start, end)
    code, rest = text[start:cut], text[cut:]
    part = text[:start] + code + _CLOSING if code.strip() else ""
    if blank_to_end := re.match(r"\s*(?:```|\Z)", rest):
        return part, rest[blank_to_end.end() :].lstrip()
    return part, f"```{language or ''}\n" + rest.removeprefix("\n")


def _code_break(text: str, start: int, end: int) -> int:
    """Return the last place before `end` where code that begins at `start` can be cut."""
    for mark in ("\n", " "):
        cut = text.rfind(mark, start, end + 1)
        if cut > start and text[start:cut].strip():
            return cut
    return _before_cluster(text, start, end)


def _before_cluster(text: str, start: int, end: int) -> int:
    """Return the last cut after `start` and up to `end` that tears nothing that is drawn as one character."""
    for cut in range(end, max(end - _LONGEST_CLUSTER, start), -1):
        if not _is_joined(text, cut):
            return cut
    return end - 1 if _is_surrogate_pair(text, end) else end


def _is_joined(text: str, cut: int) -> bool:
    """Say whether the characters around a cut belong together."""
    before, after = text[cut - 1], text[cut : cut + 1]
    if not after:
        return False
    if (before == after and before in _MARKS) or _JOINER in (before, after) or "\U0001f3fb" <= after <= "\U0001f3ff":
        return True
    if _is_flag_letter(after):
        return _n_flag_letters(text, cut) % 2 == 1
    return unicodedata.category(after).startswith("M") or _is_surrogate_pair(text, cut)


def _is_surrogate_pair(text: str, cut: int) -> bool:
    return "\ud800" <= text[cut - 1] <= "\udbff" and "\udc00" <= text[cut : cut + 1] <= "\udfff"


def _is_flag_letter(character: str) -> bool:
    """Two of them are drawn as one flag."""
    return "\U0001f1e6" <= character <= "\U0001f1ff"


def _n_flag_letters(text: str, cut: int) -> int:
    """Return how many letters of flags stand right before a cut."""
    start = cut
    while start > 0 and _is_flag_letter(text[start - 1]):
        start -= 1
    return cut - start
