"""Formatted text as Telegram reads it: HTML in, the visible text and its entities out, or the refusal."""

import re
from html import unescape
from html.parser import HTMLParser
from typing import Any

Json = dict[str, Any]

KINDS = {
    "b": "bold", "strong": "bold", "i": "italic", "em": "italic", "u": "underline", "ins": "underline",
    "s": "strikethrough", "strike": "strikethrough", "del": "strikethrough", "tg-spoiler": "spoiler",
    "a": "text_link", "code": "code", "pre": "pre", "blockquote": "blockquote",
}  # fmt: skip

NAMED = {"lt", "gt", "amp", "quot"}
"""The only entities by name that Telegram knows; it leaves others as they are."""

LANGUAGE = "language-"


class NotParsedError(Exception):
    """The text is refused."""


def utf16_length(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=False)
        self.text = ""
        self.entities: list[Json] = []
        self._open: list[tuple[str, Json]] = []

    def read(self, html: str) -> None:
        self.feed(html)
        self.close()
        if self._open:
            raise NotParsedError(f'can\'t find end tag corresponding to start tag "{self._open[-1][0]}"')

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in KINDS:
            raise NotParsedError(f'unsupported start tag "{tag}"')
        known = dict(attrs)
        entity: Json = {"type": KINDS[tag], "offset": utf16_length(self.text)}
        if tag == "blockquote" and any(opened == tag for opened, _ in self._open):
            raise NotParsedError("nested blockquotes")
        if tag == "a":
            entity["url"] = known.get("href") or ""
        if tag == "code" and self._open and self._open[-1][0] == "pre":
            self._open[-1][1]["language"] = (known.get("class") or "").removeprefix(LANGUAGE)
        self._open.append((tag, entity))

    def handle_endtag(self, tag: str) -> None:
        if not self._open or self._open[-1][0] != tag:
            raise NotParsedError(f'unexpected end tag "{tag}"')
        _, entity = self._open.pop()
        entity["length"] = utf16_length(self.text) - entity["offset"]
        is_inside_pre = tag == "code" and bool(self._open) and self._open[-1][0] == "pre"
        if entity["length"] and not is_inside_pre:
            self.entities.append(entity)

    def handle_data(self, data: str) -> None:
        self.text += data

    def handle_entityref(self, name: str) -> None:
        self.text += unescape(f"&{name};") if name in NAMED else f"&{name}"

    def handle_charref(self, name: str) -> None:
        self.text += unescape(f"&#{name};")

    def handle_comment(self, _: str) -> None:
        raise NotParsedError("unsupported start tag")

    def handle_decl(self, _: str) -> None:
        raise NotParsedError("unsupported start tag")


def parse_html(html: str) -> tuple[str, list[Json]]:
    """Return the visible text, and what is marked in it, from the outside in.

    Raises
    ------
    NotParsedError
        Telegram would refuse it.
    """
    if len(html.encode("utf-8", "surrogatepass")) > 1 << 15:
        raise NotParsedError("text is too long")
    if re.search(r"<(?![a-zA-Z/])", html):
        raise NotParsedError("unsupported start tag")
    reader = _Reader()
    reader.read(html)
    return reader.text, sorted(reader.entities, key=lambda entity: (entity["offset"], -entity["length"]))


def marked(message: Json) -> list[tuple[str, str]]:
    """Return what is marked in a message: the kind of mark, and the words."""
    units = message["text"].encode("utf-16-le")
    return [
        (entity["type"], units[2 * entity["offset"] : 2 * (entity["offset"] + entity["length"])].decode("utf-16-le"))
        for entity in message.get("entities", [])
    ]
