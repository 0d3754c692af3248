"""The settings of the process, from environment variables and `.env`; every wrong value is reported, all at once."""

import os
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeVar, get_args
from urllib.parse import unquote, urlsplit

from dotenv import dotenv_values

from bot.log import LogFormat
from bot.review.password import PasswordHash, parse_password_hash
from model.runtime import RuntimeChoice

ENV_FILE = Path(".env")
LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
LOG_FORMATS: tuple[LogFormat, ...] = get_args(LogFormat)

InboxMode = Literal["off", "counts", "text"]
"""What is kept of messages that were not answered: nothing, how often that was, or their texts as well."""

T = TypeVar("T")


class ConfigError(Exception):
    """The configuration cannot be used; its text has one line a fault, each naming the variable and the mend."""


SECRET_VARIABLES = (
    "DISCORD_TOKEN",
    "TELEGRAM_TOKEN",
    "TELEGRAM_WEBHOOK_SECRET",
    "REVIEW_PASSWORD_HASH",
    "STATE_URL",
)
"""What is the bot's own: no child gets them, and no catalog may send them anywhere."""

STARTER = Path("intents/starter")
STARTER_STORIES = Path("intents/stories")
NO_STORIES = Path("none")
LAST_PORT = 65_535
MOST_SHARDS = 10_000


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that an operator can set; `.env.example` has a sentence on each."""

    discord_token: str | None = field(default=None, repr=False)
    discord_admin_ids: frozenset[str] = frozenset()
    discord_admin_role_ids: frozenset[str] = frozenset()
    discord_managers_are_admins: bool = False
    discord_guild_ids: tuple[int, ...] = ()
    discord_api_url: str | None = None
    discord_gateway_url: str | None = None
    discord_handoff_channel: str | None = None
    shard_count: int | None = None
    shard_ids: tuple[int, ...] = ()
    telegram_token: str | None = field(default=None, repr=False)
    telegram_admin_ids: frozenset[str] = frozenset()
    telegram_api_url: str | None = None
    telegram_handoff_chat: str | None = None
    telegram_webhook_url: str | None = None
    telegram_webhook_secret: str | None = field(default=None, repr=False)
    telegram_webhook_listen: str = "127.0.0.1:8443"
    telegram_webhook_cert: Path | None = None
    telegram_webhook_key: Path | None = None
    telegram_inline: bool = True
    action_modules: tuple[str, ...] = ("bot.example_actions",)
    intents_path: Path = STARTER
    stories_path: Path | None = None
    models_dir: Path = Path(".parley/models")
    state_dir: Path = Path(".parley/state")
    state_url: str | None = field(default=None, repr=False)
    encoder_dir: Path = Path(".parley/encoder")
    model_runtime: RuntimeChoice = "auto"
    confidence_threshold: float | None = None
    context_ttl_s: float = 1_200.0
    context_capacity: int = 10_000
    cooldown_s: float = 1.0
    feedback: bool = True
    inbox: InboxMode = "off"
    regression_path: Path | None = None
    regression_margin: float = 0.01
    bundles_kept: int = 5
    server_intents: Mapping[tuple[str, str], Path] = field(default_factory=dict)
    health_address: str | None = "127.0.0.1:8080"
    review: bool | None = None
    review_password_hash: PasswordHash | None = None
    review_report: Path | None = None
    log_level: str | None = None
    log_format: LogFormat = "text"

    @property
    def secrets(self) -> tuple[str, ...]:
        """What no output may hold."""
        review_hash = str(self.review_password_hash) if self.review_password_hash is not None else None
        secrets = (self.discord_token, self.telegram_token, self.telegram_webhook_secret, review_hash)
        return tuple(one for one in (*secrets, *_passwords(self.state_url)) if one)

    @property
    def has_review(self) -> bool:
        """Whether there is a review page: where the operator says so, or set a password for it."""
        return self.review_password_hash is not None if self.review is None else self.review

    @property
    def has_platform(self) -> bool:
        """Whether there is a token of any platform."""
        return bool(self.discord_token or self.telegram_token)

    @property
    def stories(self) -> Path | None:
        """The conversations that a reload must lead as written: the operator's; the starter's are for it alone."""
        if self.stories_path is None:
            return STARTER_STORIES if self.intents_path == STARTER else None
        return None if self.stories_path == NO_STORIES else self.stories_path

    @property
    def handoff_chats(self) -> dict[str, str]:
        """The admins' chats by platform; at the terminal, the operator sees what is passed on."""
        chats = {"discord": self.discord_handoff_channel, "telegram": self.telegram_handoff_chat}
        return {platform: chat for platform, chat in chats.items() if chat is not None} | {"console": "operator"}


def read_environment(env_file: Path | None = None) -> dict[str, str]:
    """Return the variables of the process over those of the `.env` file; one that is set, even empty, wins.

    Parameters
    ----------
    env_file
        A file that must be there, or None for `.env` of the working directory if there is one.

    Raises
    ------
    ConfigError
        `env_file` is missing, or the file cannot be read.
    """
    if env_file is not None and not env_file.is_file():
        raise ConfigError(f"--env-file {env_file}: no such file; .env.example shows what it holds")
    file = env_file or ENV_FILE
    try:
        values = dotenv_values(file, interpolate=False) if file.is_file() else {}
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file}: cannot be read as UTF-8 text: {error}") from error
    return {name: value for name, value in values.items() if value is not None} | dict(os.environ)


def parse_settings(environment: Mapping[str, str]) -> Settings:
    """Return the settings; an empty variable counts as unset, but for ``HEALTH_ADDRESS``: empty is no health page.

    Raises
    ------
    ConfigError
        At least one value is wrong.
    """
    faults: list[str] = []

    def read(name: str, parse: Callable[[str], T], default: T, expected: str) -> T:
        value = environment.get(name, "").strip()
        if not value:
            return default
        try:
            return parse(value)
        except ValueError:
            # a token in the wrong variable must not reach the terminal: the value is not shown
            faults.append(f"{name}: expected {expected}")
            return default

    default = Settings()
    has_no_health = not environment.get("HEALTH_ADDRESS", "unset").strip()
    ids = "ids of digits, separated by commas"
    settings = Settings(
        discord_token=read("DISCORD_TOKEN", _visible, None, "the bot's token, without spaces"),
        discord_admin_ids=read("DISCORD_ADMIN_IDS", _ids, frozenset(), ids),
        discord_admin_role_ids=read("DISCORD_ADMIN_ROLE_IDS", _ids, frozenset(), ids),
        discord_managers_are_admins=read("DISCORD_MANAGERS_ARE_ADMINS", _switch, False, "on or off"),
        discord_guild_ids=read("DISCORD_GUILD_IDS", _guild_ids, (), ids),
        discord_api_url=read("DISCORD_API_URL", _url("http", "https"), None, "a base as http://host:port/api/v10"),
        discord_gateway_url=read("DISCORD_GATEWAY_URL", _url("ws", "wss"), None, "a URL as ws://host:port/"),
        discord_handoff_channel=read("DISCORD_HANDOFF_CHANNEL", _digits, None, "a channel's id, of digits"),
        shard_count=read("SHARD_COUNT", _positive(int), None, "a whole number over 0"),
        shard_ids=read("SHARD_IDS", _shards, (), "numbers and ranges, separated by commas, as 0,2-4"),
        telegram_token=read("TELEGRAM_TOKEN", _visible, None, "the bot's token, without spaces"),
        telegram_admin_ids=read("TELEGRAM_ADMIN_IDS", _ids, frozenset(), ids),
        telegram_api_url=read("TELEGRAM_API_URL", _url("http", "https"), None, "a prefix as http://host:port/bot"),
        telegram_handoff_chat=read("TELEGRAM_HANDOFF_CHAT", _chat_id, None, "a chat's id, of digits, a group's with -"),
        telegram_webhook_url=read("TELEGRAM_WEBHOOK_URL", _url("https"), None, "an https URL that leads to this bot"),
        telegram_webhook_secret=read(
            "TELEGRAM_WEBHOOK_SECRET", _webhook_secret, None, "1 to 256 letters, digits, _ and -"
        ),
        telegram_webhook_listen=read("TELEGRAM_WEBHOOK_LISTEN", _address, default.telegram_webhook_listen, "host:port"),
        telegram_webhook_cert=read("TELEGRAM_WEBHOOK_CERT", Path, None, "a path"),
        telegram_webhook_key=read("TELEGRAM_WEBHOOK_KEY", Path, None, "a path"),
        telegram_inline=read("TELEGRAM_INLINE", _switch, default.telegram_inline, "on or off"),
        action_modules=read("ACTION_MODULES", _modules, default.action_modules, "module names, separated by commas"),
        intents_path=read("INTENTS_PATH", Path, default.intents_path, "a path"),
        stories_path=read("STORIES_PATH", Path, None, "a path, or none"),
        models_dir=read("MODELS_DIR", Path, default.models_dir, "a path"),
        state_dir=read("STATE_DIR", Path, default.state_dir, "a path"),
        state_url=read("STATE_URL", _state_url, None, "a URL as redis://:password@host:6379/0, rediss:// or unix://"),
        encoder_dir=read("ENCODER_DIR", Path, default.encoder_dir, "a path"),
        model_runtime=read("MODEL_RUNTIME", _runtime, default.model_runtime, "auto, litert or keras"),
        confidence_threshold=read("CONFIDENCE_THRESHOLD", _share, None, "a number from 0 to 1"),
        context_ttl_s=read("CONTEXT_TTL_S", _positive(float), default.context_ttl_s, "seconds, more than 0"),
        context_capacity=read("CONTEXT_CAPACITY", _positive(int), default.context_capacity, "a whole number over 0"),
        cooldown_s=read("COOLDOWN_S", _seconds, default.cooldown_s, "seconds, 0 for none"),
        feedback=read("FEEDBACK", _switch, default.feedback, "on or off"),
        inbox=read("INBOX", _inbox_mode, default.inbox, "off, counts or text"),
        regression_path=read("REGRESSION_PATH", Path, None, "a path"),
        regression_margin=read("REGRESSION_MARGIN", _share, default.regression_margin, "a number from 0 to 1"),
        bundles_kept=read("BUNDLES_KEPT", _positive(int), default.bundles_kept, "a whole number over 0"),
        server_intents=read(
            "SERVER_INTENTS", _server_intents, {}, "discord:ID=PATH or telegram:ID=PATH, with commas between"
        ),
        health_address=read(
            "HEALTH_ADDRESS",
            _address,
            None if has_no_health else default.health_address,
            "host:port, or nothing for none",
        ),
        review=read("REVIEW", _switch, None, "on or off"),
        review_password_hash=read(
            "REVIEW_PASSWORD_HASH", parse_password_hash, None, "what `python -m bot hash-password` prints after the ="
        ),
        review_report=read("REVIEW_REPORT", Path, None, "a path"),
        log_level=read("LOG_LEVEL", _log_level, None, f"one of {', '.join(LOG_LEVELS)}"),
        log_format=read("LOG_FORMAT", _log_format, default.log_format, f"one of {', '.join(LOG_FORMATS)}"),
    )
    faults += _faults_between(settings, {fault.partition(":")[0] for fault in faults})
    if faults:
        raise ConfigError("\n".join(faults))
    return settings


def _faults_between(settings: Settings, wrong: Collection[str]) -> list[str]:
    """Return the faults of values that do not go together, a line each, but for variables that are wrong anyway."""
    faults = []
    if "SHARD_COUNT" in wrong:
        pass
    elif settings.shard_ids and settings.shard_count is None:
        faults.append("SHARD_IDS: expected SHARD_COUNT beside it, how many shards there are in all")
    elif settings.shard_count is not None and any(one >= settings.shard_count for one in settings.shard_ids):
        faults.append(f"SHARD_IDS: expected numbers below SHARD_COUNT, from 0 to {settings.shard_count - 1}")
    is_open = settings.discord_managers_are_admins and not settings.discord_guild_ids
    if is_open and "DISCORD_GUILD_IDS" not in wrong:
        faults.append("DISCORD_MANAGERS_ARE_ADMINS: expected DISCORD_GUILD_IDS beside it, whose managers are meant")
    if settings.has_review and settings.health_address is None and not {"REVIEW", "HEALTH_ADDRESS"} & set(wrong):
        faults.append("REVIEW: expected HEALTH_ADDRESS beside it, where the page is to be served")
    pair = {
        "TELEGRAM_WEBHOOK_CERT": settings.telegram_webhook_cert,
        "TELEGRAM_WEBHOOK_KEY": settings.telegram_webhook_key,
    }
    missing = [name for name, path in pair.items() if path is None]
    for name, path in pair.items():
        if path is not None and not _is_readable(path):
            faults.append(f"{name}: expected a PEM file that can be read")
        elif path is not None and missing:
            faults.append(f"{name}: expected {missing[0]} beside it")
    return faults


def _is_readable(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return bool(file.read(1))
    except (OSError, ValueError):  # ValueError: no name of a file
        return False


def _visible(value: str) -> str:
    """Return a text that has nothing but visible ASCII characters, as tokens and URLs do."""
    if not all("!" <= character <= "~" for character in value):
        raise ValueError
    return value


def _guild_ids(value: str) -> tuple[int, ...]:
    parts = [part.strip() for part in value.split(",") if part.strip()]
    if not all(part.isascii() and part.isdigit() for part in parts):
        raise ValueError
    return tuple(dict.fromkeys(int(part) for part in parts))


def _ids(value: str) -> frozenset[str]:
    return frozenset(str(number) for number in _guild_ids(value))


def _switch(value: str) -> bool:
    if value.lower() not in {"on", "off"}:
        raise ValueError
    return value.lower() == "on"


def _shards(value: str) -> tuple[int, ...]:
    """Return the numbers of a list such as ``0,2-4``."""
    numbers: list[int] = []
    for part in value.split(","):
        first, dash, last = part.strip().partition("-")
        some = range(int(_digits(first)), int(_digits(last if dash else first)) + 1)
        if not 0 < len(some) <= MOST_SHARDS:
            raise ValueError
        numbers += some
    return tuple(dict.fromkeys(numbers))


def _webhook_secret(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,256}", value):
        raise ValueError
    return value


def _address(value: str) -> str:
    host, _, port = value.rpartition(":")
    if not host or not 0 <= int(_digits(port)) <= LAST_PORT:
        raise ValueError
    return value


def _seconds(value: str) -> float:
    number = float(value)
    if not 0 <= number < float("inf"):
        raise ValueError
    return number


def _server_intents(value: str) -> dict[tuple[str, str], Path]:
    catalogs: dict[tuple[str, str], Path] = {}
    for part in value.split(","):
        place, _, path = part.strip().partition("=")
        platform, _, server_id = place.strip().partition(":")
        if platform not in {"discord", "telegram"} or not path.strip():
            raise ValueError
        catalogs[platform, _chat_id(server_id)] = Path(path.strip())
    return catalogs


def _digits(value: str) -> str:
    if not value.isascii() or not value.isdigit():
        raise ValueError
    return value


def _chat_id(value: str) -> str:
    digits = _digits(value.removeprefix("-"))
    return f"-{digits}" if value.startswith("-") else digits


def _modules(value: str) -> tuple[str, ...]:
    names = [name.strip() for name in value.split(",") if name.strip()]
    if not all(part.isidentifier() for name in names for part in name.split(".")):
        raise ValueError
    return tuple(dict.fromkeys(names))


def _url(*schemes: str) -> Callable[[str], str]:
    def parse(value: str) -> str:
        parts = urlsplit(_visible(value))
        if parts.scheme not in schemes or not parts.hostname or parts.port == 0:
            raise ValueError
        return value

    return parse


def _state_url(value: str) -> str:
    """Return a URL that leads to a Redis: with a host, or with the path of a socket."""
    parts = urlsplit(_visible(value))
    is_socket = parts.scheme == "unix" and bool(parts.path)
    is_network = parts.scheme in {"redis", "rediss"} and bool(parts.hostname) and parts.port != 0
    if not is_socket and not is_network:
        raise ValueError
    return value


def _passwords(url: str | None) -> tuple[str, ...]:
    """Return the passwords of a URL, before its host and in its query, as they stand there and as they are meant."""
    parts = urlsplit(url or "")
    parameters = [parameter.partition("=") for parameter in parts.query.split("&")]
    found = [parts.password, *(value for name, _, value in parameters if name == "password")]
    return tuple({form for one in found if one for form in (one, unquote(one))})


def _runtime(value: str) -> RuntimeChoice:
    choices: tuple[RuntimeChoice, ...] = get_args(RuntimeChoice)
    return choices[choices.index(value.lower())]  # a ValueError if it is none of them


def _inbox_mode(value: str) -> InboxMode:
    modes: tuple[InboxMode, ...] = get_args(InboxMode)
    return modes[modes.index(value.lower())]


def _share(value: str) -> float:
    number = float(value)
    if not 0 <= number <= 1:
        raise ValueError
    return number


def _positive(kind: Callable[[str], T]) -> Callable[[str], T]:
    def parse(value: str) -> T:
        number = kind(value)
        if not 0 < number < float("inf"):  # type: ignore[operator]  # int or float
            raise ValueError
        return number

    return parse


def _log_format(value: str) -> LogFormat:
    return LOG_FORMATS[LOG_FORMATS.index(value.lower())]  # a ValueError if it is none of them


def _log_level(value: str) -> str:
    if value.upper() not in LOG_LEVELS:
        raise ValueError
    return value.upper()
