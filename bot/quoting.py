"""Other people's words inside an answer of the bot."""

MAX_QUOTED = 200
"""Characters of a quotation, so that one message cannot fill an answer."""


def quoted(text: str) -> str:
    """Return a text on one line as code, in which no platform finds links, mentions or other markup."""
    line = " ".join(text.replace("`", "'").split())
    return f"`{line if len(line) <= MAX_QUOTED else line[: MAX_QUOTED - 4] + ' ...'}`" if line else "(no text)"
