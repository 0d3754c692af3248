"""Texts of YAML files that stand for something else where no text is expected."""

import re
from typing import Any

_TYPED = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INTEGER = re.compile(r"[-+]?\d{1,18}|0o[0-7]{1,20}|0x[\da-fA-F]{1,15}")
_FLOAT = re.compile(r"[-+]?(?:\.\d{1,300}|\d{1,300}(?:\.\d{0,300})?)(?:[eE][-+]?\d{1,4})?")


class Written(str):
    """A scalar of YAML without quotes, as it is written."""

    __slots__ = ()

    @property
    def value(self) -> str | int | float | bool:
        """What it stands for by the core schema of YAML 1.2."""
        if self in _TYPED:
            return _TYPED[self]
        if _INTEGER.fullmatch(self):
            return int(self, 0 if self[:1] == "0" and self[1:2] in "ox" else 10)
        if _FLOAT.fullmatch(self):
            return float(self)
        return str(self)


def plain(value: Any) -> Any:  # noqa: ANN401 - whatever a file holds
    """Return the value with what its scalars stand for."""
    if isinstance(value, Written):
        return value.value
    if isinstance(value, dict):
        return {str(name): plain(item) for name, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, list) else value
