"""The Markdown of answers as Discord renders it, in the HTML that Telegram takes. Pure functions.

Blocks are read line by line, as Discord does, so that every blank line and every number of a list stays as written.
What stands in them is read by markdown-it-py, which may not read HTML, entities, images and references.
It may import markdown-it-py and this package.
"""

import functools
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from html import escape
from itertools import chain, groupby

from markdown_it import MarkdownIt
from markdown_it.rules_inline import StateInline
from markdown_it.rules_inline.state_inline import Delimiter
from markdown_it.token import Token

from adapters.formatting import FENCE, sendable, split_text, utf16_length

TEXT_LIMIT = 4096
"""UTF-16 units of a message, counted without its tags."""

_SPOILER = "spoiler"

_TAGS = {"em": "i", "strong": "b", "s": "s", _SPOILER: "tg-spoiler"}

_ALLOWED_LINK = re.compile(r"(?:https?|tg|mailto):[^\s\x00-\x1f]+", re.IGNORECASE)

_MARK_OR_ADDRESS = re.compile(r"[\\`*_~|\[\]<]|https?://", re.IGNORECASE)
"""What ends plain text."""

_ADDRESS = re.compile(r"https?://[^\s<>\\`\]]*", re.IGNORECASE)

_AFTER_ADDRESS = "*_~|.,:;!?'\")"
"""What belongs to the sentence, or is a mark, where an address ends with it."""

_PIPES = re.compile(r"\|+")

_QUOTE_TO_THE_END = re.compile(r"^ *>>> +(?=\S)", re.MULTILINE)

_QUOTED = re.compile(r" *>(?!>>)(?: +|$)")

_LINE = re.compile(r"(?P<indent> *)(?:(?P<heading>#{1,3})|(?P<small>-#)|(?P<bullet>[-*](?![-* ]*$))) +(?=\S)")


@dataclass(frozen=True, slots=True)
class Rendered:
    """A text as Telegram shows it.

    Parameters
    ----------
    html
        With every tag closed and everything else escaped; for ``parse_mode=HTML``.
    plain
        The same without marks, for where there is no formatting; the address of a link stands behind its words.
    """

    html: str
    plain: str


def render_parts(markdown: str, limit: int = TEXT_LIMIT) -> list[Rendered]:
    """Return a text as messages: none of them blank, each formatted by itself and within the limit.

    It is split before it is rendered: no part is longer rendered than written.
    """
    return [render(part) for part in split_text(sendable(markdown), limit, utf16_length)]


def render(markdown: str) -> Rendered:
    """Render a text; one of which nothing would be seen but its marks stays as it is."""
    text = sendable(markdown)
    rendered = _joined(_blocks(text))
    return rendered if rendered.plain.strip() else as_written(text)


def as_written(text: str) -> Rendered:
    """Return a text in which nothing is a mark."""
    return Rendered(escape(text, quote=False), text)


def _blocks(text: str, *, is_quoted: bool = False) -> Iterator[Rendered]:
    """Yield code blocks and what stands between them; a quote of all the rest is the last."""
    start = 0
    for fence in chain(FENCE.finditer(text), (None,)):
        prose = text[start : None if fence is None else fence.start()]
        quote = None if is_quoted else _QUOTE_TO_THE_END.search(prose)
        if quote is not None:
            yield _prose(prose[: quote.start()], is_quoted=False)
            yield _tagged("blockquote", _joined(_blocks(text[start + quote.end() :], is_quoted=True)))
            return
        yield _prose(prose, is_quoted=is_quoted)
        if fence is not None:
            yield _code_block(fence)
            start = fence.end()


def _code_block(fence: re.Match[str]) -> Rendered:
    language = fence["language"] or ""
    start = 3 if fence["language"] is None else fence.end("language") - fence.start() + 1
    code = fence[0][start:].removesuffix("```").removesuffix("\n")
    if not code.strip():
        return as_written(fence[0])
    if language:
        return Rendered(f'<pre><code class="language-{language}">{escape(code, quote=False)}</code></pre>', code)
    return _tagged("pre", as_written(code))


def _prose(text: str, *, is_quoted: bool) -> Rendered:
    """Render lines outside code blocks."""
    groups = []
    for is_quote, lines in groupby(text.split("\n"), lambda line: not is_quoted and bool(_QUOTED.match(line))):
        if is_quote:
            source = list(lines)
            quoted = _lines(_QUOTED.sub("", line, count=1) for line in source)
            is_visible = bool(quoted.plain.strip())
            groups.append(_tagged("blockquote", quoted) if is_visible else as_written("\n".join(source)))
        else:
            groups.append(_lines(lines))
    return _joined(groups, between="\n")


def _lines(lines: Iterable[str]) -> Rendered:
    """Render lines outside quotes; marks may reach over several that are neither headings nor items of a list."""
    rendered: list[Rendered] = []
    for is_special, group in groupby(lines, lambda line: bool(_LINE.match(line))):
        alike = list(group)
        rendered += map(_special_line, alike) if is_special else [_inline("\n".join(alike))]
    return _joined(rendered, between="\n")


def _special_line(line: str) -> Rendered:
    match = _LINE.match(line)
    assert match is not None
    words = _inline(line[match.end() :])
    if match["heading"]:
        return _tagged("b", words)
    if match["small"]:
        return _tagged("i", words)
    return _joined([as_written(f"{match['indent']}• "), words])


def _inline(text: str) -> Rendered:
    parser = _parser()
    tokens: list[Token] = []
    parser.inline.parse(text, parser, {}, tokens)
    return _joined(_spans(tokens))


def _spans(tokens: Iterable[Token]) -> Iterator[Rendered]:
    links: list[str] = []
    for token in tokens:
        kind, _, end = token.type.rpartition("_")
        if token.type == "code_inline":
            yield _tagged("code", as_written(token.content))
        elif token.type == "hardbreak":
            yield as_written("\n")
        elif token.type == "link_open":
            links.append(str(token.attrs["href"]))
            yield _link_start(links[-1])
        elif token.type == "link_close":
            yield _link_end(links.pop(), is_shown=token.markup == "autolink")
        elif kind in _TAGS:
            tag = "u" if token.markup == "__" else _TAGS[kind]
            yield Rendered(f"<{tag}>" if end == "open" else f"</{tag}>", "")
        else:
            yield as_written(token.content)


def _link_start(address: str) -> Rendered:
    return Rendered(f'<a href="{escape(address)}">', "") if address else as_written("[")


def _link_end(address: str, *, is_shown: bool) -> Rendered:
    if not address:  # `[words]()`
        return as_written("]()")
    return Rendered("</a>", "" if is_shown else f" ({address})")


def _tagged(tag: str, inner: Rendered) -> Rendered:
    return Rendered(f"<{tag}>{inner.html}</{tag}>", inner.plain)


def _joined(pieces: Iterable[Rendered], between: str = "") -> Rendered:
    known = list(pieces)
    return Rendered(between.join(piece.html for piece in known), between.join(piece.plain for piece in known))


class _AddressesAsWritten(MarkdownIt):
    """Takes few kinds of addresses, and those as they are: encoded, one could outgrow what Telegram reads."""

    def validateLink(self, url: str) -> bool:  # noqa: N802 - the library's name
        return bool(_ALLOWED_LINK.fullmatch(url))

    def normalizeLink(self, url: str) -> str:  # noqa: N802 - the library's name
        return url

    def normalizeLinkText(self, link: str) -> str:  # noqa: N802 - the library's name
        return link


@functools.cache
def _parser() -> MarkdownIt:
    parser = _AddressesAsWritten("zero", {"html": False, "linkify": False})
    parser.enable(["escape", "backticks", "strikethrough", "emphasis", "link", "autolink"])
    parser.inline.ruler.at("text", _take_text)
    parser.inline.ruler.before("strikethrough", _SPOILER, _take_pipes)
    parser.inline.ruler2.after("balance_pairs", _SPOILER, _mark_spoilers)
    return parser


def _take_text(state: StateInline, silent: bool) -> bool:
    """Take plain text up to the next mark, or an address with all that look like marks in it."""
    found = _MARK_OR_ADDRESS.search(state.src, state.pos, state.posMax)
    end = state.posMax if found is None else found.start()
    if end == state.pos:
        address = _ADDRESS.match(state.src, state.pos, state.posMax)
        if address is None:
            return False
        end += len(address[0].rstrip(_AFTER_ADDRESS))
    if not silent:
        state.append_pending(state.src[state.pos : end])
    state.pos = end
    return True


def _take_pipes(state: StateInline, silent: bool) -> bool:
    """Take pipes; two of them open or close a spoiler, whatever stands beside them, as on Discord."""
    pipes = _PIPES.match(state.src, state.pos, state.posMax)
    if silent or pipes is None:
        return False
    state.push("text", "", 0).content = pipes[0]
    if len(pipes[0]) == 2:  # noqa: PLR2004 - the mark
        at = len(state.tokens) - 1
        state.delimiters.append(Delimiter(marker=ord("|"), length=0, token=at, end=-1, open=True, close=True))
    state.pos = pipes.end()
    return True


def _mark_spoilers(state: StateInline) -> None:
    """Make tokens of paired pipes, here and inside links."""
    inner = [meta["delimiters"] for meta in state.tokens_meta if meta and "delimiters" in meta]
    for delimiters in [state.delimiters, *inner]:
        for opening in delimiters:
            if opening.marker == ord("|") and opening.end != -1:
                pair = (opening.token, f"{_SPOILER}_open"), (delimiters[opening.end].token, f"{_SPOILER}_close")
                for at, kind in pair:
                    state.tokens[at].type, state.tokens[at].content = kind, ""
