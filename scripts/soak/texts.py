"""Texts of every kind: no exception, no ping, no answer over a limit."""

import asyncio
import random
import re
from collections.abc import Iterator

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from adapters.base import Reply
from adapters.discord_sending import MESSAGE_LIMIT
from adapters.formatting import utf16_length
from adapters.telegram_html import TEXT_LIMIT, Rendered
from bot.words import say
from scripts.soak.rows import Plan, Row
from scripts.soak.world import Discord, Telegram, silently, world

NASTY = (
    *(
        "",
        " ",
        "\n",
        "\t\r\n",
        "\0",
        "\x1b[31m",
        "\u202e",
        "\u2066",
        "\ufeff",
        "\u200b\u200d",
        "\ud800",
        "\udfff\ud800",
    ),
    *("@everyone", "@here", "<@1>", "<@!1>", "<@&1>", "<#1>", "</help:1>", "<t:0:R>", "<id:customize>", "@durov"),
    *(
        "[x](tg://user?id=1)",
        "[x](https://e.org)",
        "<https://e.org>",
        "<a href='tg://user?id=1'>x</a>",
        "&lt;b&gt;",
        "&#60;",
    ),
    *("**", "__", "~~", "||", "`", "```", "```\n", "> ", ">>> ", "# ", "-# ", "- ", "1. ", "\\", "*_*_", "[[[", "](("),
    *("{display_name}", "{", "}", "{{x}}", "{0.__class__}", "%s%n", "${jndi:ldap://x}", "'; DROP TABLE votes;--"),
    *(
        "\U0001f468\u200d\U0001f469\u200d\U0001f467",
        "e\u0301" * 40,
        "\u0627\u0644\u0633\u0644\u0627\u0645",
        "\u0130I\u0131i",
        "\ufdfa",
        "\U000e0041",
    ),
    *(
        "a" * 5_000,
        "\U0001f600" * 3_000,
        "a b " * 2_000,
        "(" * 900,
        "0" * 400,
        "9" * 400 + "-01-01",
        "1e309",
        "-0",
        "NaN",
    ),
    *("tomorrow", "32.13.2026 25:61", "/admin reload", "/forgetme", "hello", "order", "yes", "no", "cancel", "help"),
)
"""What has broken bots: marks, mentions, templates, queries, halves of characters, and what is far too long."""

LONGEST = "all work and no play " * 5_000
BATCH = 500
PING = re.compile(r'href="tg://user')


async def measure(plan: Plan) -> list[Row]:
    """Answer two hundred thousand."""
    n_texts = plan.times(200_000, 600)
    n_exceptions = n_pings = n_over = n_done = 0
    texts = _texts(n_texts)
    async with world(plan) as one:
        platforms = (Discord(), Telegram())
        while batch := [text for _, text in zip(range(BATCH), texts, strict=False)]:
            for text in batch:
                platform = platforms[n_done % 2]
                n_done += 1
                try:
                    message = platform.message(1 + n_done % 3_000, text, text[:32] or "x")
                    reply = None if message is None else await one.handler.answer(message, silently)
                    n_exceptions += reply is not None and reply.text == say(
                        "apology", message.locale if message else None
                    )
                    # an action may say anything: the text itself is an answer too
                    for said in (reply, Reply(text)):
                        if said is not None:
                            pings, over = await _faults(platform, said)
                            # in words of the operator's own, a link to a user is meant as one
                            n_pings += pings if said is reply else 0
                            n_over += over
                except Exception as error:  # noqa: BLE001 - they are what is counted
                    n_exceptions += 1
                    print(f"{type(error).__name__}: {error} at {text[:80]!r}")
            await asyncio.sleep(0)
    return [
        Row(f"{n_done} texts: exceptions", str(n_exceptions), "0", n_exceptions == 0),
        Row("pings", str(n_pings), "0", n_pings == 0),
        Row("answers over a limit", str(n_over), "0", n_over == 0),
    ]


async def _faults(platform: Discord | Telegram, reply: Reply) -> tuple[int, int]:
    """Return how many pings, and how many messages over a limit, an answer would be sent as."""
    pings = over = 0
    for payload in await platform.payloads(reply):
        if isinstance(payload, Rendered):
            pings += bool(PING.search(payload.html))
            over += utf16_length(payload.plain) > TEXT_LIMIT or not payload.plain.strip()
        else:
            pings += payload["allowed_mentions"] != {"parse": []}
            over += len(payload["content"]) > MESSAGE_LIMIT or not payload["content"].strip()
    return pings, over


def _texts(n_texts: int) -> Iterator[str]:
    """Yield nasty texts, mixtures of them, and what hypothesis comes upon; a quarter of all."""
    yield from (*NASTY, LONGEST)[:n_texts]
    left = n_texts - min(n_texts, len(NASTY) + 1)
    found = _found(left // 4)
    yield from found
    draws = random.Random(0)  # noqa: S311 - puts texts together
    for _ in range(left - len(found)):
        parts = draws.choices(NASTY, k=draws.randint(1, 4))
        yield draws.choice(["", " ", "\n"]).join(part[: draws.choice([5, 60, 60, 6_000])] for part in parts)


def _found(n_texts: int) -> list[str]:
    texts: list[str] = []

    @seed(0)
    @settings(
        max_examples=max(1, n_texts),
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.text(st.characters(), max_size=60))
    def collect(text: str) -> None:
        texts.append(text)

    collect()
    return texts[:n_texts]
