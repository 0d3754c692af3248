"""What admins set for a server: what each key takes, where it holds, and that it lasts."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.database import DATABASE_FILE, Database
from bot.server_settings import (
    DEFAULTS,
    EXPECTED,
    KEYS,
    MAX_CHANNELS,
    SCHEMA,
    ServerSettings,
    ServerSettingsStore,
    SettingError,
    changed,
    from_json,
    to_json,
)
from bot.settings_command import NEEDS, NO_SERVER, SettingsDesk
from tests.unit.fakes import Sentences, said

ids = st.frozensets(st.from_regex(r"-?[0-9]{1,5}", fullmatch=True), max_size=3)
settings_of_any_kind = st.builds(
    ServerSettings,
    listening=ids,
    silent=ids,
    cooldown_s=st.none() | st.floats(0, 3600),
    language=st.none() | st.just("de"),
    fallback=st.sampled_from(["helpful", "short", "silent"]),
    feedback=st.none() | st.booleans(),
)


@pytest.mark.parametrize(
    ("key", "value", "field", "expected"),
    [
        ("listen", "here", "listening", {"5"}),
        ("Listen", " HERE ", "listening", {"5"}),
        ("listen", "<#77>", "listening", {"77"}),
        ("silence", "-100:7", "silent", {"-100:7"}),
        ("cooldown", "0", "cooldown_s", 0.0),
        ("cooldown", "2.5 s", "cooldown_s", 2.5),
        ("language", "DE-at", "language", "de"),
        ("fallback", "short", "fallback", "short"),
        ("feedback", "off", "feedback", False),
        ("feedback", "on", "feedback", True),
    ],
)
def test_a_key_takes_its_values(key: str, value: str, field: str, expected: Any) -> None:
    """Capitals and blanks do not count, and nothing else changes."""
    settings = changed(DEFAULTS, key, value, "5")
    assert getattr(settings, field) == expected
    assert [one for one in DEFAULTS.__slots__ if getattr(settings, one) != getattr(DEFAULTS, one)] == [field]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("listen", "#general"),
        ("listen", ""),
        ("silence", "off there"),
        ("cooldown", "-1"),
        ("cooldown", "nan"),
        ("cooldown", "3601"),
        ("language", "german"),
        ("fallback", "loud"),
        ("feedback", "yes"),
    ],
)
def test_a_wrong_value_is_told_what_the_key_takes(key: str, value: str) -> None:
    """The sentence names the key and all that it takes."""
    with pytest.raises(SettingError) as error:
        changed(DEFAULTS, key, value, "5")
    assert str(error.value) == f"{key}: expected {EXPECTED[key]}."


def test_an_unknown_key_is_told_those_there_are() -> None:
    """Whoever mistypes one reads all of them."""
    with pytest.raises(SettingError) as error:
        changed(DEFAULTS, "colour", "red", "5")
    assert all(key in str(error.value) for key in KEYS)


def test_a_channel_either_listens_or_is_silent() -> None:
    """The last word counts; one of several can be taken back, and all at once."""
    settings = changed(changed(DEFAULTS, "listen", "here", "5"), "listen", "6", "5")
    settings = changed(settings, "silence", "here", "5")
    assert (settings.listening, settings.silent) == ({"6"}, {"5"})
    settings = changed(changed(settings, "listen", "5", "1"), "listen", "off <#6>", "1")
    assert (settings.listening, settings.silent) == ({"5"}, set())
    assert changed(settings, "listen", "off", "1") == DEFAULTS


def test_channels_are_bounded() -> None:
    """Nobody fills the memory with them."""
    settings = ServerSettings(listening=frozenset(map(str, range(MAX_CHANNELS))))
    with pytest.raises(SettingError):
        changed(settings, "listen", "999", "5")


@pytest.mark.parametrize(
    ("listening", "silent", "place", "expected"),
    [
        ({"5"}, set(), ("5", ""), (True, False)),
        ({"5"}, set(), ("51", "5"), (True, False)),
        ({"5"}, {"51"}, ("51", "5"), (False, True)),
        ({"51"}, {"5"}, ("51", "5"), (True, False)),
        ({"5"}, {"6"}, ("7", ""), (False, False)),
    ],
    ids=["channel", "thread of it", "silent thread", "listening thread", "elsewhere"],
)
def test_what_is_set_for_a_channel_holds_in_its_threads(
    listening: set[str], silent: set[str], place: tuple[str, str], expected: tuple[bool, bool]
) -> None:
    """Unless the thread has a setting of its own."""
    settings = ServerSettings(listening=frozenset(listening), silent=frozenset(silent))
    message = said("x", conversation_id=place[0], parent_id=place[1])
    assert (settings.listens_in(message), settings.is_silent_in(message)) == expected


@given(settings_of_any_kind)
def test_settings_survive_being_written(settings: ServerSettings) -> None:
    """What is read is what was written."""
    assert from_json(to_json(settings)) == settings


def test_settings_of_another_version_are_read() -> None:
    """What is not known is left out, what is missing is the default."""
    assert from_json('{"fallback": "short", "mood": "good"}') == ServerSettings(fallback="short")


async def test_settings_outlast_a_restart(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Each server has its own; of one that cannot be read the admins are told, and the others hold."""
    database = await Database.open(tmp_path / DATABASE_FILE, SCHEMA)
    store = ServerSettingsStore(database)
    await store.put("discord", "1", ServerSettings(language="de"))
    await store.put("discord", "1", ServerSettings(language="es"))
    await store.put("telegram", "1", ServerSettings(fallback="short"))
    for broken in ('{"fallback": 3}', "[]", "{", '{"cooldown_s": "x"}', '{"listening": 1}'):
        await database.execute("INSERT OR REPLACE INTO server_settings VALUES ('discord', '2', ?)", (broken,))
        fresh = ServerSettingsStore(database)
        await fresh.load()
        assert fresh.of(said("x", server_id="1")).language == "es"
        assert fresh.of(said("x", server_id="1", platform="telegram")).fallback == "short"
        assert fresh.of(said("x", server_id="2")) == fresh.of(said("x")) == DEFAULTS
    assert [record.args for record in caplog.records] == [("discord", "2")] * 5
    await database.close()


async def test_a_groups_settings_move_with_it(tmp_path: Path) -> None:
    """Also its topics; other groups stay as they are, and a restart finds it so."""
    database = await Database.open(tmp_path / DATABASE_FILE, SCHEMA)
    store = ServerSettingsStore(database)
    await store.put("telegram", "-5", ServerSettings(listening=frozenset({"-5", "-5:7", "-55"})))
    await store.move("telegram", "-5", "-1005")
    await store.move("telegram", "-6", "-1006")
    for one in (store, ServerSettingsStore(database)):
        await one.load()
        assert one.of_server("telegram", "-1005").listening == {"-1005", "-1005:7", "-55"}
        assert one.of_server("telegram", "-5") == one.of_server("telegram", "-1006") == DEFAULTS
    await database.close()


# The command.


@pytest.fixture
async def desk(tmp_path: Path) -> Any:
    database = await Database.open(tmp_path / DATABASE_FILE, SCHEMA)
    yield SettingsDesk(ServerSettingsStore(database), cooldown_s=1.0, has_feedback=True)
    await database.close()


async def text_of(desk: SettingsDesk, text: str, **changes: Any) -> str:
    message = said(text, **{"server_id": "9", "conversation_id": "5", "command": "admin settings", **changes})
    reply = await desk.answer(message, Sentences())
    assert reply is not None
    assert reply.private
    return reply.text


async def test_the_overview_has_every_key(desk: SettingsDesk) -> None:
    """With what holds, and whether the operator set it."""
    lines = (await text_of(desk, "")).splitlines()
    assert [line.partition(":")[0] for line in lines if line.startswith("- ")] == [f"- {key}" for key in KEYS]
    assert "- cooldown: 1 s an answer, after the first twenty (default)" in lines


@pytest.mark.parametrize("platform", ["discord", "telegram"])
async def test_a_change_shows_what_holds_now(desk: SettingsDesk, platform: str) -> None:
    """Who lets it listen is told what the platform wants for that; other keys need nothing."""
    text = await text_of(desk, "listen here", platform=platform)
    assert NEEDS[platform] in text
    assert f"- listen: {'<#5>' if platform == 'discord' else '5'} (" in text
    assert NEEDS[platform] not in await text_of(desk, "cooldown 0", platform=platform)
    assert NEEDS[platform] not in await text_of(desk, "listen off", platform=platform)
    assert "- cooldown: 0 s an answer" in await text_of(desk, "", platform=platform)


async def test_what_cannot_be_set_is_explained(desk: SettingsDesk) -> None:
    """A wrong value, a missing one, an unknown key, and a conversation without a server."""
    assert await text_of(desk, "cooldown fast") == f"cooldown: expected {EXPECTED['cooldown']}."
    assert await text_of(desk, "cooldown") == f"cooldown: expected {EXPECTED['cooldown']}."
    assert "no setting of that name" in await text_of(desk, "colour")
    assert await text_of(desk, "cooldown 0", server_id="") == NO_SERVER


async def test_a_setting_that_cannot_be_written_holds_until_the_end(desk: SettingsDesk) -> None:
    """The admin is told so."""
    await desk._store._database.close()
    text = await text_of(desk, "cooldown 0")
    assert text.startswith("This holds until I am started again")
    assert "- cooldown: 0 s" in text
