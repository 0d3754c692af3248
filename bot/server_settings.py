"""What the admins of a server or group set for it from the chat: read from memory, kept in the database."""

import json
import logging
import re
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Any, Literal, TypeVar, get_args

from adapters.base import IncomingMessage
from bot.context import moved_id
from bot.database import Database
from bot.turn import FallbackTone

logger = logging.getLogger(__name__)

T = TypeVar("T")

SCHEMA = (
    """
    CREATE TABLE IF NOT EXISTS server_settings (
        platform TEXT NOT NULL, server_id TEXT NOT NULL, settings TEXT NOT NULL, PRIMARY KEY (platform, server_id)
    )
    """,
)

TONES: tuple[FallbackTone, ...] = get_args(FallbackTone)

MAX_CHANNELS = 100
MAX_COOLDOWN_S = 3_600.0

HERE, OFF, ON, DEFAULT = "here", "off", "on", "default"

EXPECTED = {
    "listen": "`here`, a channel, or `off`; `off here` or `off` and a channel for one of several",
    "silence": "`here`, a channel, or `off`; `off here` or `off` and a channel for one of several",
    "cooldown": f"seconds from 0 to {MAX_COOLDOWN_S:.0f}, or `default`",
    "language": "a code of two or three letters such as `de`, or `default`",
    "fallback": "`helpful`, `short` or `silent`",
    "feedback": "`on`, `off` or `default`",
}
"""What each key takes, for errors and for the overview."""

KEYS = tuple(EXPECTED)

_CHANNEL = re.compile(r"<#([0-9]{1,20})>|(-?[0-9]{1,20}(?::[0-9]{1,20})?)")
_LANGUAGE = re.compile(r"([a-z]{2,3})(?:[-_][a-z0-9_-]{1,20})?")


class SettingError(Exception):
    """A setting cannot be changed so; its text names the key and what it takes."""


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """What holds in one server or group; the default is what holds where nothing was set.

    Parameters
    ----------
    listening
        The ids of the channels where the bot answers unasked.
    silent
        The ids of those where it says nothing.
    cooldown_s
        What an answer costs a person, in seconds; None is what the operator set.
    language
        Of those whose language the platform does not tell, as an ISO code.
    fallback
        The tone towards what matches nothing.
    feedback
        Whether thumbs are shown; None is what the operator set.
    """

    listening: frozenset[str] = frozenset()
    silent: frozenset[str] = frozenset()
    cooldown_s: float | None = None
    language: str | None = None
    fallback: FallbackTone = "helpful"
    feedback: bool | None = None

    def listens_in(self, message: IncomingMessage) -> bool:
        """Whether the channel of a message, or that of its thread, is one where the bot answers unasked."""
        return self._nearest(message) == "listening"

    def is_silent_in(self, message: IncomingMessage) -> bool:
        """Whether the channel of a message, or that of its thread, is one where the bot says nothing."""
        return self._nearest(message) == "silent"

    def _nearest(self, message: IncomingMessage) -> Literal["listening", "silent"] | None:
        """Return what is set nearest: a thread's own setting counts before that of its channel."""
        for channel in (message.conversation_id, message.parent_id):
            if channel in self.silent:
                return "silent"
            if channel in self.listening:
                return "listening"
        return None


DEFAULTS = ServerSettings()


def changed(settings: ServerSettings, key: str, value: str, here: str) -> ServerSettings:
    """Return settings with one of them changed.

    Parameters
    ----------
    settings
        As they are.
    key, value
        What an admin wrote.
    here
        The id of the channel where they wrote it.

    Raises
    ------
    SettingError
        There is no such key, or it takes no such value.
    """
    key, value = key.casefold(), " ".join(value.casefold().split())
    try:
        match key:
            case "listen":
                listening = _channels(settings.listening, value, here)
                return replace(settings, listening=listening, silent=settings.silent - listening)
            case "silence":
                silent = _channels(settings.silent, value, here)
                return replace(settings, silent=silent, listening=settings.listening - silent)
            case "cooldown":
                return replace(settings, cooldown_s=_or_default(value, _cooldown_s))
            case "language":
                return replace(settings, language=_or_default(value, _language))
            case "fallback":
                return replace(settings, fallback=TONES[TONES.index(value)])
            case "feedback":
                return replace(settings, feedback=_or_default(value, _on_or_off))
    except ValueError as error:
        raise SettingError(f"{key}: expected {EXPECTED[key]}.") from error
    raise SettingError(f"There is no setting of that name. There are: {', '.join(KEYS)}.")


def _or_default(value: str, parse: Callable[[str], T]) -> T | None:
    return None if value == DEFAULT else parse(value)


def _channels(channels: frozenset[str], value: str, here: str) -> frozenset[str]:
    """Return channels with one more or one less, or none."""
    if value == OFF:
        return frozenset()
    first, _, rest = value.partition(" ")
    if first == OFF:
        return channels - {_channel(rest, here)}
    more = channels | {_channel(value, here)}
    if len(more) > MAX_CHANNELS:
        raise ValueError
    return more


def _channel(value: str, here: str) -> str:
    if value == HERE:
        return here
    match = _CHANNEL.fullmatch(value)
    if match is None:
        raise ValueError
    return match[1] or match[2]


def _cooldown_s(value: str) -> float:
    seconds = float(value.removesuffix("s").strip())
    if not 0 <= seconds <= MAX_COOLDOWN_S:
        raise ValueError
    return seconds


def _language(value: str) -> str:
    match = _LANGUAGE.fullmatch(value)
    if match is None:
        raise ValueError
    return match[1]


def _on_or_off(value: str) -> bool:
    if value not in {ON, OFF}:
        raise ValueError
    return value == ON


def to_json(settings: ServerSettings) -> str:
    """Return settings as the database has them."""
    values = {one.name: getattr(settings, one.name) for one in fields(settings)}
    return json.dumps(
        {name: sorted(value) if isinstance(value, frozenset) else value for name, value in values.items()}
    )


def from_json(text: str) -> ServerSettings:
    """Return settings from the database; what an earlier or later version knows besides is left out.

    Raises
    ------
    ValueError, TypeError
        It is no settings.
    """
    found = json.loads(text)
    if not isinstance(found, dict):
        raise TypeError
    known: dict[str, Any] = {one.name: found[one.name] for one in fields(ServerSettings) if one.name in found}
    for name in {"listening", "silent"} & known.keys():
        known[name] = frozenset(map(str, known[name]))
    settings = ServerSettings(**known)
    if settings.fallback not in TONES or not isinstance(settings.cooldown_s, int | float | None):
        raise ValueError
    return settings


class ServerSettingsStore:
    """The settings of all servers: in memory to read, in the database to last.

    Parameters
    ----------
    database
        Has the tables of `SCHEMA`.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._settings: dict[tuple[str, str], ServerSettings] = {}

    async def load(self) -> None:
        """Read what was kept; what cannot be read is left out with a warning."""
        for platform, server_id, text in await self._database.fetch(
            "SELECT platform, server_id, settings FROM server_settings"
        ):
            try:
                self._settings[str(platform), str(server_id)] = from_json(str(text))
            except (ValueError, TypeError):
                logger.warning(
                    "the settings of %s %s cannot be read: its admins must set them again", platform, server_id
                )

    def of(self, message: IncomingMessage) -> ServerSettings:
        """Return what holds around a message."""
        return self._settings.get((message.platform, message.server_id), DEFAULTS) if message.server_id else DEFAULTS

    def of_server(self, platform: str, server_id: str) -> ServerSettings:
        """Return what holds in a server."""
        return self._settings.get((platform, server_id), DEFAULTS)

    async def put(self, platform: str, server_id: str, settings: ServerSettings) -> None:
        """Set what holds in a server from now on.

        Raises
        ------
        DatabaseError
            It holds, but only until the process ends.
        """
        self._settings[platform, server_id] = settings
        await self._database.execute(
            "INSERT OR REPLACE INTO server_settings VALUES (?, ?, ?)", (platform, server_id, to_json(settings))
        )

    async def move(self, platform: str, old_id: str, new_id: str) -> None:
        """Take the settings of a group along to its new id, and the channels in them that bear the old one.

        Raises
        ------
        DatabaseError
            They hold, but only until the process ends.
        """
        settings = self._settings.pop((platform, old_id), None)
        if settings is None:
            return
        moved = replace(
            settings,
            listening=frozenset(moved_id(one, old_id, new_id) for one in settings.listening),
            silent=frozenset(moved_id(one, old_id, new_id) for one in settings.silent),
        )
        await self.put(platform, new_id, moved)
        await self._drop(platform, old_id)

    async def _drop(self, platform: str, server_id: str) -> None:
        self._settings.pop((platform, server_id), None)
        await self._database.execute(
            "DELETE FROM server_settings WHERE platform = ? AND server_id = ?", (platform, server_id)
        )
