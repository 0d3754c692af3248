"""What Discord refuses in a message, beyond what its description of the interface says."""

from typing import Any

from tests.e2e.discord_payloads import Json

FILE_BYTES = 10 * 2**20
"""What may be uploaded to a server without boosts, and to direct messages."""

ACTION_ROW, BUTTON, SELECT = 1, 2, 3
LINK, PREMIUM = 5, 6

Files = list[tuple[str, bytes]]
"""Uploaded files: name and content, in the order of their numbers."""


def refusal(body: Json, files: Files) -> tuple[int, Json] | None:
    """Return the status and the error with which Discord refuses a message; None if it takes it."""
    if any(len(data) > FILE_BYTES for _, data in files):
        return 413, {"message": "Request entity too large", "code": 40005}
    faults = [*_component_faults(body.get("components") or []), *_attachment_faults(body, files)]
    if faults:
        return 400, {"message": f"Invalid Form Body: {'; '.join(faults)}", "code": 50035}
    if "content" in body and not (body["content"] or body.get("embeds") or files):
        return 400, {"message": "Cannot send an empty message", "code": 50006}
    return None


def _component_faults(rows: list[Json]) -> list[str]:
    faults = []
    if len(rows) > 5:
        faults.append("more than 5 rows")
    if any(row["type"] != ACTION_ROW or not 1 <= len(row["components"]) <= 5 for row in rows):
        faults.append("a row is no row of 1 to 5 components")
    if any(len(row["components"]) > 1 for row in rows for child in row["components"] if child["type"] == SELECT):
        faults.append("a menu does not stand alone in its row")
    children = [child for row in rows for child in row["components"]]
    faults += [fault for child in children for fault in _child_faults(child)]
    custom_ids = [child.get("custom_id") for child in children]
    if len(set(custom_ids)) < len(custom_ids):
        faults.append("a custom id is there twice")
    return faults


def _child_faults(child: Json) -> list[str]:
    faults = []
    if not 1 <= len(child.get("custom_id") or "") <= 100:
        faults.append("a custom id has not 1 to 100 characters")
    if child["type"] == SELECT:
        return faults + _option_faults(child["options"])
    if child["type"] != BUTTON or child["style"] in {LINK, PREMIUM}:
        faults.append("only menus, and buttons that are pressed, are known here")
    if not 1 <= len(child.get("label") or "") <= 80:
        faults.append("a label has not 1 to 80 characters")
    return faults


def _option_faults(options: list[Json]) -> list[str]:
    faults = []
    if not 1 <= len(options) <= 25:
        faults.append("a menu has not 1 to 25 lines")
    if any(not 1 <= len(option[key]) <= 100 for option in options for key in ("label", "value")):
        faults.append("a line of a menu, or what it stands for, has not 1 to 100 characters")
    if len({option["value"] for option in options}) < len(options):
        faults.append("two lines of a menu stand for the same")
    return faults


def _attachment_faults(body: Json, files: Files) -> list[str]:
    numbers: list[Any] = [int(attachment["id"]) for attachment in body.get("attachments") or []]
    faults = [] if numbers == list(range(len(files))) else ["the attachments are not the files"]
    if len(files) > 10:
        faults.append("more than 10 files")
    if any(not embed["image"]["url"].startswith(("http://", "https://")) for embed in body.get("embeds") or []):
        faults.append("an image has no address")
    return faults
