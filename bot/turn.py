"""What a turn of a conversation needs of the outside, and what it comes to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol

from adapters.base import IncomingMessage, Reply, ReplyAttachment, ReplyChoice
from bot.context import UserState
from bot.entities import SlotValue
from intents.catalog import Intent, Slot
from model.decision import Decision, Policy

FallbackTone = Literal["helpful", "short", "silent"]
"""What a message that matches nothing gets: all that the catalog has, one sentence, or nothing."""


class Abilities(Protocol):
    """What a turn needs of the outside."""

    async def classify(self, text: str, contexts: Sequence[str], language: str | None) -> Decision:
        """Decide about a text."""

    async def read(self, slot: Slot, text: str, language: str | None, now: datetime) -> SlotValue:
        """Read the value that a text answers a prompt with; raises `InvalidValueError`."""

    async def find(self, intent: Intent, text: str, language: str | None, now: datetime) -> Mapping[str, SlotValue]:
        """Find the values of an intent's slots inside a text."""

    async def act(self, intent: Intent, values: Mapping[str, SlotValue]) -> Mapping[str, str]:
        """Run an intent's action and return its placeholders; raises `ActionError`."""

    def can_hand_off(self, platform: str) -> bool:
        """Whether somebody is set up to take over."""

    async def hand_off(self, message: IncomingMessage, text: str) -> bool:
        """Pass a member on to a person; False if nobody could be reached."""


@dataclass(frozen=True, slots=True)
class Turn:
    """What a turn came to.

    Parameters
    ----------
    reply
        The answer.
    state
        What to remember.
    decision
        Of the classifier, where it was asked.
    intent
        The tag of the intent that was answered or is being filled in.
    slots
        The values that it, and those that it follows, know.
    contexts
        The names of those that were active before it.
    model
        The name of the bundle that decided; the engine tells it.
    policy
        By which it decided; the engine tells it.
    is_silent
        Whether nothing is to be said and remembered: it matches nothing, and the tone for that is silence.
    """

    reply: Reply
    state: UserState
    decision: Decision | None
    intent: str | None
    slots: Mapping[str, SlotValue] = field(default_factory=dict)
    contexts: tuple[str, ...] = ()
    model: str = ""
    policy: Policy = field(default_factory=Policy)
    is_silent: bool = False

    @property
    def is_complete(self) -> bool:
        """Whether an intent was found in the question and answered: nothing was asked back, and nothing offered."""
        found = self.decision.intent if self.decision is not None else None
        is_asking = self.state.form is not None or self.state.handoff_text is not None or bool(self.reply.choices)
        return found is not None and found == self.intent and not is_asking


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer on its way: its text is whole, its choices and attachments are the reply's."""

    text: str
    choices: tuple[ReplyChoice, ...] = ()
    attachments: tuple[ReplyAttachment, ...] = ()

    def then(self, other: "Answer") -> "Answer":
        """Return both, one after the other; the choices are those of the second: it is what was asked last."""
        text = f"{self.text}\n\n{other.text}" if self.text else other.text
        return Answer(text, other.choices, self.attachments + other.attachments)
