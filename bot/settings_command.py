"""`/admin settings`: shows what holds in a server, and changes it."""

from collections.abc import Callable, Sequence

from adapters.base import Argument, Command, IncomingMessage, Progress, Reply
from bot.database import DatabaseError
from bot.server_settings import (
    DEFAULT,
    EXPECTED,
    HERE,
    KEYS,
    OFF,
    ON,
    TONES,
    ServerSettings,
    ServerSettingsStore,
    SettingError,
    changed,
)

SETTINGS_COMMAND = Command(
    "admin settings",
    "What I do in this server: channels, cooldown, language, fallback, votes (admins)",
    (
        Argument(
            "key",
            "What to change; without it, all settings are shown",
            {
                "de": "Was geändert wird; ohne Angabe wird alles gezeigt",
                "es": "Qué cambiar; sin indicarlo se muestra todo",
            },
            is_required=False,
            values=KEYS,
        ),
        Argument(
            "value",
            "To what",
            {"de": "Worauf es gesetzt wird", "es": "A qué valor"},
            is_required=False,
            is_completed=True,
        ),
    ),
    admin_only=True,
    descriptions={
        "de": "Was ich auf diesem Server tue: Kanäle, Wartezeit, Sprache, Rückfragen, Daumen (Admins)",
        "es": "Qué hago en este servidor: canales, espera, idioma, respuestas, votos (admins)",
    },
)

VALUES = (HERE, OFF, ON, DEFAULT, *TONES)
"""What a value can be beside a channel, a number or a language."""

NEEDS = {
    "discord": "To read what is not addressed to me I need the Message Content Intent: switch it on in Discord's"
    " developer portal (your application, Bot, Privileged Gateway Intents), then start me again.",
    "telegram": "To read what is not addressed to me I need privacy mode off (@BotFather: /setprivacy, Disable; then"
    " add me to the group again), or to be an admin of the group.",
}
"""What listening needs that only the operator can give, by platform."""

NO_SERVER = "Settings belong to a server or a group: use this command there."


class SettingsDesk:
    """Answers `/admin settings`; whether its sender may use it is settled before.

    Parameters
    ----------
    store
        The settings.
    cooldown_s, has_feedback
        What the operator set for all servers.
    """

    def __init__(self, store: ServerSettingsStore, *, cooldown_s: float, has_feedback: bool) -> None:
        self._store = store
        self._cooldown_s = cooldown_s
        self._has_feedback = has_feedback

    async def answer(self, message: IncomingMessage, _progress: Progress) -> Reply | None:
        """Show the settings, or change one and show what holds now."""
        if not message.server_id:
            return Reply(NO_SERVER, private=True)
        key, _, value = message.text.strip().partition(" ")
        if not key:
            return Reply(self._overview(message), private=True)
        if not value.strip() and key.casefold() in KEYS:
            return Reply(f"{key.casefold()}: expected {EXPECTED[key.casefold()]}.", private=True)
        try:
            settings = changed(self._store.of(message), key, value, message.conversation_id)
        except SettingError as error:
            return Reply(str(error), private=True)
        lines = ["Done."]
        try:
            await self._store.put(message.platform, message.server_id, settings)
        except DatabaseError as error:
            lines = [f"This holds until I am started again, for it could not be written down: {error}"]
        if key.casefold() == "listen" and settings.listening and message.platform in NEEDS:
            lines.append(NEEDS[message.platform])
        return Reply("\n".join([*lines, "", self._overview(message)]), private=True)

    def complete(self, typed: str) -> Sequence[str]:
        """Return what a value can be that begins with what is typed."""
        return [one for one in VALUES if one.startswith(typed.strip().casefold())]

    def _overview(self, message: IncomingMessage) -> str:
        settings = self._store.of(message)
        shown = _channel_name(message.platform)
        cooldown_s = self._cooldown_s if settings.cooldown_s is None else settings.cooldown_s
        rows = {
            "listen": _listed(settings.listening, shown) + " (where I answer unasked)",
            "silence": _listed(settings.silent, shown) + " (where I say nothing)",
            "cooldown": f"{cooldown_s:g} s an answer, after the first twenty{_if_default(settings.cooldown_s)}",
            "language": settings.language or "what the platform tells, else English (default)",
            "fallback": settings.fallback,
            "feedback": self._feedback(settings),
        }
        lines = [f"- {key}: {value}" for key, value in rows.items()]
        return "\n".join(["Settings here:", *lines, "Change one with /admin settings KEY VALUE."])

    def _feedback(self, settings: ServerSettings) -> str:
        if not self._has_feedback:
            return "off (the operator's FEEDBACK is off)"
        return "off" if settings.feedback is False else f"on{_if_default(settings.feedback)}"


def _channel_name(platform: str) -> Callable[[str], str]:
    return (lambda one: f"<#{one}>") if platform == "discord" else str


def _listed(channels: frozenset[str], shown: Callable[[str], str]) -> str:
    return ", ".join(map(shown, sorted(channels))) or "nowhere"


def _if_default(value: object) -> str:
    return " (default)" if value is None else ""
