"""A stranger tries every command of the admins, and forges buttons."""

import random
import string
from dataclasses import replace

from adapters.base import IncomingMessage
from adapters.choices import from_data, vote_from_data
from bot import choices
from bot.answers import ID_LENGTH
from bot.handler import COMMANDS
from bot.words import say
from scripts.soak.rows import Plan, Row
from scripts.soak.world import Discord, Telegram, World, silently, world

ARGUMENTS = ("", "x", "here", "clear", "greeting hello there", "../../etc/passwd", "cooldown 0")
ALIASES = ("admin", "reload")


async def measure(plan: Plan) -> list[Row]:
    """Try, and count what succeeds."""
    async with world(plan) as one:
        asked = [message for side in (Discord(), Telegram()) if (message := side.message(7, "x", "Eve"))]
        before = one.inference.classifier
        n_commands, n_obeyed = await _commands(one, asked)
        n_buttons, n_taken = await _buttons(one, asked, plan.times(20_000, 500))
        n_obeyed += one.inference.classifier is not before
        n_obeyed += bool(await one.stores.database.fetch("SELECT * FROM server_settings"))
        n_taken += bool(await one.stores.feedback.counts())
    return [
        Row(f"{n_commands} tries of admins' commands by a stranger: obeyed", str(n_obeyed), "0", n_obeyed == 0),
        Row(f"{n_buttons} forged buttons: taken", str(n_taken), "0", n_taken == 0),
    ]


async def _commands(one: World, asked: list[IncomingMessage]) -> tuple[int, int]:
    """Return how many were tried, and how many were not turned away."""
    names = [*ALIASES, *(command.name for command in COMMANDS if command.admin_only)]
    n_tried = n_obeyed = 0
    for message in asked:
        for name in names:
            # in a server where they manage everything but the bot, in private, and as a platform of groups tells it
            for there in (message, replace(message, is_direct=False, server_id="5", can_manage=True)):
                for argument in ARGUMENTS:
                    first, _, rest = name.partition(" ")
                    for command, text in ((name, argument), (first, f"{rest} {argument}".strip())):
                        tried = replace(there, command=command, text=text)
                        reply = await one.handler.answer(tried, silently)
                        n_tried += 1
                        n_obeyed += reply is None or reply.text != say("admins_only", tried.locale)
                        for name_of in ("intent", "version", "value", "key"):
                            n_obeyed += bool(await one.handler.complete(tried, name_of))
    return n_tried, n_obeyed


async def _buttons(one: World, asked: list[IncomingMessage], n_buttons: int) -> tuple[int, int]:
    """Return how many were pressed, and how many did something."""
    draws = random.Random(0)  # noqa: S311 - forges
    guarded = [
        choices.intent_id(intent.tag) for intent in one.inference.classifier.catalog.intents if intent.context_filter
    ]
    n_taken = 0
    for number in range(n_buttons):
        message = asked[number % len(asked)]
        # none that begins as a title does: it only says what anybody may say
        forged = "F" + "".join(draws.choices(string.ascii_letters + string.digits, k=ID_LENGTH - 1))
        choice = draws.choice([*guarded, forged, choices.YES, choices.NO, f"v-{forged}", f"i-{forged}"])
        reply = await one.handler.answer(replace(message, choice_id=choice, user_id=f"eve{number}"), silently)
        given = None if reply is None or reply.answer_id is None else one.stores.answers.get(reply.answer_id)
        n_taken += given is not None and given.intent is not None
        thanks = await one.handler.vote(message, forged, is_up=bool(number % 2))
        n_taken += thanks != say("vote_closed", message.locale)
        data = "".join(draws.choices("cv:+-\n 19aZ\0", k=draws.randint(0, 20)))
        if (press := from_data(data)) is not None:
            n_taken += press.owner_id == "" or press.choice_id == ""
        if (vote := vote_from_data(data)) is not None:
            n_taken += not vote.answer_id.isalnum()
    return n_buttons, n_taken
