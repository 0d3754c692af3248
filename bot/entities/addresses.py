"""E-mail addresses, links and members."""

import re
from urllib.parse import urlsplit

from bot.entities.values import Found, InvalidValueError, SlotValue, the_one

_EMAIL = re.compile(r"[^\s<>()\[\],;:\"@]+@[^\s<>()\[\],;:\"@]+")
_LINK = re.compile(
    r"(?:(?P<scheme>https?://)|(?<![\w.@/:-]))(?P<rest>(?:[\w-]{1,63}\.)+[^\W\d_][\w-]{1,62}(?![\w@])(?::\d+)?(?:[/?#][^\s<>\"]*)?"
    r"|(?<=://)[^\s<>\"]+)",
    re.IGNORECASE,
)
_COMMON_ENDINGS = frozenset(
    {
        "com",
        "org",
        "net",
        "io",
        "dev",
        "app",
        "gg",
        "me",
        "tv",
        "info",
        "edu",
        "de",
        "es",
        "fr",
        "uk",
        "eu",
        "it",
        "nl",
        "ch",
    }
)
"""Top-level domains that make a name without scheme a link in a first message, where ``file.txt`` is none."""

_LABEL = re.compile(r"(?!-)[\w-]{1,63}(?<!-)")
_MEMBER = re.compile(
    r"<@!?(?P<id>\d{1,20})>|tg://user\?id=(?P<tg>\d{1,20})|(?:https?://)?(?<![\w.])t\.me/(?P<me>\w{4,32})(?![\w/])"
    r"|(?<![\w.@/])@(?P<name>\w[\w.]{0,30}\w)"
)
_NOBODY = frozenset({"everyone", "here", "all", "channel"})


def find_emails(text: str) -> list[Found]:
    """Return the e-mail addresses of a text, in order."""
    found = []
    for match in _EMAIL.finditer(text):
        written = match[0].rstrip(".!?'*_")
        address = _address(written)
        if address:
            found.append(_found(written, address, match.start()))
    return found


def read_email(text: str) -> SlotValue:
    """Return the one e-mail address of a text.

    Raises
    ------
    InvalidValueError
        There is none or several.
    """
    one = the_one(
        find_emails(text), several="That is more than one address: please give one, such as name@example.org."
    )
    if one is None:
        why = "That e-mail address is not complete" if "@" in text else "I need an e-mail address"
        raise InvalidValueError(f"{why}: please give one such as name@example.org.")
    return one.value


def find_links(text: str, *, bare: bool) -> list[Found]:
    """Return the links of a text, in order.

    Parameters
    ----------
    text
        Any text.
    bare
        Whether every name with a dot is one; else only with a scheme, a path or a common ending.
    """
    found = []
    for match in _LINK.finditer(text):
        written = _trimmed(match[0])
        address = _link(written)
        if address and (bare or match["scheme"] or _is_plainly_link(written)):
            found.append(_found(written, address, match.start()))
    return found


def read_link(text: str) -> SlotValue:
    """Return the one link of a text, with a scheme.

    Raises
    ------
    InvalidValueError
        There is none or several.
    """
    one = the_one(
        find_links(text, bare=True), several="That is more than one link: please give one, such as https://example.org."
    )
    if one is None:
        raise InvalidValueError("I need a link, such as https://example.org.")
    return one.value


def find_members(text: str) -> list[Found]:
    """Return the members that a text mentions, in order: their ids where the platform gives them, else their names."""
    found = []
    for match in _MEMBER.finditer(text):
        value = match["id"] or match["tg"] or match["me"] or match["name"]
        if value.lower() not in _NOBODY:
            found.append(_found(match[0], value, match.start()))
    return found


def read_member(text: str) -> SlotValue:
    """Return the one member that a text mentions.

    Raises
    ------
    InvalidValueError
        There is none or several.
    """
    one = the_one(find_members(text), several="That is more than one member: please mention one, such as @name.")
    if one is None:
        raise InvalidValueError("I need a member: please mention one, such as @name.")
    return one.value


def _address(written: str) -> str:
    """Return an e-mail address in its usual form; empty if it is none."""
    from email_validator import validate_email  # noqa: PLC0415 - loaded with the first address

    try:
        return validate_email(written, check_deliverability=False).normalized
    except ValueError:
        return ""


def _link(written: str) -> str:
    """Return a link with its scheme; empty if it has no such host."""
    try:
        parts = urlsplit(written if "://" in written else f"https://{written}")
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return ""
    labels = host.split(".")
    if "@" in parts.netloc or (port is not None and not port) or not all(map(_LABEL.fullmatch, labels)):
        return ""
    if len(labels) == 1 and host != "localhost":
        return ""
    if labels[-1].isdecimal() and not (len(labels) == 4 and all(_is_byte(label) for label in labels)):  # noqa: PLR2004
        return ""
    return parts._replace(scheme=parts.scheme.lower(), netloc=parts.netloc.lower()).geturl()


def _is_byte(label: str) -> bool:
    return label.isascii() and label.isdecimal() and int(label) < 256  # noqa: PLR2004 - a byte


def _is_plainly_link(written: str) -> bool:
    host, slash, _ = written.partition("/")
    return bool(slash) or host.lower().startswith("www.") or host.rpartition(".")[2].lower() in _COMMON_ENDINGS


def _trimmed(written: str) -> str:
    """Return a link without the punctuation of the sentence around it."""
    while written and (
        written[-1] in ".,;:!?'*_>]}" or (written[-1] == ")" and written.count(")") > written.count("("))
    ):
        written = written[:-1]
    return written


def _found(written: str, value: str, start: int) -> Found:
    return Found(SlotValue(written, value), ((start, start + len(written)),))
