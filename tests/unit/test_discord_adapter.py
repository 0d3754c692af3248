"""The pure parts of the Discord adapter, on the library's own objects."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import AsyncMock

import aiohttp
import discord
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters import discord_servers
from adapters.base import IncomingMessage, ReplyChoice
from adapters.choices import Press
from adapters.discord_adapter import _adapter_error
from adapters.discord_choices import choice_rows, press_to_message, read_press
from adapters.discord_faults import LIBRARY_ERRORS
from adapters.discord_messages import interaction_to_message, to_message
from adapters.discord_registration import Membership
from adapters.discord_rooms import PERMISSIONS
from adapters.discord_shards import Plan, Shards
from adapters.dispatch import ReplyQueues
from adapters.errors import PlatformUnavailableError, TokenRefusedError
from tests.bots import BotOf
from tests.e2e import discord_payloads as payloads
from tests.e2e.discord_payloads import Json

ME = payloads.user("parley", bot=True)
ANN = payloads.user("ann", shown_as="Ann")
GUILD_ID = payloads.snowflake()
GENERAL = payloads.text_channel("general", GUILD_ID)
THREAD = payloads.thread("seedlings", GENERAL)
DIRECT = payloads.dm_channel(ANN)
OWNER = payloads.user("owner")
OWN_ROLE = payloads.role("parley", 0, bot=ME)
TEAM = payloads.role("team", payloads.MEMBERS_MAY)
KEEPERS = payloads.role("keepers", payloads.MANAGE_GUILD)
CHIEFS = payloads.role("chiefs", discord.Permissions(administrator=True).value)
ROLES = [OWN_ROLE, TEAM, KEEPERS, CHIEFS]
FROM_ANN = payloads.message(ANN, GENERAL, "what Ann said")
TO_ANN = {"type": 0, "message_id": FROM_ANN["id"], "channel_id": GENERAL["id"], "guild_id": GUILD_ID}


def attached(content_type: str | None) -> Json:
    kind = {"content_type": content_type} if content_type else {}
    return {**payloads.attachment("thing", b"x"), **kind}


def make_client() -> discord.Client:
    client = discord.Client(intents=discord.Intents.none())
    client._connection.user = discord.ClientUser(state=client._connection, data=payloads.own_user(ME))  # type: ignore[arg-type]
    client._connection._add_guild_from_data(
        payloads.guild(GUILD_ID, [GENERAL], [THREAD], ROLES, owner_id=OWNER["id"])  # type: ignore[arg-type]
    )
    return client


CLIENT = make_client()


def received(
    channel: Json, text: str, author: Json = ANN, roles: Sequence[Json] = (), **fields: Any
) -> IncomingMessage | None:
    """Pass a payload through the library as the gateway does, and on."""
    payload = payloads.message(author, channel, text, **fields)
    if channel is not DIRECT:
        payload["guild_id"] = channel["guild_id"]
        payload["member"] = payloads.member(nick=fields.get("nick"), roles=roles)
    state = CLIENT._connection
    place, _ = state._get_guild_channel(payload)  # type: ignore[arg-type]
    message = discord.Message(state=state, channel=place, data=payload)  # type: ignore[arg-type]
    return to_message(message, discord.Object(ME["id"]))


def used(channel: Json, argument: str, author: Json = ANN) -> IncomingMessage:
    """Pass a used command through the library, and on."""
    registered = payloads.command({"name": "ask", "type": 1}, ME["id"], None)
    payload = payloads.interaction(registered, channel, author, "ask", {"question": argument})
    interaction = discord.Interaction(data=payload, state=CLIENT._connection)  # type: ignore[arg-type]
    return interaction_to_message(interaction, argument, command="ask")


def test_direct_message_keeps_its_text_and_ids() -> None:
    """Everything that the engine needs is there, ids as strings, the time aware."""
    message = received(DIRECT, "  hello\nthere ")
    assert message is not None
    assert message.key == ("discord", DIRECT["id"], ANN["id"])
    assert (message.text, message.display_name, message.locale) == ("hello\nthere", "Ann", None)
    assert (message.is_direct, message.is_addressed, message.command) == (True, True, None)
    assert abs(datetime.now(UTC) - message.received_at) < timedelta(minutes=1)


def test_nickname_is_the_name_in_a_server() -> None:
    """A member is called what the server calls them."""
    message = received(GENERAL, f"<@{ME['id']}> hi", mentions=[ME], nick="Annie")
    assert message is not None
    assert message.display_name == "Annie"


@pytest.mark.parametrize(
    ("name", "escaped"),
    [
        ("Ann-Marie O'Neil (she)", "Ann-Marie O'Neil (she)"),
        ("**Ann**", r"\*\*Ann\*\*"),
        ("[a](http://b) [c](http://d)", r"\[a\](http://b) \[c\](http://d)"),
        ("http://a/[b](http://c)", r"http://a/\[b\](http://c)"),
        ("\\[a](http://b)", r"\\\[a\](http://b)"),
        ("<@123> <t:0>", r"\<@123\> \<t:0\>"),
        ("-# Ann", r"\-\# Ann"),
        ("a_`~|", r"a\_\`\~\|"),
    ],
)
def test_a_name_is_shown_letter_by_letter(name: str, escaped: str) -> None:
    """Markup in a name, masked links above all, must not become the bot's own words."""
    message = received(GENERAL, f"<@{ME['id']}> hi", mentions=[ME], nick=name)
    assert message is not None
    assert message.display_name == escaped
    assert used(DIRECT, "x", payloads.user("mallory", shown_as=name)).display_name == escaped


@pytest.mark.parametrize("channel", [GENERAL, THREAD])
def test_a_server_has_a_name(channel: Json, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is shown letter by letter like a member's name; a direct conversation has none."""
    monkeypatch.setattr(CLIENT.guilds[0], "name", "**Allotment**")
    said = received(channel, f"<@{ME['id']}> hi", mentions=[ME])
    assert said is not None
    assert said.server_name == used(channel, "x").server_name == r"\*\*Allotment\*\*"
    direct = received(DIRECT, "hi")
    assert direct is not None
    assert direct.server_name == used(DIRECT, "x").server_name == ""


def pressed(channel: Json, custom_id: str, **fields: Any) -> discord.Interaction:
    """Pass a pressed button through the library."""
    rows = choice_rows([ReplyChoice("hours", "Opening hours"), ReplyChoice("x", "Other")], ANN["id"])
    message = payloads.message(ME, channel, "Which?", components=payloads.shown_components(rows), **fields)
    button = {"custom_id": custom_id, "type": 2, "id": 3}
    payload = payloads.pressed(button, message, ME["id"], channel, ANN)
    return discord.Interaction(data=payload, state=CLIENT._connection)  # type: ignore[arg-type]


@pytest.mark.parametrize("channel", [GENERAL, THREAD, DIRECT])
def test_a_press_is_read(channel: Json) -> None:
    """It says what its button says, in the conversation of what the same person writes there."""
    interaction = pressed(channel, f"c:{ANN['id']}:hours")
    press = read_press(interaction)
    assert press == Press(ANN["id"], "hours")
    message = press_to_message(interaction, press)
    assert message.key == used(channel, "x").key
    assert (message.text, message.choice_id, message.command) == ("Opening hours", "hours", None)
    assert (message.is_direct, message.is_addressed, message.locale) == (channel is DIRECT, True, "de")


def test_a_button_that_is_not_ours_is_no_press() -> None:
    """Nor is a command; and a button of ours that the message shows no longer has no title."""
    assert read_press(pressed(GENERAL, "other")) is None
    registered = payloads.command({"name": "ask", "type": 1}, ME["id"], None)
    command = payloads.interaction(registered, GENERAL, ANN, "ask", {})
    assert read_press(discord.Interaction(data=command, state=CLIENT._connection)) is None  # type: ignore[arg-type]
    gone = pressed(GENERAL, f"c:{ANN['id']}:gone")
    press = read_press(gone)
    assert press is not None
    assert press_to_message(gone, press).text == ""


async def test_commands_are_registered_for_one_server_after_the_other(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Two servers joined at the same time do not write one file side by side."""
    notes = []

    async def sync(*_: Any, membership: Membership) -> None:
        notes.append(f"{membership.guild_id} begins")
        await asyncio.sleep(0)
        notes.append(f"{membership.guild_id} ends")

    monkeypatch.setattr(discord_servers, "sync_commands", sync)
    servers = discord_servers.Servers(
        CLIENT,
        BotOf(AsyncMock()),
        ReplyQueues(),
        guild_ids=[1, 2],
        state_file=tmp_path / "state.json",
        shards=Shards(Plan(1, (0,)), asyncio.Event()),
    )
    await asyncio.gather(*(servers.register_commands(Membership(one, "", is_new=True)) for one in (1, 2)))
    assert notes == ["1 begins", "1 ends", "2 begins", "2 ends"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<@{me}> hello", "hello"),
        ("<@!{me}>hello", "hello"),
        ("hello <@{me}> there", "hello there"),
        ("hello <@{me}>", "hello"),
        ("<@{me}>", ""),
        ("<@{me}> tell <@{ann}>", "tell <@{ann}>"),
    ],
)
def test_own_mention_is_no_part_of_the_text(text: str, expected: str) -> None:
    """The bot's mention goes wherever it stands, in both spellings; other mentions stay."""
    ids = {"me": ME["id"], "ann": ANN["id"]}
    message = received(GENERAL, text.format(**ids), mentions=[ME])
    assert message is not None
    assert message.text == expected.format(**ids)
    assert (message.is_direct, message.is_addressed) == (False, True)


def test_thread_is_a_conversation_of_its_own() -> None:
    """A thread is not the channel that it hangs from."""
    message = received(THREAD, f"<@{ME['id']}> hi", mentions=[ME])
    assert message is not None
    assert message.conversation_id == THREAD["id"]


def test_channel_that_the_library_does_not_know_is_a_conversation() -> None:
    """A mention in a channel made a moment ago is answered there."""
    unknown = payloads.text_channel("new", GUILD_ID)
    message = received(unknown, f"<@{ME['id']}> hi", mentions=[ME])
    assert message is not None
    assert (message.conversation_id, message.is_direct) == (unknown["id"], False)


def test_reply_to_the_bot_is_addressed_even_without_text() -> None:
    """Discord withholds the text of a reply without a mention."""
    answer = payloads.message(ME, GENERAL, "an answer")
    reference = {"type": 0, "message_id": answer["id"], "channel_id": GENERAL["id"], "guild_id": GUILD_ID}
    message = received(GENERAL, "", type=payloads.REPLY, message_reference=reference, referenced_message=answer)
    assert message is not None
    assert (message.text, message.is_addressed) == ("", True)


@pytest.mark.parametrize(
    "fields",
    [
        {"type": payloads.THREAD_CREATED},
        {"webhook_id": payloads.snowflake()},
        {"author": payloads.user("robot", bot=True)},
        {"author": ME},
    ],
    ids=["notice", "webhook", "bot", "itself"],
)
def test_what_nobody_says_is_none(fields: Json) -> None:
    """What the system and other machines say never counts, not even with a mention."""
    assert received(GENERAL, "hello", mentions=[ME], **fields) is None


@pytest.mark.parametrize(
    ("fields", "is_to_others"),
    [
        ({}, False),
        ({"mention_everyone": True}, False),
        ({"mention_roles": [TEAM["id"]]}, True),
        ({"mentions": [ANN]}, True),
        ({"type": payloads.REPLY, "message_reference": {"type": 0, "channel_id": GENERAL["id"]}}, False),
        ({"type": payloads.REPLY, "message_reference": TO_ANN}, True),
        ({"type": payloads.REPLY, "message_reference": TO_ANN, "referenced_message": FROM_ANN}, True),
        ({"message_reference": {**TO_ANN, "type": 1}}, False),
    ],
    ids=["talk", "everyone", "role", "member", "reply to nothing", "reply to what is gone", "reply", "forwarded"],
)
def test_talk_is_not_addressed(fields: Json, is_to_others: bool) -> None:
    """What does not mention the bot is talk among people; it is told apart what has somebody else in mind."""
    message = received(GENERAL, "hello", **fields)
    assert message is not None
    assert (message.is_addressed, message.is_to_others) == (False, is_to_others)


def test_role_of_the_bot_addresses_it() -> None:
    """Discord makes a role for each bot, and offers it beside the bot itself to whoever types a mention."""
    message = received(GENERAL, f"<@&{OWN_ROLE['id']}> hi", mention_roles=[OWN_ROLE["id"]])
    assert message is not None
    assert (message.text, message.is_addressed, message.is_to_others) == ("hi", True, False)


def test_question_with_others_in_it_is_also_to_them() -> None:
    """A mention of the bot does not hide that somebody else is meant as well; alone with the bot nobody else is."""
    message = received(GENERAL, f"<@{ME['id']}> ask <@{ANN['id']}>", mentions=[ME, ANN])
    assert message is not None
    assert (message.is_addressed, message.is_to_others) == (True, True)
    direct = received(DIRECT, f"ask <@{ANN['id']}>", mentions=[ANN])
    assert direct is not None
    assert not direct.is_to_others


def test_message_knows_its_server_and_what_it_replies_to() -> None:
    """A thread and a post in a forum belong to a channel, and all of it to a server."""
    message = received(THREAD, "hi", type=payloads.REPLY, message_reference=TO_ANN, referenced_message=FROM_ANN)
    assert message is not None
    assert (message.server_id, message.parent_id, message.replied_id) == (GUILD_ID, GENERAL["id"], FROM_ANN["id"])
    plain = received(GENERAL, "hi")
    direct = received(DIRECT, "hi")
    assert plain is not None
    assert direct is not None
    assert (plain.server_id, plain.parent_id, plain.replied_id) == (GUILD_ID, "", None)
    assert (direct.server_id, direct.parent_id, direct.replied_id) == ("", "", None)


@pytest.mark.parametrize(
    ("roles", "can_manage"), [([], False), ([TEAM], False), ([KEEPERS], True), ([TEAM, CHIEFS], True)]
)
def test_roles_say_who_manages_the_server(roles: list[Json], can_manage: bool) -> None:
    """They come with each message; an administrator may do everything."""
    message = received(GENERAL, "hi", roles=roles)
    assert message is not None
    assert (message.role_ids, message.can_manage) == ({role["id"] for role in roles}, can_manage)


def test_who_manages_a_server_is_unknown_without_it() -> None:
    """Of a server that is away nobody's rights are known, so nobody has any; a direct message brings none either."""
    elsewhere = payloads.text_channel("elsewhere", payloads.snowflake())
    message = received(elsewhere, "hi", roles=[CHIEFS])
    direct = received(DIRECT, "hi")
    assert message is not None
    assert direct is not None
    assert (message.is_direct, message.can_manage, message.role_ids) == (False, False, frozenset())
    assert message.server_id == elsewhere["guild_id"]
    assert (direct.can_manage, direct.role_ids) == (False, frozenset())


def test_owner_manages_the_server() -> None:
    """An owner needs no role."""
    message = received(GENERAL, "hi", author=OWNER)
    assert message is not None
    assert message.can_manage


@pytest.mark.parametrize(
    ("fields", "medium"),
    [
        ({}, "text"),
        ({"flags": 1 << 13, "attachments": [attached("audio/ogg")]}, "voice"),
        ({"sticker_items": [{"id": payloads.snowflake(), "name": "wave", "format_type": 1}]}, "sticker"),
        ({"attachments": [attached("image/png"), attached("image/webp")]}, "picture"),
        ({"attachments": [attached("image/png"), attached("text/plain")]}, "file"),
        ({"attachments": [attached(None)]}, "file"),
    ],
)
def test_medium_is_told(fields: Json, medium: str) -> None:
    """What is more than text says so, beside what was written with it."""
    message = received(DIRECT, "look", **fields)
    assert message is not None
    assert (message.medium, message.text) == (medium, "look")


@given(st.text())
def test_any_text_is_taken(text: str) -> None:
    """No text breaks the conversion, and a direct message without mentions only loses outer whitespace."""
    message = received(DIRECT, text)
    assert message is not None
    assert message.text == text.strip()


@pytest.mark.parametrize(("channel", "is_direct"), [(GENERAL, False), (THREAD, False), (DIRECT, True)])
def test_command_stands_in_the_same_conversation_as_talk(channel: Json, is_direct: bool) -> None:
    """A command and a message of one person in one place share their key, and so their context."""
    message = used(channel, " why? ")
    assert message.key == ("discord", channel["id"], ANN["id"])
    assert (message.command, message.text, message.locale) == ("ask", "why?", "de")
    assert (message.is_direct, message.is_addressed) == (is_direct, True)


def test_invitation_asks_for_no_more_than_is_used() -> None:
    """To see channels, to write there and in threads, to quote what is answered, and to add images and files."""
    assert PERMISSIONS.value == 1 << 10 | 1 << 11 | 1 << 38 | 1 << 16 | 1 << 14 | 1 << 15


def http_error(kind: type[discord.HTTPException], status: int) -> discord.HTTPException:
    response: Any = SimpleNamespace(status=status, reason="reason")
    return kind(response, {"code": 7, "message": "secret-token"})


def closed(code: int) -> discord.ConnectionClosed:
    socket: Any = SimpleNamespace(close_code=code)
    return discord.ConnectionClosed(socket, shard_id=None)


@pytest.mark.parametrize("exc", [discord.LoginFailure("x"), closed(4004), http_error(discord.HTTPException, 401)])
def test_refused_token_is_told_from_other_errors(exc: Exception) -> None:
    """Each way in which Discord refuses a token is a refused token."""
    assert isinstance(_adapter_error(exc), TokenRefusedError)


@pytest.mark.parametrize(
    ("exc", "text"),
    [
        (http_error(discord.DiscordServerError, 503), "Discord answered 503 (error 7)"),
        (http_error(discord.Forbidden, 403), "Discord answered 403 (error 7)"),
        (
            closed(4011),
            "Discord refuses this division into shards: raise SHARD_COUNT in every process, or remove it",
        ),
        (closed(4013), "Discord closed the connection with code 4013"),
        (TimeoutError(), "Discord cannot be reached: it has not answered for too long"),
        (ConnectionRefusedError(111, "refused"), "Discord cannot be reached: [Errno 111] refused"),
        (aiohttp.ClientConnectionError("gone"), "Discord cannot be reached: gone"),
    ],
)
def test_every_other_error_of_the_layers_below_may_pass(exc: Exception, text: str) -> None:
    """What the library lets through becomes one class, with a text of ours."""
    assert isinstance(exc, LIBRARY_ERRORS)
    error = _adapter_error(exc)
    assert isinstance(error, PlatformUnavailableError)
    assert str(error) == text
