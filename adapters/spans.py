"""What is marked inside the lines of a text: where it begins, where it ends, and how it is closed and opened again.

It reads marks as Discord and `adapters.telegram_html` do, near enough to know where a text is better not cut.
Standard library only.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

LONGEST_MARKS = 16
"""Characters of the marks that are open at once, each of them once at most, and of what opens code."""

LONGEST_LINK = 1_000
"""Characters that are looked at behind the last place for a cut, for the end of a link or of code."""

_TOKEN = re.compile(
    r"\\.|(?P<code>(?P<ticks>`+)(?!`).+?(?<!`)(?P=ticks)(?!`))|(?P<link>\[[^\[\]]+\]\([^()\s]+\))"
    r"|(?P<marks>\*{1,3}|_{1,3}|~~|\|\|)",
    re.DOTALL,
)

_ANYWHERE = "||"
"""The mark that opens and closes whatever stands beside it."""

_CLOSING = {
    "*": re.compile(r"(?<![\s\\*])(?:\*|\*{3})(?![\w*])"),
    "**": re.compile(r"(?<![\s\\*])\*{2,3}(?![\w*])"),
    "_": re.compile(r"(?<![\s\\_])(?:_|_{3})(?!\w)"),
    "__": re.compile(r"(?<![\s\\_])_{2,3}(?!\w)"),
    "~~": re.compile(r"(?<![\s\\])~~(?!\w)"),
    _ANYWHERE: re.compile(r"(?<!\\)\|\|"),
}
"""What ends each mark, in a text that is read no further than for that."""

_MASK = "\0"


@dataclass(frozen=True, slots=True)
class Span:
    """A marked piece of a text.

    Parameters
    ----------
    start, end
        Where it stands, with its marks.
    mark
        What opens and closes it; nothing for a link, which is whole or none.
    """

    start: int
    end: int
    mark: str

    def is_torn_by(self, cut: int) -> bool:
        """Whether a cut leaves something of what is marked on either side."""
        return self.start + len(self.mark) < cut < self.end


def find_spans(text: str, until: int, unmarked: Iterable[tuple[int, int]] = ()) -> list[Span]:
    """Return what is marked in a text, the outer before the inner.

    Parameters
    ----------
    text
        The text.
    until
        No span that begins there or behind it is looked for.
    unmarked
        Pieces, each by its start and end, in which nothing is a mark.
    """
    head = masked(text[: until + LONGEST_LINK], unmarked)
    spans: list[Span] = []
    opened: dict[str, int] = {}
    for token in _TOKEN.finditer(head):
        if token.start() >= until:
            break
        if token["marks"]:
            spans += _read_marks(head, token, opened)
        elif token["code"] or token["link"]:
            spans.append(Span(*token.span(), token["ticks"] or ""))
    for mark, start in opened.items():
        closing = _CLOSING[mark].search(text, until)
        if closing is not None:
            spans.append(Span(start, closing.end(), mark))
    return sorted(spans, key=lambda span: (span.start, -span.end))


def _read_marks(text: str, token: re.Match[str], opened: dict[str, int]) -> list[Span]:
    """Return what some marks close, from the inside out, and note in `opened`, by mark, where they open something."""
    closed = []
    start, end = token.span()
    before, after = text[start - 1 : start], text[end : end + 1]
    is_anywhere = token["marks"] == _ANYWHERE
    if is_anywhere or (before.strip() and not after.isalnum()):
        while (mark := _innermost(token["marks"][0], opened)) and len(mark) <= end - start:
            start += len(mark)
            closed.append(Span(opened[mark], start, mark))
            for inner in [other for other, at in opened.items() if at >= opened[mark]]:
                del opened[inner]
    if start < end and (is_anywhere or (after.strip() and not before.isalnum())):
        for mark in (token["marks"][0] * 2, token["marks"][0]):
            if len(mark) <= end - start and mark in _CLOSING and mark not in opened:
                opened[mark] = start
                start += len(mark)
    return closed


def _innermost(sign: str, opened: dict[str, int]) -> str | None:
    """Return the open mark of a sign that was opened last."""
    return next((mark for mark in reversed(opened) if mark[0] == sign), None)


def masked(text: str, pieces: Iterable[tuple[int, int]]) -> str:
    """Return a text in which some pieces, each by its start and end, are one unbroken run of no marks."""
    for start, end in pieces:
        text = text[:start] + _MASK * (min(end, len(text)) - start) + text[end:]
    return text


def cut_marked(text: str, cut: int, spans: Sequence[Span]) -> tuple[str, str]:
    """Cut a text in two; what is marked across the cut is closed before it and opened again behind it."""
    torn = [span.mark for span in spans if span.is_torn_by(cut)]
    if not torn:
        return text[:cut], text[cut:]
    rest, reopened = text[cut:].lstrip(), ""
    for mark in reversed(torn):
        if mark and not reopened and rest.startswith(mark):  # it ends right here
            rest = rest.removeprefix(mark)
        else:
            reopened = mark + reopened
    return text[:cut].rstrip() + "".join(reversed(torn)), reopened + rest
