"""Stand-ins for the bot, for tests of adapters."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from adapters.base import Command, IncomingMessage, Progress, Reply, Sentence

Handler = Callable[[IncomingMessage, Progress], Awaitable[Reply | None]]


def said(sentence: Sentence, locale: str | None = None, **values: str) -> str:
    """How a `BotOf` words a sentence of an adapter's."""
    return " ".join([f"[{sentence} in {locale}]", *values.values()])


@dataclass
class BotOf:
    """A `Bot` whose answers come from a function, and that remembers what it was told.

    Parameters
    ----------
    handler
        Answers.
    commands
        The command table.
    listening
        Whether it answers unasked.
    greeting
        What it says where it was added.
    thanks
        What it says to a vote.
    completions
        What arguments may be.
    """

    handler: Handler
    commands: Sequence[Command] = ()
    listening: Callable[[IncomingMessage], bool] = lambda _: False
    greeting: Reply | None = None
    thanks: str = "Thank you."
    completions: Sequence[str] = ()
    votes: list[tuple[str, str, bool]] = field(default_factory=list)
    sent_ids: dict[str, list[str]] = field(default_factory=dict)
    arrivals: list[tuple[str, str]] = field(default_factory=list)
    departures: list[tuple[str, str]] = field(default_factory=list)
    moves: list[tuple[str, str, str]] = field(default_factory=list)
    events: set[tuple[str, str]] = field(default_factory=set)
    reports: list[tuple[str, str]] = field(default_factory=list)
    underway: list[str] = field(default_factory=list)
    completed: list[tuple[IncomingMessage, str]] = field(default_factory=list)

    def listens(self, message: IncomingMessage) -> bool:
        return self.listening(message)

    async def answer(self, message: IncomingMessage, progress: Progress) -> Reply | None:
        return await self.handler(message, progress)

    async def answer_inline(self, message: IncomingMessage) -> Reply | None:
        async def silently(_: str) -> None: ...

        return await self.handler(message, silently)

    async def complete(self, message: IncomingMessage, argument: str) -> Sequence[str]:
        self.completed.append((message, argument))
        return [one for one in self.completions if message.text in one]

    async def vote(self, message: IncomingMessage, answer_id: str, *, is_up: bool) -> str:
        self.votes.append((message.user_id, answer_id, is_up))
        return self.thanks

    def sent(self, answer_id: str, message_ids: Sequence[str]) -> None:
        self.sent_ids[answer_id] = list(message_ids)

    async def joined(self, platform: str, server_id: str, locale: str | None) -> Reply | None:  # noqa: ARG002
        self.arrivals.append((platform, server_id))
        return self.greeting

    async def left(self, platform: str, server_id: str) -> None:
        self.departures.append((platform, server_id))

    async def moved(self, platform: str, old_id: str, new_id: str) -> None:
        self.moves.append((platform, old_id, new_id))

    async def is_new(self, platform: str, event_id: str) -> bool:
        event = (platform, event_id)
        was_known = event in self.events
        self.events.add(event)
        return not was_known

    async def arrived(self, message: IncomingMessage) -> None:
        self.underway.append(message.message_id)

    async def settled(self, message: IncomingMessage) -> None:
        self.underway.remove(message.message_id)

    def say(self, sentence: Sentence, message: IncomingMessage, **values: str) -> str:
        return said(sentence, message.locale, **values)

    def report(self, platform: str, fault: str) -> None:
        self.reports.append((platform, fault))
