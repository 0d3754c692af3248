"""Stories run through the real engine: own clock, own random source, nothing sent anywhere.

Every story begins with a member who has said nothing before. Functions that intents call are run for real, on copies of
their modules, so that nothing of it counts; endpoints are not asked, so an action with an address fails as it does
without a network.
"""

import asyncio
import random
import time
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import timedelta

import regex

from adapters.base import IncomingMessage, ReplyChoice
from bot.actions import ActionError, ActionRunner
from bot.context import ContextStore
from bot.engine import IntentEngine
from bot.entities import SlotValue
from bot.handoff import Handoff
from bot.inference import Inference
from bot.resting import rest_of
from bot.stories import ANY, FALLBACK, PlacedStory, Story, StoryTurn, as_pattern
from bot.turn import Turn
from intents.catalog import Action
from model.classifier import IntentClassifier
from model.decision import Decision

CONTEXT_TTL_S = 20 * 60.0
"""How long a context lives that does not say so: as in service, unless the operator changed it."""

SEED = 0
"""Draws among responses, anew for every story, so that each can be run alone."""

MATCH_LIMIT_S = 1.0
"""How long a pattern of a story may look for its match."""

CHOOSE = "choose"
"""The field that differs when a choice is not on offer."""

MEMBER = "Ann"
SERVER = "The Commons"


@dataclass(frozen=True, slots=True)
class Difference:
    """What a turn expected and got instead, as people read it."""

    field: str
    expected: str
    got: str


@dataclass(frozen=True, slots=True)
class Failure:
    """A turn that went otherwise than its story says.

    Parameters
    ----------
    number
        Of the turn, from 1 on.
    place
        Its file and line.
    said
        What the member wrote or pressed.
    differences
        At least one.
    answer
        What came back; where the choice was not on offer, what had come before.
    decision
        Of the classifier, where it was asked.
    """

    number: int
    place: str
    said: str
    differences: tuple[Difference, ...]
    answer: str
    decision: Decision | None


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """How a story went: it ends at its first failure, since what follows is another conversation."""

    placed: PlacedStory
    failure: Failure | None

    @property
    def passed(self) -> bool:
        """Whether everything came as expected."""
        return self.failure is None


def rehearse(
    stories: Sequence[PlacedStory],
    classifier: IntentClassifier,
    *,
    action_modules: Sequence[str],
    is_beside_members: bool = False,
) -> tuple[Rehearsed, ...]:
    """Run stories on an event loop of their own; for a thread that has none.

    Parameters
    ----------
    stories
        In the order in which they are played.
    classifier
        Decides.
    action_modules
        The modules whose functions intents may call.
    is_beside_members
        Whether to rest after each turn, for members to be answered.
    """
    return asyncio.run(_rehearse(stories, classifier, action_modules, is_beside_members=is_beside_members))


async def _rehearse(
    stories: Sequence[PlacedStory],
    classifier: IntentClassifier,
    action_modules: Sequence[str],
    *,
    is_beside_members: bool,
) -> tuple[Rehearsed, ...]:
    inference, rehearsed = Inference(classifier), []
    try:
        for placed in stories:
            # functions of its own: what one story did is nothing to the next
            async with aclosing(_OfflineActions(action_modules, is_rehearsal=True)) as actions:
                stage = _Stage(placed.story, inference, actions)
                rehearsed.append(await _play(placed, stage, is_beside_members=is_beside_members))
        return tuple(rehearsed)
    finally:
        inference.close()


async def _play(placed: PlacedStory, stage: "_Stage", *, is_beside_members: bool) -> Rehearsed:
    for number, (turn, line) in enumerate(zip(placed.story.turns, placed.lines, strict=True), start=1):
        started = time.perf_counter()
        found = await stage.play(turn)
        if is_beside_members:
            await asyncio.sleep(rest_of(time.perf_counter() - started))
        if found:
            answer = "" if stage.last is None else stage.last.reply.text
            is_missing = found[0].field == CHOOSE
            decision = None if stage.last is None or is_missing else stage.last.decision
            place = f"{placed.file}:{line}"
            return Rehearsed(placed, Failure(number, place, turn.said, tuple(found), answer, decision))
    return Rehearsed(placed, None)


@dataclass(slots=True)
class _Clock:
    """Seconds of a story."""

    now: float = 0.0

    def __call__(self) -> float:
        return self.now


class _OfflineActions(ActionRunner):
    """Calls functions, and no endpoint."""

    async def run(
        self, action: Action, values: Mapping[str, SlotValue], placeholders: Mapping[str, str]
    ) -> dict[str, str]:
        if action.url is not None:
            raise ActionError("stories ask no endpoint")
        return await super().run(action, values, placeholders)


class _Team(Handoff):
    """People who are always there."""

    def __init__(self, platform: str) -> None:
        super().__init__({platform: "team"})
        self.passed_on: list[str] = []

    def reaches(self, platform: str) -> bool:
        return platform in self._chats

    async def post(self, message: IncomingMessage, text: str) -> bool:
        self.passed_on.append(f"{message.display_name}: {text}")
        return True


class _Stage:
    """One story on its way."""

    def __init__(self, story: Story, inference: Inference, actions: ActionRunner) -> None:
        self.last: Turn | None = None
        self._story = story
        self._clock = _Clock()
        self._n_said = 0
        contexts = ContextStore(capacity=1, ttl_s=CONTEXT_TTL_S, clock=self._clock)
        draws = random.Random(SEED)  # noqa: S311 - chooses among responses, guards nothing
        self._engine = IntentEngine(inference, contexts, actions, _Team(story.platform), draws)

    async def play(self, turn: StoryTurn) -> list[Difference]:
        """Play a turn, and return what is not as expected."""
        if turn.wait is not None:
            self._clock.now += turn.wait_s
            return []
        choice: ReplyChoice | None = None
        if turn.choose is not None:
            offered = () if self.last is None else self.last.reply.choices
            choice = next((one for one in offered if one.title.casefold() == turn.choose.casefold()), None)
            if choice is None:
                return [Difference(CHOOSE, turn.choose, _listed([one.title for one in offered]))]
        self._n_said += 1
        text = choice.title if choice is not None else turn.user or ""
        self.last = await self._engine.turn(self._message(text, None if choice is None else choice.id))
        return differences(turn, self.last)

    def _message(self, text: str, choice_id: str | None) -> IncomingMessage:
        return IncomingMessage(
            platform=self._story.platform,
            conversation_id="story",
            user_id="ann",
            message_id=str(self._n_said),
            text=text,
            display_name=MEMBER,
            is_direct=False,
            is_addressed=True,
            locale=self._story.language,
            received_at=self._story.start + timedelta(seconds=self._clock.now),
            choice_id=choice_id,
            server_name=SERVER,
        )


def differences(turn: StoryTurn, got: Turn) -> list[Difference]:
    """Return what of a turn is not as expected, in the order of its fields."""
    reply, found = got.reply, []
    if turn.intent is not None and turn.intent != (got.intent or FALLBACK):
        found.append(Difference("intent", turn.intent, got.intent or FALLBACK))
    reason = "none" if got.decision is None else got.decision.reason.value
    if turn.reason is not None and turn.reason != reason:
        found.append(Difference("reason", turn.reason.value, reason))
    if not set(turn.context) <= set(got.state.names):
        found.append(Difference("context", _listed(turn.context), _listed(got.state.names)))
    found += _slot_differences(turn, got)
    found += [Difference("text", text, reply.text) for text in turn.text if not _contains(reply.text, text)]
    titles = [choice.title for choice in reply.choices]
    if not {title.casefold() for title in turn.choices} <= {title.casefold() for title in titles}:
        found.append(Difference("choices", _listed(turn.choices), _listed(titles)))
    sources = [attachment.source for attachment in reply.attachments]
    if not all(any(source.endswith(name) for source in sources) for name in turn.attachments):
        found.append(Difference("attachments", _listed(turn.attachments), _listed(sources)))
    return found


def _slot_differences(turn: StoryTurn, got: Turn) -> list[Difference]:
    found = []
    for name, expected in turn.slots.items():
        value = got.slots.get(name)
        if value is None:
            found.append(Difference(f"slot {name}", expected, "nothing"))
        elif expected != ANY and not _is_value(value, expected):
            shown = str(value.value) if str(value.value) == value.text else f"{value.value} ({value.text!r})"
            found.append(Difference(f"slot {name}", expected, shown))
    return found


def _is_value(value: SlotValue, expected: str) -> bool:
    if expected in {str(value.value), value.text}:
        return True
    try:
        return not isinstance(value.value, str) and float(expected) == value.value
    except ValueError:
        return False


def _contains(answer: str, expected: str) -> bool:
    pattern = as_pattern(expected)
    if pattern is None:
        return expected in answer
    try:
        return regex.search(pattern, answer, timeout=MATCH_LIMIT_S, concurrent=True) is not None
    except TimeoutError:
        return False


def _listed(items: Sequence[str]) -> str:
    return ", ".join(items) or "nothing"
