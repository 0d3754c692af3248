"""A thousand people who write to one bot over both networks at once, before local servers that forget what is done."""

import asyncio
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from tests.e2e import discord_payloads as payloads
from tests.e2e.discord_gateway import Session
from tests.e2e.discord_server import DiscordServer
from tests.e2e.telegram_server import TelegramServer, group, person

Json = dict[str, Any]

KEPT = 2_000
"""Messages that a server remembers: more than may wait for an answer, fewer than one part of a test sends."""

IN_COMPANY = 5
"""One person in so many writes where others read along."""

WITHIN_S = 120.0
"""A conversation that takes longer hangs."""

Inbox = asyncio.Queue[str]


class Kept(OrderedDict[Any, Any]):
    """A mapping that holds what was put in last."""

    def __setitem__(self, key: Any, value: Any) -> None:
        super().__setitem__(key, value)
        while len(self) > KEPT:
            self.popitem(last=False)


class Numbered(deque[Json]):
    """Events in their order, of which only the last stays, but whose numbers go on."""

    def __init__(self) -> None:
        super().__init__(maxlen=1)
        self._n_all = 0

    def append(self, event: Json) -> None:
        self._n_all += 1
        super().append(event)

    def __len__(self) -> int:
        return self._n_all


class Sessions(dict[int, Session]):
    """Sessions of which none is ever resumed, so that what was delivered need not be known."""

    def __setitem__(self, shard_id: int, session: Session) -> None:
        session.events = Numbered()
        super().__setitem__(shard_id, session)


class Delivery:
    """Where a server puts the bot's messages: it passes them on instead of keeping them."""

    def __init__(self, take: Callable[[Any], None]) -> None:
        self._take = take

    def append(self, sent: Any) -> None:
        self._take(sent)


class Member(Protocol):
    """One person in one conversation with the bot."""

    name: str
    inbox: Inbox

    async def say(self, text: str) -> None:
        """Write to the bot; what it answers comes into `inbox`."""


class DiscordMember:
    """Somebody in their direct conversation with the bot, or in the common channel."""

    def __init__(self, server: DiscordServer, number: int) -> None:
        self.name = f"Dora{number}"
        self.account = payloads.user(self.name.lower(), shown_as=self.name)
        self.inbox = Inbox()
        self._server = server
        self._is_direct = number % IN_COMPANY != 0
        self._channel = server.dm(self.account) if self._is_direct else server.general

    async def say(self, text: str) -> None:
        await self._server.say(self.account, self._channel, text, mention_bot=not self._is_direct)


class TelegramMember:
    """Somebody in their private chat with the bot, or in the common group."""

    def __init__(self, server: TelegramServer, number: int) -> None:
        self.name = f"Tom{number}"
        self.account = person(number, self.name)
        self.inbox = Inbox()
        self._server = server
        self._group = None if number % IN_COMPANY else group(-1_000)
        self._address = f"@{server.me['username']} " if self._group else ""

    async def say(self, text: str) -> None:
        message = await self._server.say(self.account, self._group, self._address + text)
        if self._group is None:
            self._server._history.pop((message["chat"]["id"], message["message_id"]), None)  # no answer refers to it


def discord_crowd(server: DiscordServer, n_members: int) -> list[Member]:
    """People before a local Discord, which from now on keeps no more than it needs."""
    server.requests = deque(maxlen=KEPT)
    server._nonces = Kept()
    server.gateway.frames = deque(maxlen=KEPT)
    server.gateway._sessions = Sessions()
    members = [DiscordMember(server, number) for number in range(1, n_members + 1)]
    inboxes = {member.account["id"]: member.inbox for member in members}

    def take(sent: tuple[Json, Json]) -> None:
        message, body = sent
        question = server.messages.pop(str(body["message_reference"]["message_id"]))  # a second answer finds none
        del server.messages[message["id"]]
        assert question["channel_id"] == message["channel_id"]
        inboxes[question["author"]["id"]].put_nowait(message["content"])

    server._unread = Delivery(take)
    return list(members)


def telegram_crowd(server: TelegramServer, n_members: int) -> list[Member]:
    """People before a local Bot API server, which from now on keeps no more than it needs."""
    server.calls = deque(maxlen=KEPT)
    members = [TelegramMember(server, number) for number in range(1, n_members + 1)]
    inboxes = {member.account["id"]: member.inbox for member in members}

    def take(message: Json) -> None:
        asking = message["reply_to_message"]["from"] if "reply_to_message" in message else message["chat"]
        server._history.pop((message["chat"]["id"], message["message_id"]))
        if "reply_to_message" in message:
            server._history.pop((message["chat"]["id"], message["reply_to_message"]["message_id"]))
        inboxes[asking["id"]].put_nowait(message["text"])

    server.messages = Delivery(take)
    return list(members)


async def converse(
    members: Sequence[Member], questions: Sequence[str], expected: Callable[[Member, str], str], *, at_once: int
) -> None:
    """Have everyone ask the questions, in bursts, and hold the answers against what is expected, in their order.

    Parameters
    ----------
    members
        Who asks; so many write at a time as leaves room in the bot's queues.
    questions
        What each of them asks.
    expected
        The answer to a question of a member.
    at_once
        How many questions a member asks without waiting for answers.
    """
    turns = asyncio.Semaphore(200)

    async def ask_all(member: Member) -> None:
        for start in range(0, len(questions), at_once):
            burst = questions[start : start + at_once]
            async with turns:
                for question in burst:
                    await member.say(question)
                answers = [await member.inbox.get() for _ in burst]
            assert answers == [expected(member, question) for question in burst], member.name

    async with asyncio.timeout(WITHIN_S), asyncio.TaskGroup() as group_:
        for member in members:
            group_.create_task(ask_all(member))
    assert all(member.inbox.empty() for member in members), "something was answered twice"
