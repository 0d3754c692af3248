"""What is wrong with a catalog, one finding a fault, each naming file, line, tag and field. Standard library only."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self


class Severity(StrEnum):
    """How bad a finding is: an error keeps the catalog from being used."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Finding:
    """One fault of a catalog.

    Parameters
    ----------
    severity
        Whether the catalog can be used all the same.
    file
        The file as the caller named it.
    message
        What is wrong and how to mend it.
    tag, field
        The intent and its field, where the fault has them. An intent without a tag is named by its place
        (``intents[3]``), a part of a field by its way (``responses[1].choices``), counted from 0.
    line
        Where in the file, counted from 1; None where the fault is in no line.
    """

    severity: Severity
    file: str
    message: str
    tag: str | None = None
    field: str | None = None
    line: int | None = None

    def __str__(self) -> str:
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        if self.tag is not None:
            place += f": {self.tag}"
        if self.field is not None:
            place += f": {self.field}"
        return f"{self.severity}: {place}: {self.message}"

    def to_json(self) -> dict[str, Any]:
        """Return the finding as plain JSON values."""
        return {
            "severity": str(self.severity),
            "file": self.file,
            "line": self.line,
            "tag": self.tag,
            "field": self.field,
            "message": self.message,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Read what `to_json` returned.

        Raises
        ------
        KeyError, TypeError, ValueError
            The value is not what `to_json` returns.
        """
        return cls(**{**value, "severity": Severity(value["severity"])})


def errors_in(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """Return the findings that keep a catalog from being used."""
    return tuple(finding for finding in findings if finding.severity is Severity.ERROR)


class CatalogError(Exception):
    """A catalog that cannot be used.

    Parameters
    ----------
    findings
        Everything found, warnings included; at least one is an error.
    """

    def __init__(self, findings: Sequence[Finding]) -> None:
        self.findings = tuple(findings)
        self.errors = errors_in(findings)
        super().__init__("\n".join(str(finding) for finding in self.errors))
