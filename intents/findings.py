"""What is wrong with a catalog, one finding a fault, each naming the file, the tag and the field."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


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
        The file as the caller named it, with the line where only the line is known (``starter/a.json:12``).
    message
        What is wrong and how to mend it.
    tag, field
        The intent and its field, where the fault has them. An intent without a tag is named by its place
        (``intents[3]``).
    """

    severity: Severity
    file: str
    message: str
    tag: str | None = None
    field: str | None = None

    def __str__(self) -> str:
        place = self.file
        if self.tag is not None:
            place += f": {self.tag}"
        if self.field is not None:
            place += f": {self.field}"
        return f"{self.severity}: {place}: {self.message}"


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
