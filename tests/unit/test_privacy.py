"""What is kept of a person, and that nothing of it is left once they want to be forgotten."""

from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from adapters.base import Reply
from bot.assembly import SCHEMA, Stores
from bot.config import Settings
from bot.cooldown import BURST
from bot.database import DATABASE_FILE, Database
from bot.feedback import KEPT_DAYS
from bot.handler import MessageHandler
from bot.inference import Inference
from bot.privacy import Keeping, confirm, describe
from bot.server_settings import ServerSettings
from bot.words import WORDS
from intents.catalog import Action, Fallback, Intent, IntentCatalog
from tests.unit.fakes import CATALOG, FakeClassifier, Sentences, handler_of, said, saying, stores_of
from tests.unit.redis_runs import joined

USER, SECRET = "8675309001", "purple submarine"
OTHER, OTHERS_SECRET = "4242424242", "yellow balloon"
SETTINGS = Settings(inbox="text", discord_handoff_channel="77")


@pytest.fixture(params=["alone", "redis"])
async def stores(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Stores]:
    """Of a process by itself, and of one that shares them."""
    database = await Database.open(tmp_path / DATABASE_FILE, SCHEMA)
    if request.param == "alone":
        yield await stores_of(database, SETTINGS)
    else:
        async with joined(request.getfixturevalue("redis").url) as shared:
            yield await Stores.open(SETTINGS, database, shared=shared)
    await database.close()


@pytest.fixture
def redis_dump(stores: Stores, request: pytest.FixtureRequest) -> Callable[[], bytes]:
    """Returns all that Redis holds, keys and values; nothing where there is none."""
    return request.getfixturevalue("redis").dump if stores.elsewhere else bytes


@pytest.fixture
def classifier() -> FakeClassifier:
    return FakeClassifier(CATALOG)


@pytest.fixture
async def handler(stores: Stores, classifier: FakeClassifier) -> AsyncIterator[MessageHandler]:
    inference = Inference(classifier)  # type: ignore[arg-type]
    yield handler_of(stores, inference, settings=SETTINGS)
    inference.close()


def strings_in(root: object) -> Iterator[str]:
    """Yield every text that an object holds, however deep; of bytes, what they spell."""
    seen: set[int] = set()
    waiting = [root]
    while waiting:
        one = waiting.pop()
        if id(one) in seen or isinstance(one, type) or callable(one):
            continue
        seen.add(id(one))
        if isinstance(one, str):
            yield one
        elif isinstance(one, bytes | bytearray):
            yield bytes(one).decode("latin-1")
        elif isinstance(one, Mapping):
            waiting += [*one.keys(), *one.values()]
        elif isinstance(one, list | tuple | set | frozenset):
            waiting += one
        else:
            slots = [name for kind in type(one).__mro__ for name in getattr(kind, "__slots__", ())]
            waiting += [getattr(one, name) for name in slots if isinstance(name, str) and hasattr(one, name)]
            waiting += vars(one).values() if hasattr(one, "__dict__") else ()


def files_of(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in directory.iterdir()}


def traces(stores: Stores, handler: MessageHandler, directory: Path, dump: bytes, *words: str) -> set[str]:
    """Return which stores, and which files, hold one of some words; and whether Redis does."""
    own = [name for name in Stores.__slots__ if name != "elsewhere"]  # which leads to these again
    holding = {name for name in own if holds(getattr(stores, name), *words)}
    holding |= {"handler"} if holds(handler._parts.notices, *words) else set()
    spelt = [word.encode() for word in words]
    holding |= {"redis" for word in spelt if word in dump}
    return holding | {"a file" for content in files_of(directory).values() if any(word in content for word in spelt)}


def holds(root: object, *words: str) -> bool:
    return any(word in text for text in strings_in(root) for word in words)


async def live(handler: MessageHandler, user: str, secret: str, conversation: str, hour: int = 0) -> None:
    """Do everything that leaves something behind, at an hour of the day."""
    changes: dict[str, Any] = {"user": user, "conversation_id": conversation, "display_name": secret}
    changes["received_at"] = datetime(2026, 1, 1, hour, tzinfo=UTC)

    async def say(text: str, **more: Any) -> Reply | None:
        return await handler.answer(said(text, **(changes | more)), Sentences())

    await say("", medium="voice")
    await say(f"{secret} {conversation}")
    await say("hello")
    answered = await say("when")
    assert answered is not None
    assert answered.answer_id is not None
    handler.sent(answered.answer_id, [f"{secret}-1"])
    await handler.vote(said("", **changes), answered.answer_id, is_up=False)
    await say("a pizza")
    await handler.answer_inline(said(secret, **changes))
    for _ in range(BURST):
        await say(f"{secret} again")


async def test_nothing_is_left_of_a_person_who_wants_to_be_forgotten(
    handler: MessageHandler,
    stores: Stores,
    classifier: FakeClassifier,
    tmp_path: Path,
    redis_dump: Callable[[], bytes],
) -> None:
    """In no store, in no file, in no conversation; what others have left is all there."""
    for hour, conversation in enumerate(("here", "there")):
        await live(handler, USER, SECRET, conversation, hour)
        await live(handler, OTHER, OTHERS_SECRET, conversation, hour)
    classifier.calls.clear()
    keeping = {"answers", "a file", "inbox", "media", "redis" if stores.elsewhere else "contexts"}
    assert traces(stores, handler, tmp_path, redis_dump(), USER, SECRET) == keeping
    later = said("", USER, command="forgetme").received_at.replace(year=2027)
    reply = await handler.answer(said("", USER, command="forgetme", received_at=later, locale="de"), Sentences())
    assert reply == Reply(confirm(handler._parts.keeping, "de"), private=True)
    assert traces(stores, handler, tmp_path, redis_dump(), USER, SECRET) == set()
    assert traces(stores, handler, tmp_path, redis_dump(), OTHER, OTHERS_SECRET) == keeping
    assert {vote.down for vote in (await stores.feedback.counts()).values()} == {2}


async def test_the_same_id_elsewhere_is_somebody_else(
    handler: MessageHandler, stores: Stores, tmp_path: Path, redis_dump: Callable[[], bytes]
) -> None:
    """A person is forgotten on the platform where they asked for it."""
    await live(handler, USER, SECRET, "here")
    await handler.answer(said("", USER, command="forgetme", platform="telegram"), Sentences())
    keeping = {"answers", "a file"} | ({"redis"} if stores.elsewhere else {"contexts"})
    assert keeping <= traces(stores, handler, tmp_path, redis_dump(), USER)


async def test_every_store_is_asked_though_one_fails(
    handler: MessageHandler, stores: Stores, caplog: pytest.LogCaptureFixture
) -> None:
    """The person reads that it has not worked, and what could be deleted is."""
    await handler.answer(said("a pizza", USER), Sentences())
    await stores.database.close()
    reply = await handler.answer(said("", USER, command="forgetme"), Sentences())
    assert reply == Reply(WORDS["apology"]["en"])
    assert len(stores.contexts) == len(stores.answers) == 0
    assert "not everything could be forgotten" in caplog.text


def test_the_walk_finds_what_is_hidden() -> None:
    """Or the tests above would find nothing anywhere."""
    from bot.context import UserState

    assert holds({"a": [("b", {UserState(last_answer=f"so {SECRET}")})]}, SECRET)
    assert holds({(USER,): 1}, USER)
    assert holds([bytearray(SECRET.encode())], SECRET)
    assert not holds({"a": ["b"]}, SECRET, USER)


# What people are told.


@pytest.mark.parametrize("language", ["en", "de", "es"])
@pytest.mark.parametrize(
    ("settings", "said_of", "unsaid_of"),
    [
        (
            Settings(context_ttl_s=1_200, inbox="off"),
            ["contexts", "answers", "votes", "cooldown", "media"],
            ["inbox_text", "inbox_counts", "handoff", "actions"],
        ),
        (
            Settings(feedback=False, cooldown_s=0, inbox="counts", telegram_handoff_chat="-1"),
            ["contexts", "answers", "media", "inbox_counts", "handoff"],
            ["votes", "cooldown", "inbox_text", "actions"],
        ),
        (Settings(inbox="text"), ["inbox_text"], ["inbox_counts"]),
    ],
    ids=["default", "little", "texts"],
)
async def test_privacy_says_what_the_settings_mean(
    settings: Settings, said_of: list[str], unsaid_of: list[str], language: Any
) -> None:
    """Everything that is kept and nothing that is not, in private, in the member's language, with the real times."""
    inference = Inference(FakeClassifier())  # type: ignore[arg-type]
    stores = await stores_of(None, settings)
    handler = handler_of(stores, inference, settings=settings)
    reply = await handler.answer(said("", command="privacy", locale=language), Sentences())
    assert reply is not None
    assert reply.private
    begun = {name: WORDS[f"privacy_{name}"][language].partition("{")[0] for name in (*said_of, *unsaid_of)}
    assert all(begun[name] in reply.text for name in said_of)
    assert not any(begun[name] in reply.text for name in unsaid_of)
    assert WORDS["minutes"][language].format(n=20) in reply.text
    assert "/forgetme" in reply.text
    inference.close()
    await stores.database.close()


@pytest.mark.parametrize("language", ["en", "de", "es"])
@pytest.mark.parametrize("cooldown_s", [0.0, 3.0])
async def test_forgetting_promises_what_it_does(cooldown_s: float, language: Any) -> None:
    """How fast somebody writes stays, or a flood would get round the limit so; where it is counted, that is said."""
    settings = Settings(cooldown_s=cooldown_s)
    inference = Inference(FakeClassifier())  # type: ignore[arg-type]
    stores = await stores_of(None, settings)
    handler = handler_of(stores, inference, settings=settings)

    async def use(command: str) -> str:
        reply = await handler.answer(said("", command=command, locale=language), Sentences())
        return reply.text if reply is not None else ""

    promised, forgotten = await use("privacy"), await use("forgetme")
    left = WORDS["seconds"][language].format(n=60)
    done, but = WORDS["forgotten"][language], WORDS["forgotten_but"][language].format(duration=left)
    assert promised.endswith(WORDS["privacy_forget_but" if cooldown_s else "privacy_forget"][language])
    assert forgotten == (f"{done} {but}" if cooldown_s else done)
    answers = [await handler.answer(said("when"), Sentences()) for _ in range(BURST)]
    is_answered = [one is not None and one.text == "From ten to eight." for one in answers]
    assert is_answered == ([True] * (BURST - 2) + [False] * 2 if cooldown_s else [True] * BURST)
    inference.close()
    await stores.database.close()


async def test_privacy_tells_the_cooldown_of_the_server() -> None:
    """How long it is counted there, where that is longer."""
    inference = Inference(FakeClassifier())  # type: ignore[arg-type]
    stores = await stores_of()
    await stores.settings.put("discord", "slow", ServerSettings(cooldown_s=60.0))
    asked = said("", command="privacy", server_id="slow")
    reply = await handler_of(stores, inference).answer(asked, Sentences())
    assert reply is not None
    assert WORDS["privacy_cooldown"]["en"].format(duration=f"{BURST} minutes") in reply.text
    inference.close()
    await stores.database.close()


@pytest.mark.parametrize("is_shared", [False, True])
def test_privacy_says_what_other_processes_get(is_shared: bool) -> None:
    """What Redis keeps outlasts the process, so it is not said to be gone with it."""
    keeping = Keeping(1_200, 3_600, 1.0, has_votes=True, inbox="off", has_handoff=False, is_shared=is_shared)
    text = describe(keeping, IntentCatalog((), Fallback(saying("?"))), None)
    assert (WORDS["privacy_shared"]["en"].format(days=KEPT_DAYS) in text) is is_shared
    assert ("never longer than I run" in text) is not is_shared


async def test_privacy_names_answers_from_elsewhere() -> None:
    """A catalog that asks an endpoint sends it what members fill in."""
    asking = Intent("ask", ("ask it",), saying("{result}"), action=Action(url="https://example.org/x"))
    inference = Inference(FakeClassifier(IntentCatalog((asking,), Fallback(saying("?")))))  # type: ignore[arg-type]
    stores = await stores_of()
    reply = await handler_of(stores, inference).answer(said("", command="privacy"), Sentences())
    assert reply is not None
    assert WORDS["privacy_actions"]["en"] in reply.text
    inference.close()
    await stores.database.close()


def test_all_words_are_there_in_every_language() -> None:
    """With the same things left open, and none of them empty."""
    import re

    for name, sentences in WORDS.items():
        assert set(sentences) == {"en", "de", "es"}, name
        assert len({frozenset(re.findall(r"{\w+}", text)) for text in sentences.values()}) == 1, name
        assert all(text.strip() == text and text for text in sentences.values()), name
