"""The names in braces that a response may hold: found when a catalog is checked, filled when it answers."""

import re
from collections.abc import Mapping

PLACEHOLDERS = frozenset({"display_name", "server"})
"""The names that are filled wherever texts may hold placeholders."""

RESULT = "result"
"""What an action returned; ``result.x`` is the value of x where it returned names and values."""

RESERVED = frozenset({*PLACEHOLDERS, RESULT, "member_id"})
"""What no slot may be called."""

_PLACEHOLDER = re.compile(r"(?P<doubled>\{)?\{(?P<name>[^\W\d][^{}\s]*)\}(?(doubled)\})")
"""A name in braces, or in double braces, which print it as it stands. Any other brace is just a brace."""


def placeholder_names(text: str) -> list[str]:
    """Return the names that the text asks to be filled, in their order, known or not."""
    return [match["name"] for match in _PLACEHOLDER.finditer(text) if match["doubled"] is None]


def is_result(name: str) -> bool:
    """Whether an action fills the name."""
    return name == RESULT or (name.startswith(f"{RESULT}.") and name.removeprefix(f"{RESULT}.").isidentifier())


def fill(text: str, values: Mapping[str, str]) -> str:
    """Return the text with its placeholders filled; a name that `values` lacks stays as it stands.

    Values are put in as they are, never read for placeholders of their own, and no attribute of anything is looked up.
    """

    def replacement(match: re.Match[str]) -> str:
        if match["doubled"] is not None:
            return match[0][1:-1]
        return values.get(match["name"], match[0])

    return _PLACEHOLDER.sub(replacement, text)
