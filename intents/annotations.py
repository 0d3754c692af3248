"""Values marked in patterns: ``I want to join [chess club](group)``. Standard library only."""

import re
from collections.abc import Iterator

_ANNOTATION = re.compile(r"\[(?P<text>[^][]+)\]\((?P<slot>[^\W\d]\w*)\)")


def without_annotations(pattern: str) -> str:
    """Return the pattern as a member would write it."""
    return _ANNOTATION.sub(lambda match: match["text"], pattern)


def annotations_in(pattern: str) -> Iterator[tuple[str, str]]:
    """Yield the slot and the text of every marked value, in their order."""
    for match in _ANNOTATION.finditer(pattern):
        yield match["slot"], match["text"].strip()
