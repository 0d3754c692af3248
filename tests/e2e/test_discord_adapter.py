"""The Discord adapter against a local Discord: the real library, real sockets."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from functools import partial
from pathlib import Path
from typing import Any

import discord
import pytest

from adapters import discord_interactions, discord_requests
from adapters.base import IncomingMessage, Progress, Reply
from adapters.errors import AdapterError, PlatformUnavailableError, TokenRefusedError
from tests.bots import BotOf, Handler, said
from tests.e2e import discord_mishaps as mishaps
from tests.e2e import discord_payloads as payloads
from tests.e2e import discord_runs
from tests.e2e.discord_runs import COMMANDS, Gate, Run, echo
from tests.e2e.discord_server import DiscordServer

SUPPRESS_EMBEDS = 4
ANY_MESSAGE = r"/channels/\d+/messages"
ANY_TYPING = r"/channels/\d+/typing"
ANY_COMMANDS = r"/applications/.*commands"
ROOM = 51
"""Messages of one person that can wait, and the one being answered."""
FLOOD = ROOM + 5


@pytest.fixture
async def server() -> AsyncIterator[DiscordServer]:
    async with DiscordServer() as server:
        yield server


@pytest.fixture
def make_adapter(server: DiscordServer, tmp_path: Path) -> Any:
    return partial(discord_runs.make_adapter, server, tmp_path / "state")


@pytest.fixture
def running(make_adapter: Any) -> Any:
    def run(handler: Handler = echo, **changes: Any) -> AbstractAsyncContextManager[Run]:
        return discord_runs.running(make_adapter(handler, **changes))

    return run


# Messages.


async def test_direct_message_is_answered(server: DiscordServer, running: Any, ann: payloads.Json) -> None:
    """In a direct conversation every message is for the bot, and the answer quotes it without a ping or a preview."""
    async with running():
        question = await server.say(ann, server.dm(ann), "Hello https://example.org @everyone")
        _, body = await server.next_message(server.dm(ann))
    assert body["content"] == "Ann: Hello https://example.org @everyone"
    assert body["allowed_mentions"] == {"parse": [], "replied_user": False}
    assert body["flags"] & SUPPRESS_EMBEDS
    assert str(body["message_reference"]["message_id"]) == question
    assert body["enforce_nonce"] is True


async def test_flood_is_told_once_that_there_is_no_room(
    server: DiscordServer, running: Any, ann: payloads.Json
) -> None:
    """Whoever writes more than can wait is told so at once: messages once, each command; what waits is answered."""
    gate = Gate()
    async with running(gate):
        await server.say(ann, server.dm(ann), "0")
        await gate.entered.wait()  # or what comes in one go with it would find one place less
        for number in range(1, FLOOD):
            await server.say(ann, server.dm(ann), str(number))
        _, busy = await server.next_message(server.dm(ann))
        assert busy["content"] == said("busy")
        refused = await server.slash(ann, server.dm(ann), "help")
        assert (await refused.next_answer()).content == said("busy", "de")
        gate.opened.set()
        answers = [(await server.next_message(server.dm(ann)))[1]["content"] for _ in range(ROOM)]
    assert answers == [str(number) for number in range(ROOM)]
    own = [one["content"] for one in server.messages.values() if one["author"] is server.bot]
    assert [own.count(said("busy", locale)) for locale in (None, "de")] == [1, 1]


@pytest.mark.parametrize("place", ["general", "thread"])
async def test_mention_in_a_server_is_answered(
    server: DiscordServer, running: Any, ann: payloads.Json, place: str
) -> None:
    """A mention addresses the bot in a channel or a thread, and is no part of the text."""
    async with running():
        await server.say(ann, getattr(server, place), "are you there?", mention_bot=True)
        _, body = await server.next_message(getattr(server, place))
    assert body["content"] == "Ann: are you there?"


async def test_reply_to_the_bot_is_addressed(server: DiscordServer, running: Any, ann: payloads.Json) -> None:
    """A reply to the bot is for it; how one without a mention is taken is a matter of its own."""
    async with running():
        await server.say(ann, server.general, "hi", mention_bot=True)
        answer, _ = await server.next_message(server.general)
        await server.say(ann, server.general, "and now?", reply_to=answer["id"], mentions=[server.bot])
        _, body = await server.next_message(server.general)
    assert body["content"] == "Ann: and now?"


async def test_what_is_not_for_the_bot_is_ignored(server: DiscordServer, running: Any, ann: payloads.Json) -> None:
    """Talk among members, other bots, webhooks, the bot itself, and notices of the system get no answer."""
    async with running():
        own = await server.say(server.bot, server.general, "me", mention_bot=True)
        await server.say(payloads.user("robot", bot=True), server.general, "beep", mention_bot=True)
        await server.say(ann, server.general, "hook", mention_bot=True, webhook_id=payloads.snowflake())
        await server.say(ann, server.general, "made a thread", mention_bot=True, type=payloads.THREAD_CREATED)
        await server.say(ann, server.general, "talk among members")
        await server.say(ann, server.general, "everyone", mention_everyone=True)
        question = await server.say(ann, server.general, "a reply to Ann")
        await server.say(ann, server.general, "unseen", reply_to=question)
        await server.say(ann, server.general, "the only one", mention_bot=True)
        _, body = await server.next_message()
    assert own
    assert body["content"] == "Ann: the only one"
    assert len(server.requests_to("POST", ANY_MESSAGE)) == 1


async def test_long_answer_comes_in_parts(server: DiscordServer, running: Any, ann: payloads.Json) -> None:
    """No part exceeds the limit, code stays code, only the first part quotes the question, none has a preview."""
    code = "\n".join(f"    line_{i} = 'https://example.org/{i}'" for i in range(90))

    async def answer_at_length(_: IncomingMessage, __: Progress) -> Reply:
        return Reply(f"Look:\n```python\n{code}\n```\nThat is all.")

    async with running(answer_at_length):
        await server.say(ann, server.dm(ann), "code please")
        bodies = [(await server.next_message())[1] for _ in range(3)]
    assert all(len(body["content"]) <= 2000 and body["flags"] & SUPPRESS_EMBEDS for body in bodies)
    assert all(body["allowed_mentions"]["parse"] == [] for body in bodies)
    assert all(body["content"].count("```") % 2 == 0 for body in bodies)
    assert ["message_reference" in body for body in bodies] == [True, False, False]
    assert bodies[-1]["content"].endswith("That is all.")


async def test_deleted_question_is_answered(server: DiscordServer, running: Any, ann: payloads.Json) -> None:
    """An answer arrives although what it quotes is gone."""
    gate = Gate()
    async with running(gate):
        question = await server.say(ann, server.dm(ann), "quick")
        await gate.entered.wait()
        server.delete(question)
        gate.opened.set()
        message, _ = await server.next_message()
    assert message["content"] == "quick"


async def test_typing_shows_only_for_a_slow_answer(server: DiscordServer, running: Any, ann: payloads.Json) -> None:
    """An answer at once shows no typing; one that takes longer than a second does."""
    gate = Gate()
    async with running(gate):
        gate.opened.set()
        await server.say(ann, server.dm(ann), "fast")
        await server.next_message()
        assert server.requests_to("POST", ANY_TYPING) == []
        gate.opened.clear()
        await server.say(ann, server.dm(ann), "slow")
        await server.wait_request("POST", ANY_TYPING)
        gate.opened.set()
        message, _ = await server.next_message()
    assert message["content"] == "slow"


async def test_one_persons_messages_are_answered_in_order(
    server: DiscordServer, running: Any, ann: payloads.Json
) -> None:
    """A slow first answer holds up the second of the same person, and nobody else's."""
    gate = Gate()

    async def slow_at_first(message: IncomingMessage, progress: Progress) -> Reply:
        return await gate(message, progress) if message.text == "first" else Reply(message.text)

    ben = payloads.user("ben")
    async with running(slow_at_first):
        await server.say(ann, server.general, "first", mention_bot=True)
        await server.say(ann, server.general, "second", mention_bot=True)
        await server.say(ben, server.general, "third", mention_bot=True)
        contents = [(await server.next_message())[0]["content"]]
        gate.opened.set()
        contents += [(await server.next_message())[0]["content"] for _ in range(2)]
    assert contents == ["third", "first", "second"]


async def test_nothing_is_said_without_a_reply(server: DiscordServer, running: Any, ann: payloads.Json) -> None:
    """A handler that returns None leaves the message unanswered."""

    async def mute_at_first(message: IncomingMessage, _: Progress) -> Reply | None:
        return None if message.text == "one" else Reply(message.text)

    async with running(mute_at_first):
        await server.say(ann, server.dm(ann), "one")
        await server.say(ann, server.dm(ann), "two")
        message, _ = await server.next_message()
    assert message["content"] == "two"


# Slash commands.


@pytest.mark.parametrize(
    ("name", "options", "is_ephemeral", "content"),
    [
        ("help", {}, True, "/help "),
        ("ask", {"question": " why? "}, False, "/ask why?"),
        ("reload", {}, True, "/reload "),
    ],
)
@pytest.mark.parametrize("is_direct", [True, False], ids=["direct", "server"])
async def test_command_is_acknowledged_then_answered(
    server: DiscordServer,
    running: Any,
    ann: payloads.Json,
    name: str,
    options: dict[str, str],
    is_ephemeral: bool,
    content: str,
    is_direct: bool,
) -> None:
    """Before the answer is known it is acknowledged, for all or for the asking person alone."""
    gate = Gate()

    async def gated_echo(message: IncomingMessage, progress: Progress) -> Reply:
        await gate(message, progress)
        return await echo(message, progress)

    async with running(gated_echo):
        interaction = await server.slash(ann, server.dm(ann) if is_direct else server.general, name, **options)
        await interaction.deferred()
        assert interaction.answers == []
        gate.opened.set()
        answer = await interaction.final()
    assert interaction.is_ephemeral is is_ephemeral
    assert (answer.kind, answer.content, answer.is_ephemeral) == ("edit", content, is_ephemeral)
    assert answer.body["allowed_mentions"] == {"parse": []}
    assert answer.body["flags"] == SUPPRESS_EMBEDS


async def test_acknowledgement_is_a_named_task(
    server: DiscordServer, running: Any, ann: payloads.Json, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a listing of tasks it tells which interaction it is for."""
    names = []

    async def note_name(interaction: discord.Interaction, *, is_private: bool) -> bool:
        task = asyncio.current_task()
        assert task is not None
        names.append(task.get_name())
        return await acknowledge(interaction, is_private=is_private)

    acknowledge = discord_interactions._acknowledge
    monkeypatch.setattr(discord_interactions, "_acknowledge", note_name)
    async with running():
        interaction = await server.slash(ann, server.general, "help")
        await interaction.final()
    assert names == [f"acknowledgement of {interaction.payload['id']}"]


async def test_command_becomes_a_message(server: DiscordServer, running: Any, ann: payloads.Json) -> None:
    """The handler learns who used which command where, with its argument and the member's language."""
    seen: list[IncomingMessage] = []

    async def note(message: IncomingMessage, _: Progress) -> Reply:
        seen.append(message)
        return Reply("noted")

    async with running(note):
        interaction = await server.slash(ann, server.thread, "ask", question="why?")
        await interaction.final()
    (message,) = seen
    assert message.key == ("discord", server.thread["id"], ann["id"])
    assert (message.command, message.text, message.message_id) == ("ask", "why?", interaction.payload["id"])
    assert (message.display_name, message.locale) == ("Ann", "de")
    assert (message.is_direct, message.is_addressed) == (False, True)


async def test_long_answer_to_a_command_follows_up(server: DiscordServer, running: Any, ann: payloads.Json) -> None:
    """The first part takes the place of the acknowledgement, the rest follows, as private as the first."""

    async def answer_at_length(_: IncomingMessage, __: Progress) -> Reply:
        return Reply("word " * 700)

    async with running(answer_at_length):
        interaction = await server.slash(ann, server.general, "help")
        answers = [await interaction.next_answer() for _ in range(2)]
    assert [answer.kind for answer in answers] == ["edit", "followup"]
    assert all(answer.is_ephemeral for answer in answers)
    assert answers[1].body["flags"] & SUPPRESS_EMBEDS


async def test_progress_shows_until_the_answer(server: DiscordServer, running: Any, ann: payloads.Json) -> None:
    """Sentences of progress take each other's place, and the answer theirs."""

    async def work(_: IncomingMessage, progress: Progress) -> Reply:
        await progress("half")
        return Reply("done")

    async with running(work):
        interaction = await server.slash(ann, server.general, "reload")
        answers = [await interaction.next_answer() for _ in range(2)]
    assert [(answer.kind, answer.content) for answer in answers] == [("edit", "half"), ("edit", "done")]


async def test_private_reply_to_a_public_command_stays_private(
    server: DiscordServer, running: Any, ann: payloads.Json
) -> None:
    """What was acknowledged for all is taken back, and the answer reaches the asking person alone."""

    async def whisper(_: IncomingMessage, __: Progress) -> Reply:
        return Reply("psst", private=True)

    async with running(whisper):
        interaction = await server.slash(ann, server.general, "ask", question="secret?")
        answers = [await interaction.next_answer() for _ in range(2)]
    assert [(answer.kind, answer.content) for answer in answers] == [("delete", None), ("followup", "psst")]
    assert answers[1].is_ephemeral


async def test_acknowledgement_goes_without_a_reply(server: DiscordServer, running: Any, ann: payloads.Json) -> None:
    """A handler that returns None leaves nobody waiting for an answer."""

    async def say_nothing(_: IncomingMessage, __: Progress) -> None:
        return None

    async with running(say_nothing):
        interaction = await server.slash(ann, server.general, "help")
        answer = await interaction.next_answer()
    assert answer.kind == "delete"


async def test_late_acknowledgement_is_a_line_in_the_log(
    server: DiscordServer, running: Any, ann: payloads.Json, caplog: pytest.LogCaptureFixture
) -> None:
    """An interaction that Discord no longer knows is given up without a warning, and the next one is answered."""
    caplog.set_level(logging.DEBUG, "adapters")
    server.fail_next("POST", r"/interactions/.*", 404, code=10062)
    async with running():
        await server.slash(ann, server.general, "help")
        interaction = await server.slash(ann, server.general, "help")
        await interaction.final()
    (line,) = [record for record in caplog.records if "could not be sent" in record.message]
    assert (line.levelno, line.message) == (
        logging.DEBUG,
        "an answer could not be sent: NotFound 404, error 10062",
    )


# Registering the commands.


async def test_commands_are_registered_once(server: DiscordServer, running: Any) -> None:
    """A second start with the same commands sends nothing; a changed command is sent again."""
    async with running():
        pass
    async with running():
        pass
    assert len(server.requests_to("PUT", ANY_COMMANDS)) == 1
    async with running(bot=BotOf(echo, COMMANDS[:1])):
        pass
    assert [command["name"] for command in server.commands["global"]] == ["help"]


async def test_registered_commands_say_who_may_see_them(server: DiscordServer, running: Any) -> None:
    """A command for admins is kept off the members' menus; all work in servers and direct messages, one anywhere."""
    async with running():
        pass
    registered = {command["name"]: command for command in server.commands["global"]}
    assert registered["reload"]["default_member_permissions"] not in (None, "0")
    assert registered["ask"]["default_member_permissions"] is None
    assert (registered["ask"]["contexts"], registered["ask"]["integration_types"]) == ([0, 1, 2], [0, 1])
    assert (registered["help"]["contexts"], registered["help"]["integration_types"]) == ([0, 1], [0])
    assert [(o["name"], o["required"], o["description"]) for o in registered["ask"]["options"]] == [
        ("question", True, "What to ask.")
    ]


async def test_commands_go_to_the_named_servers_only(server: DiscordServer, running: Any, ann: payloads.Json) -> None:
    """Named servers get the commands and the global set is emptied; without names it is the other way round."""
    async with running():
        pass
    async with running(guild_ids=[int(server.guild_id)]):
        interaction = await server.slash(ann, server.general, "ask", question="here?")
        assert (await interaction.final()).content == "/ask here?"
    assert (len(server.commands["global"]), len(server.commands[server.guild_id])) == (0, 3)
    async with running():
        pass
    assert (len(server.commands["global"]), len(server.commands[server.guild_id])) == (3, 0)


async def test_global_commands_of_earlier_days_go(server: DiscordServer, running: Any) -> None:
    """With named servers the global set is emptied even if nothing is known of how it was filled."""
    server.commands["global"] = [
        payloads.command({"name": "old", "type": 1, "description": "x"}, server.bot["id"], None)
    ]
    async with running(guild_ids=[int(server.guild_id)]):
        pass
    assert server.commands["global"] == []


async def test_strange_server_is_one_warning_until_the_bot_joins(
    server: DiscordServer, running: Any, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    """A server that the bot is not in is named with its variable; once it joins, the commands are there at once."""
    strange = payloads.snowflake()
    async with running(guild_ids=[int(strange)]):
        warnings = [r.message for r in caplog.records if r.levelno >= logging.WARNING and strange in r.message]
        assert len(warnings) == 1
        assert "DISCORD_GUILD_IDS" in warnings[0]
        assert strange not in json.loads((tmp_path / "state" / "discord_commands.json").read_text())["scopes"]
        await server.invite_bot(strange)
        await server.wait_request("PUT", rf"/applications/\d+/guilds/{strange}/commands", 2)
    assert len(server.commands[strange]) == 3


async def test_commands_come_back_with_the_bot(server: DiscordServer, running: Any) -> None:
    """They went when the bot was removed from a named server; whoever adds it again gets them again."""
    async with running(guild_ids=[int(server.guild_id)]):
        await server.remove_bot(server.guild_id)
        await server.invite_bot(server.guild_id)
        await server.wait_request("PUT", rf"/applications/\d+/guilds/{server.guild_id}/commands", 2)
    assert len(server.commands[server.guild_id]) == 3


@pytest.mark.parametrize("is_running", [False, True], ids=["before the start", "during an outage"])
async def test_server_that_removed_and_added_the_bot_while_it_was_away_has_its_commands(
    server: DiscordServer, running: Any, ann: payloads.Json, is_running: bool
) -> None:
    """Discord dropped them with the removal, of which nothing but the date of the bot's membership tells."""
    commands_of_server = rf"/applications/\d+/guilds/{server.guild_id}/commands"
    async with running(guild_ids=[int(server.guild_id)]) as run:
        await server.say(ann, server.general, "the server is there", mention_bot=True)
        await server.next_message()
        server.join(server.guild_id)
        if is_running:
            server.gateway.forget_session()
            await server.drop_gateway()
            await server.wait_request("PUT", commands_of_server, 2)
            await run.connected()
    for _ in range(2):
        async with running(guild_ids=[int(server.guild_id)]):
            await server.wait_request("PUT", commands_of_server, 2)
    assert len(server.commands[server.guild_id]) == 3
    assert len(server.requests_to("PUT", commands_of_server)) == 2


async def test_server_that_the_bot_joins_during_an_outage_gets_its_commands(
    server: DiscordServer, running: Any
) -> None:
    """It was no member at the start, and the new session does not say that it is one only now."""
    strange = payloads.snowflake()
    commands_of_server = rf"/applications/\d+/guilds/{strange}/commands"
    async with running(guild_ids=[int(strange)]):
        server.join(strange)
        server.add_guild(strange)
        server.gateway.forget_session()
        await server.drop_gateway()
        await server.wait_request("PUT", commands_of_server, 2)
    assert len(server.commands[strange]) == 3


@pytest.mark.parametrize(
    ("way", "n_faults", "is_given_up"),
    [("broken off", 2, False), ("garbled", 4, True)],  # of the first the HTTP library gets over one by itself
    ids=["got over", "given up"],
)
async def test_connection_that_breaks_off_while_registering_is_got_over(
    server: DiscordServer,
    running: Any,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    way: mishaps.Way,
    n_faults: int,
    is_given_up: bool,
) -> None:
    """The commands are sent again at once; after several tries it is a line in the log, and the next session tries."""
    monkeypatch.setattr(discord_requests, "PAUSES_S", (0.01, 0.02, 0.03))
    joined = payloads.snowflake()
    commands_of_server = rf"/applications/\d+/guilds/{joined}/commands"
    async with running(guild_ids=[int(joined)]):
        server.expect(*(mishaps.Mishap("PUT", commands_of_server, way) for _ in range(n_faults)))
        await server.invite_bot(joined)
        await server.wait_request("PUT", commands_of_server, 1 + n_faults + (not is_given_up))
        if is_given_up:
            server.add_guild(joined)
            server.gateway.forget_session()
            await server.drop_gateway()
            await server.wait_request("PUT", commands_of_server, 1 + n_faults + 1)
    assert len(server.commands[joined]) == 3
    lines = [r.getMessage() for r in caplog.records if "the slash commands could not be registered" in r.getMessage()]
    assert len(lines) == is_given_up
    assert [r for r in caplog.records if r.exc_info] == []


async def test_unregistered_commands_do_not_keep_the_bot_away(
    server: DiscordServer, running: Any, ann: payloads.Json
) -> None:
    """When Discord refuses the commands the bot still answers messages, and the next start tries again."""
    server.fail_next("PUT", ANY_COMMANDS, 400, code=30034)
    async with running():
        await server.say(ann, server.dm(ann), "hello")
        await server.next_message()
    async with running():
        pass
    assert len(server.commands["global"]) == 3


async def test_damaged_state_file_registers_anew(server: DiscordServer, running: Any, tmp_path: Path) -> None:
    """What is known of the commands may be lost at any time."""
    state_file = tmp_path / "state" / "discord_commands.json"
    async with running():
        pass
    for n_registered, damaged in enumerate(("[1]", '{"application_id": "%s", "scopes": 1}'), 2):
        state_file.write_text(damaged.replace("%s", server.bot["id"]))
        async with running():
            pass
        assert len(server.requests_to("PUT", ANY_COMMANDS)) == n_registered


async def test_garbage_in_the_state_file_is_dropped(server: DiscordServer, running: Any, tmp_path: Path) -> None:
    """What is no server's id, or no fingerprint, is passed over; what is known beside it stays known."""
    state_file = tmp_path / "state" / "discord_commands.json"
    async with running():
        pass
    state = json.loads(state_file.read_text())
    garbage = {"abc": "x", "": "x", "²": "x", "9" * 5_000: "x", server.guild_id: [1]}
    state_file.write_text(json.dumps(state | {"scopes": state["scopes"] | garbage}))
    async with running():
        pass
    assert len(server.requests_to("PUT", ANY_COMMANDS)) == 1


# What goes wrong.


@pytest.mark.parametrize("when", ["at login", "later"])
async def test_refused_token_is_named_but_not_shown(server: DiscordServer, make_adapter: Any, when: str) -> None:
    """A refused token says which variable to mend, without the token."""
    if when == "at login":
        server.refuse_token()
    run = Run(make_adapter())
    if when == "later":
        await run.connected()
        server.refuse_token()
        await server.drop_gateway()
    with pytest.raises(TokenRefusedError) as refused:
        await run.task
    assert "DISCORD_TOKEN" in str(refused.value)
    assert server.token not in str(refused.value)


async def test_unreachable_api_is_unavailable(make_adapter: Any, unused_tcp_port: int) -> None:
    """Nothing listens: another try may help, and the same adapter may make it."""
    adapter = make_adapter(api_url=f"http://127.0.0.1:{unused_tcp_port}/api/v10")
    for _ in range(2):
        with pytest.raises(PlatformUnavailableError, match="Discord cannot be reached"):
            await adapter.run(asyncio.Event())
    assert not adapter.connected.is_set()


async def test_unreachable_gateway_is_unavailable(make_adapter: Any, unused_tcp_port: int) -> None:
    """A gateway that cannot be reached from the beginning is no fault of the program."""
    with pytest.raises(PlatformUnavailableError, match="Discord cannot be reached: the gateway does not answer"):
        await make_adapter(gateway_url=f"ws://127.0.0.1:{unused_tcp_port}/").run(asyncio.Event())


async def test_error_at_login_is_unavailable(server: DiscordServer, make_adapter: Any) -> None:
    """A platform that answers with an error is unavailable, and a later run connects."""
    server.fail_next("GET", "/users/@me", 503)
    adapter = make_adapter()
    with pytest.raises(PlatformUnavailableError, match="503"):
        await adapter.run(asyncio.Event())
    run = Run(adapter)
    await run.connected()
    await run.end()


async def test_long_outage_of_the_gateway_ends_the_run(
    server: DiscordServer, make_adapter: Any, monkeypatch: pytest.MonkeyPatch, unused_tcp_port: int
) -> None:
    """A gateway that stays away makes the adapter give up, so that it is started afresh."""
    monkeypatch.setattr("adapters.discord_connection.OUTAGE_S", 0.05)
    with pytest.raises(PlatformUnavailableError):
        await make_adapter(gateway_url=f"ws://127.0.0.1:{unused_tcp_port}/").run(asyncio.Event())
    assert server.requests_to("GET", "/users/@me")


@pytest.mark.parametrize("is_forgotten", [False, True], ids=["resumed", "identified anew"])
async def test_dropped_gateway_is_resumed(
    server: DiscordServer, running: Any, ann: payloads.Json, is_forgotten: bool
) -> None:
    """After a lost connection the session goes on at the same address, and every message is answered once."""
    async with running() as run:
        await server.say(ann, server.dm(ann), "before")
        await server.next_message()
        await server.drop_gateway()
        if is_forgotten:
            server.gateway.forget_session()
        else:
            await server.say(ann, server.dm(ann), "meanwhile")
        await server.wait_connected()
        await run.connected()
        await server.say(ann, server.dm(ann), "after")
        contents = [(await server.next_message())[0]["content"]]
        if not is_forgotten:
            contents.append((await server.next_message())[0]["content"])
    assert contents == (["Ann: after"] if is_forgotten else ["Ann: meanwhile", "Ann: after"])
    assert (server.gateway.n_identified, server.gateway.n_resumed) == ((2, 0) if is_forgotten else (1, 1))


async def test_repeated_event_is_answered_once(server: DiscordServer, running: Any, ann: payloads.Json) -> None:
    """The same message delivered twice is one message."""
    async with running():
        await server.say(ann, server.dm(ann), "once")
        await server.gateway.repeat_last_event()
        await server.say(ann, server.dm(ann), "then")
        contents = [(await server.next_message())[0]["content"] for _ in range(2)]
    assert contents == ["Ann: once", "Ann: then"]


async def test_rate_limit_is_waited_for(server: DiscordServer, running: Any, ann: payloads.Json) -> None:
    """An answer that Discord postpones arrives, once."""
    server.rate_limit_next("POST", ANY_MESSAGE)
    async with running():
        await server.say(ann, server.dm(ann), "hello")
        await server.next_message()
    assert [request.status for request in server.requests_to("POST", ANY_MESSAGE)] == [429, 200]


async def test_answer_whose_receipt_is_lost_stands_once(
    server: DiscordServer, running: Any, ann: payloads.Json
) -> None:
    """When an error hides that the answer was taken, the library's repetition adds no second one."""
    server.fail_next("POST", ANY_MESSAGE, 502, after_effect=True)
    async with running():
        await server.say(ann, server.dm(ann), "hello")
        await server.next_message()
        await server.wait_request("POST", ANY_MESSAGE, 2)
    assert [message["content"] for message in server.messages.values() if message["author"] == server.bot] == [
        "Ann: hello"
    ]


async def test_forbidden_channel_is_a_line_in_the_log(
    server: DiscordServer, running: Any, ann: payloads.Json, caplog: pytest.LogCaptureFixture
) -> None:
    """Where the bot may not write it says so in the log, without the text, and goes on."""
    server.fail_next("POST", ANY_MESSAGE, 403, code=50013)
    async with running():
        await server.say(ann, server.general, "secret", mention_bot=True)
        await server.say(ann, server.general, "hello", mention_bot=True)
        message, _ = await server.next_message()
    assert message["content"] == "Ann: hello"
    warnings = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert warnings == ["an answer could not be sent: Forbidden 403, error 50013"]


# The life of a run.


async def test_start_tells_how_to_invite_the_bot(
    server: DiscordServer, running: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """The log names the bot and the link that adds it to a server, and never the token."""
    caplog.set_level(logging.DEBUG)
    async with running():
        pass
    (line,) = [r.getMessage() for r in caplog.records if "to invite the bot" in r.getMessage()]
    assert "parley" in line
    assert f"client_id={server.bot['id']}&scope=bot+applications.commands&permissions=274878024704" in line
    ours = [r.getMessage() for r in caplog.records if r.name.startswith("adapters")]
    assert not any(server.token in text for text in ours)


async def test_only_unprivileged_intents_are_asked_for(server: DiscordServer, running: Any) -> None:
    """The bot asks for servers and their messages and direct messages, nothing that needs approval."""
    async with running():
        pass
    assert server.gateway.intents == 1 << 0 | 1 << 9 | 1 << 12


async def test_stop_finishes_the_reply_in_flight(server: DiscordServer, running: Any, ann: payloads.Json) -> None:
    """A stop takes no new message, but sends the answer that is being made."""
    gate = Gate()
    async with running(gate) as run:
        await server.say(ann, server.dm(ann), "in flight")
        await gate.entered.wait()
        run.stopping.set()
        await server.say(ann, server.dm(ann), "too late")
        done, _ = await asyncio.wait({run.task}, timeout=0.2)
        assert not done
        gate.opened.set()
        message, _ = await server.next_message()
        await run.end()
    assert message["content"] == "in flight"
    assert len(server.requests_to("POST", ANY_MESSAGE)) == 1
    assert not run.adapter.connected.is_set()


async def test_stop_before_the_connection_stands(make_adapter: Any) -> None:
    """A stop at the very start leaves nothing behind."""
    run = Run(make_adapter())
    run.stopping.set()
    await run.end()
    await asyncio.wait_for(Run(make_adapter()).end(), 15)


async def test_cancelled_run_disconnects(server: DiscordServer, make_adapter: Any) -> None:
    """A supervisor that cancels the run may start another one."""
    run = Run(make_adapter())
    await run.connected()
    run.task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run.task
    await server.wait_until(lambda: not server.gateway.is_live, "the connection is closed")


async def test_two_runs_at_a_time_are_refused(make_adapter: Any, running: Any) -> None:
    """The library keeps its addresses class-wide, so a second adapter is a mistake in the program."""
    async with running():
        with pytest.raises(RuntimeError, match="another Discord adapter") as refused:
            await make_adapter().run(asyncio.Event())
    assert not isinstance(refused.value, AdapterError)
