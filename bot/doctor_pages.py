"""What can be said of the health page and the review page before they are served."""

import asyncio
from collections.abc import AsyncIterator, Iterator

from bot.config import Settings
from bot.findings import Finding, note, ok, warning
from bot.review.callers import is_loopback
from bot.review.rooms import report_at


async def examine_pages(settings: Settings, *, is_running_here: bool) -> AsyncIterator[Finding]:
    """Look at whether the pages can be served, and who can open them.

    Parameters
    ----------
    settings
        Of the process.
    is_running_here
        Whether a bot serves them already.
    """
    if settings.health_address is not None and settings.has_platform:  # the terminal chat serves none
        yield await _examine_address(settings.health_address, is_running_here=is_running_here)
    for finding in examine_review(settings):
        yield finding


async def _examine_address(address: str, *, is_running_here: bool) -> Finding:
    """Take the address for a moment, unless the bot has it."""
    if is_running_here:
        return ok("HEALTH_ADDRESS", f"a bot answers at {address}")
    host, _, port = address.rpartition(":")
    try:
        taken = await asyncio.get_running_loop().create_server(
            asyncio.Protocol, host.strip("[]"), int(port), start_serving=False
        )
    except OSError as error:
        reason = error.strerror or type(error).__name__
        return warning(
            "HEALTH_ADDRESS",
            f"{address} cannot be had ({reason}), so there will be no health page, nor a review page",
            "Stop what has it, or set another address and port.",
        )
    taken.close()
    return ok("HEALTH_ADDRESS", f"{address} is free")


def examine_review(settings: Settings) -> Iterator[Finding]:
    """Look at who can open the review page, and whether its report is there."""
    if not settings.has_review:
        if settings.review_password_hash is not None or settings.review_report is not None:
            mend = "Set REVIEW=on, or unset REVIEW_PASSWORD_HASH and REVIEW_REPORT."
            yield note("REVIEW", "off, though other variables of the review page are set", mend)
        return
    address = settings.health_address or ""
    host = address.rpartition(":")[0].strip("[]")
    if settings.review_password_hash is not None:
        yield ok("REVIEW", "the page asks for the password")
    elif is_loopback(host):
        yield ok("REVIEW", "the page is for this machine alone: every account of it may use it")
    else:
        yield warning(
            "REVIEW",
            f"HEALTH_ADDRESS {address} reaches beyond this machine, where the page answers nobody without a password",
            "Run `python -m bot hash-password` and put its line into .env, or set HEALTH_ADDRESS=127.0.0.1:8080.",
        )
    report = settings.review_report
    if report is not None and report_at(report) is None:
        yield warning(
            "REVIEW_REPORT",
            f"no report at {report}, so the page shows the one beside the model in service, if there is one",
            "Write one with `python -m scripts.evaluate --data F.jsonl --report DIR`, or mend the path.",
        )
