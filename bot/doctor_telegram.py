"""What of Telegram keeps a bot from answering: token, webhook, a second reader, privacy mode, inline mode.

It confirms no update, so nothing that was written to the bot is lost.
"""

import time
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from bot.doctor_network import Answer, Probe, UnreachableError, examine_clock
from bot.findings import Finding, fatal, note, ok, warning

API_URL = "https://api.telegram.org/bot"

POLL_S = 5
"""How long is read for: another reader, cut off by that, reads again within this time and so shows itself."""

RECENT_S = 3_600.0
"""A fault of the webhook that is older is history."""

CONFLICT = 409


async def examine_telegram(
    token: str,
    *,
    api_url: str | None,
    webhook_url: str | None,
    has_inline: bool,
    is_running_here: bool,
) -> AsyncIterator[Finding]:
    """Examine everything, as far as the answers let it go.

    Parameters
    ----------
    token, api_url, webhook_url, has_inline
        As the settings have them.
    is_running_here
        Whether the bot is running with these settings: then it is the reader that would be found.
    """
    async with aiohttp.ClientSession(trust_env=True) as session:  # proxies, as the adapter's library does
        probe = Probe(session, (api_url or API_URL) + token)
        try:
            me = await probe.get("/getMe")
            for finding in _examine_me(me, api_url, has_inline=has_inline):
                yield finding
            if me.status != 200:  # noqa: PLR2004 - HTTP's own number
                return
            info = _result((await probe.get("/getWebhookInfo")).body)
            for finding in examine_webhook(info, webhook_url):
                yield finding
            if webhook_url is None and not info.get("url"):
                yield await _examine_readers(probe, is_running_here=is_running_here)
        except UnreachableError as error:
            where = "TELEGRAM_API_URL" if api_url else "api.telegram.org"
            yield fatal("Telegram", f"cannot be reached ({error})", f"See whether this machine reaches {where}.")


def _result(body: Any) -> Mapping[str, Any]:  # noqa: ANN401 - JSON as it came
    result = body.get("result") if isinstance(body, dict) else None
    return result if isinstance(result, dict) else {}


def _examine_me(me: Answer, api_url: str | None, *, has_inline: bool) -> Iterator[Finding]:
    yield from examine_clock(me, "Telegram")
    account = _result(me.body)
    if me.status in {401, 404}:
        else_ = " TELEGRAM_API_URL may be wrong too: it ends with /bot." if api_url else ""
        yield fatal("TELEGRAM_TOKEN", "is refused", f"Copy the bot's token again, whole, from @BotFather.{else_}")
        return
    if me.status != 200 or "id" not in account:  # noqa: PLR2004
        mend = "See whether TELEGRAM_API_URL is right." if api_url else "Try again later."
        yield fatal("Telegram", f"answered with status {me.status}", mend)
        return
    yield ok("TELEGRAM_TOKEN", f"is valid, the bot is @{account.get('username')}")
    if account.get("can_read_all_group_messages"):
        yield ok("privacy mode", "off: in groups the bot can be set to listen")
    else:
        mend = "To have it listen, send /setprivacy to @BotFather, then add the bot to those groups anew."
        yield note("privacy mode", "on: in groups the bot reads only commands and what is addressed to it", mend)
    if has_inline and not account.get("supports_inline_queries"):
        mend = "Send /setinline to @BotFather to switch it on, or set TELEGRAM_INLINE=off."
        yield note("inline mode", "off at Telegram", mend)
    elif not has_inline and account.get("supports_inline_queries"):
        mend = "Set TELEGRAM_INLINE=on, or send /setinline to @BotFather to switch it off."
        yield note("inline mode", "on at Telegram, but TELEGRAM_INLINE is off: nobody gets an answer", mend)
    else:
        yield ok("inline mode", "on" if has_inline else "off")


def examine_webhook(info: Mapping[str, Any], webhook_url: str | None) -> Iterator[Finding]:
    """Hold what Telegram says of the webhook against the settings.

    Parameters
    ----------
    info
        The answer of ``getWebhookInfo``.
    webhook_url
        As it is set; None for long polling.
    """
    current = str(info.get("url") or "")
    host = urlsplit(current).hostname  # the path may be a secret
    n_waiting = int(info.get("pending_update_count") or 0)
    if webhook_url is None and current:
        mend = "The bot takes it away when it starts; if another program set it, give that a bot of its own."
        yield warning("webhook", f"Telegram calls {host}, but TELEGRAM_WEBHOOK_URL is not set", mend)
    elif webhook_url is not None and current != webhook_url:
        where = f"calls another address, at {host}" if current else "calls nobody"
        yield warning("webhook", f"Telegram {where}", "The bot sets its own when it starts; see its log.")
    else:
        kind = f"Telegram calls {host}" if current else "none, the bot asks for messages"
        yield ok("webhook", f"{kind}; {n_waiting} wait to be read")
    failed_at = float(info.get("last_error_date") or 0)
    if current and time.time() - failed_at < RECENT_S:
        fault = str(info.get("last_error_message") or "it does not say why").replace(current, host or "")
        mend = "See the proxy in front of TELEGRAM_WEBHOOK_LISTEN, and its certificate."
        yield warning("webhook", f"Telegram could not reach it within the last hour: {fault}", mend)


async def _examine_readers(probe: Probe, *, is_running_here: bool) -> Finding:
    """Tell whether another program reads the bot's messages."""
    if is_running_here:
        return note("second reader", "not looked for: this bot is running, and its own reading would be cut off")
    # without an offset nothing is confirmed; who reads at the same time gets a conflict, as does who read before
    answer = await probe.get("/getUpdates", limit_s=POLL_S + 10.0, timeout=str(POLL_S), limit="1")
    if answer.status == CONFLICT:
        mend = "Stop the other one, or have @BotFather make a new token."
        return fatal("second reader", "another program reads this bot's messages, so each gets only some", mend)
    if isinstance(answer.body, dict) and answer.body.get("result"):
        return note("second reader", "none seen, but messages are waiting, which hides one")
    return ok("second reader", "none")
