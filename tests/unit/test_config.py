"""The settings: every variable, every fault at once, and where a value comes from."""

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.config import ConfigError, Settings, parse_settings, read_environment
from bot.review.password import parse_password_hash

HASH = f"scrypt:15:8:3:{'A' * 22}:{'B' * 42}A"

GOOD: dict[str, tuple[str, str, Any]] = {
    "DISCORD_TOKEN": ("MTA.abc-d_e", "discord_token", "MTA.abc-d_e"),
    "DISCORD_ADMIN_IDS": ("12, 0034,,12", "discord_admin_ids", frozenset({"12", "34"})),
    "DISCORD_ADMIN_ROLE_IDS": ("56, 7", "discord_admin_role_ids", frozenset({"56", "7"})),
    "DISCORD_MANAGERS_ARE_ADMINS": ("ON", "discord_managers_are_admins", True),
    "DISCORD_GUILD_IDS": ("7,5,7", "discord_guild_ids", (7, 5)),
    "DISCORD_API_URL": ("http://127.0.0.1:80/api/v10", "discord_api_url", "http://127.0.0.1:80/api/v10"),
    "DISCORD_GATEWAY_URL": ("ws://[::1]:80/", "discord_gateway_url", "ws://[::1]:80/"),
    "DISCORD_HANDOFF_CHANNEL": ("77", "discord_handoff_channel", "77"),
    "SHARD_COUNT": ("16", "shard_count", 16),
    "SHARD_IDS": ("0, 2-4,3", "shard_ids", (0, 2, 3, 4)),
    "TELEGRAM_TOKEN": ("1:abc", "telegram_token", "1:abc"),
    "TELEGRAM_ADMIN_IDS": ("12", "telegram_admin_ids", frozenset({"12"})),
    "TELEGRAM_API_URL": ("https://host/bot", "telegram_api_url", "https://host/bot"),
    "TELEGRAM_HANDOFF_CHAT": ("-10077", "telegram_handoff_chat", "-10077"),
    "TELEGRAM_WEBHOOK_URL": ("https://host/hook", "telegram_webhook_url", "https://host/hook"),
    "TELEGRAM_WEBHOOK_SECRET": ("s_e-1", "telegram_webhook_secret", "s_e-1"),
    "TELEGRAM_WEBHOOK_LISTEN": ("[::]:0", "telegram_webhook_listen", "[::]:0"),
    "TELEGRAM_WEBHOOK_CERT": (__file__, "telegram_webhook_cert", Path(__file__)),
    "TELEGRAM_WEBHOOK_KEY": (__file__, "telegram_webhook_key", Path(__file__)),
    "TELEGRAM_INLINE": ("off", "telegram_inline", False),
    "ACTION_MODULES": ("a.b, c,,a.b", "action_modules", ("a.b", "c")),
    "INTENTS_PATH": ("my intents.json", "intents_path", Path("my intents.json")),
    "STORIES_PATH": ("my stories", "stories_path", Path("my stories")),
    "MODELS_DIR": ("/m", "models_dir", Path("/m")),
    "STATE_DIR": ("s", "state_dir", Path("s")),
    "STATE_URL": ("redis://:pass@host:6379/0", "state_url", "redis://:pass@host:6379/0"),
    "ENCODER_DIR": ("e", "encoder_dir", Path("e")),
    "MODEL_RUNTIME": ("Keras", "model_runtime", "keras"),
    "CONFIDENCE_THRESHOLD": ("0.25", "confidence_threshold", 0.25),
    "CONTEXT_TTL_S": ("1.5", "context_ttl_s", 1.5),
    "CONTEXT_CAPACITY": ("1", "context_capacity", 1),
    "COOLDOWN_S": ("0", "cooldown_s", 0.0),
    "FEEDBACK": ("Off", "feedback", False),
    "INBOX": ("Text", "inbox", "text"),
    "REGRESSION_PATH": ("r.jsonl", "regression_path", Path("r.jsonl")),
    "REGRESSION_MARGIN": ("0.05", "regression_margin", 0.05),
    "BUNDLES_KEPT": ("9", "bundles_kept", 9),
    "SERVER_INTENTS": (
        "discord:5=a.yaml, telegram:-7 = b c",
        "server_intents",
        {("discord", "5"): Path("a.yaml"), ("telegram", "-7"): Path("b c")},
    ),
    "HEALTH_ADDRESS": ("[::1]:0", "health_address", "[::1]:0"),
    "REVIEW": ("on", "review", True),
    "REVIEW_PASSWORD_HASH": (HASH, "review_password_hash", parse_password_hash(HASH)),
    "REVIEW_REPORT": ("a/report", "review_report", Path("a/report")),
    "LOG_LEVEL": ("debug", "log_level", "DEBUG"),
    "LOG_FORMAT": ("JSON", "log_format", "json"),
}

COMPANIONS = {
    "DISCORD_MANAGERS_ARE_ADMINS": {"DISCORD_GUILD_IDS": "7"},
    "SHARD_IDS": {"SHARD_COUNT": "5"},
    "TELEGRAM_WEBHOOK_CERT": {"TELEGRAM_WEBHOOK_KEY": __file__},
    "TELEGRAM_WEBHOOK_KEY": {"TELEGRAM_WEBHOOK_CERT": __file__},
}
"""What a variable is of no use without."""

WRONG: dict[str, list[str]] = {
    "DISCORD_TOKEN": ["two words", "tokén"],
    "DISCORD_ADMIN_IDS": ["ann", "-1", "1;2", "٣", "9" * 5_000],
    "DISCORD_ADMIN_ROLE_IDS": ["@mods"],
    "DISCORD_MANAGERS_ARE_ADMINS": ["yes", "1"],
    "DISCORD_GUILD_IDS": ["1.5", "my server"],
    "DISCORD_API_URL": ["host", "ws://host", "http://", "http://host:99999", "http://[", "http://host:0"],
    "DISCORD_GATEWAY_URL": ["http://host", "ws:/host"],
    "TELEGRAM_TOKEN": ["1:a b"],
    "TELEGRAM_ADMIN_IDS": ["@ann"],
    "TELEGRAM_API_URL": ["127.0.0.1:80/bot"],
    "DISCORD_HANDOFF_CHANNEL": ["#admins", "-7"],
    "TELEGRAM_HANDOFF_CHAT": ["@admins", "--7", "-"],
    "SHARD_COUNT": ["0", "two"],
    "SHARD_IDS": ["1;2", "-1", "4-2", "0-", "0-99999999999"],
    "TELEGRAM_WEBHOOK_URL": ["http://host/hook", "host"],
    "TELEGRAM_WEBHOOK_SECRET": ["a b", "x" * 257, "é"],
    "TELEGRAM_WEBHOOK_LISTEN": ["8443", "host:x", "host:70000"],
    "TELEGRAM_INLINE": ["yes"],
    "COOLDOWN_S": ["-1", "inf", "soon"],
    "FEEDBACK": ["1"],
    "SERVER_INTENTS": ["5=a.yaml", "discord:5", "discord:x=a", "matrix:5=a", "discord:5=a,"],
    "ACTION_MODULES": ["a b", "a.b:c", "a..b", "1a"],
    "REGRESSION_MARGIN": ["2", "1 %"],
    "BUNDLES_KEPT": ["0", "all"],
    "INBOX": ["on", "all"],
    "MODEL_RUNTIME": ["torch"],
    "CONFIDENCE_THRESHOLD": ["1.01", "-0.1", "nan", "60 %"],
    "CONTEXT_TTL_S": ["0", "-1", "inf", "nan", "20 min"],
    "CONTEXT_CAPACITY": ["0", "1.5", "many"],
    "STATE_URL": ["host:6379", "http://host", "redis://", "unix://"],
    "LOG_LEVEL": ["loud", "WARN", "10"],
    "REVIEW": ["yes", "127.0.0.1"],
    "REVIEW_PASSWORD_HASH": ["secret", "scrypt:15:8:3:AAAA:AAAA"],
    "LOG_FORMAT": ["xml"],
    "HEALTH_ADDRESS": ["8080", ":8080", "host:", "host:65536", "off"],
}


@pytest.mark.parametrize("name", GOOD)
def test_a_variable_sets_its_field(name: str) -> None:
    """Each variable is read, blanks around it do not count, and it changes nothing else."""
    text, field, value = GOOD[name]
    companions = COMPANIONS.get(name, {})
    settings = parse_settings({name: f" {text} ", **companions})
    assert getattr(settings, field) == value
    default = Settings()
    others = [other for key, (_, other, _) in GOOD.items() if key != name and key not in companions]
    assert [getattr(settings, other) for other in others] == [getattr(default, other) for other in others]


def test_every_setting_has_its_variable() -> None:
    """A field that no variable sets would be a setting that nobody can set."""
    assert {field for _, field, _ in GOOD.values()} == set(Settings.__dataclass_fields__)


@pytest.mark.parametrize("empty", ["", " \t"])
def test_an_empty_variable_counts_as_unset(empty: str) -> None:
    """All of them empty are the defaults, but for the health page, which is then off."""
    everything = dict.fromkeys(GOOD, empty)
    assert parse_settings(everything) == Settings(health_address=None)
    del everything["HEALTH_ADDRESS"]
    assert parse_settings(everything) == parse_settings({}) == Settings()


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in WRONG.items() for value in values])
def test_a_wrong_value_is_named_and_not_shown(name: str, value: str) -> None:
    """The fault is one line on the variable and what was expected, whatever stands there: it might be a token."""
    with pytest.raises(ConfigError) as error:
        parse_settings({name: value})
    with pytest.raises(ConfigError) as secret_error:
        parse_settings({name: "a secret token"})
    assert str(error.value).startswith(f"{name}: expected ")
    assert len(str(error.value).splitlines()) == 1
    assert str(error.value) == str(secret_error.value)
    assert "secret" not in str(error.value)


def test_all_faults_are_reported_at_once() -> None:
    """One line for every wrong variable, none for the right ones."""
    wrong = {name: values[0] for name, values in WRONG.items()}
    with pytest.raises(ConfigError) as error:
        parse_settings({**wrong, "STATE_DIR": "fine"})
    assert [line.partition(":")[0] for line in str(error.value).splitlines()] == sorted(wrong, key=list(GOOD).index)


@pytest.mark.parametrize(
    ("environment", "faults"),
    [
        ({"DISCORD_MANAGERS_ARE_ADMINS": "on"}, ["DISCORD_MANAGERS_ARE_ADMINS: expected DISCORD_GUILD_IDS beside it"]),
        ({"SHARD_IDS": "0"}, ["SHARD_IDS: expected SHARD_COUNT beside it"]),
        ({"SHARD_IDS": "0-3", "SHARD_COUNT": "3"}, ["SHARD_IDS: expected numbers below SHARD_COUNT, from 0 to 2"]),
        ({"SHARD_IDS": "0", "SHARD_COUNT": "none"}, ["SHARD_COUNT: expected a whole number"]),
        ({"TELEGRAM_WEBHOOK_CERT": __file__}, ["TELEGRAM_WEBHOOK_CERT: expected TELEGRAM_WEBHOOK_KEY beside it"]),
        (
            {"TELEGRAM_WEBHOOK_CERT": "/no/such.pem", "TELEGRAM_WEBHOOK_KEY": "/", "SHARD_IDS": "7"},
            [
                "SHARD_IDS: ",
                "TELEGRAM_WEBHOOK_CERT: expected a PEM file that",
                "TELEGRAM_WEBHOOK_KEY: expected a PEM file",
            ],
        ),
    ],
)
def test_values_that_do_not_go_together_are_reported(environment: dict[str, str], faults: list[str]) -> None:
    """All of them, each by its variable; the consequence of another fault is no fault."""
    with pytest.raises(ConfigError) as error:
        parse_settings(environment)
    lines = str(error.value).splitlines()
    assert len(lines) == len(faults)
    assert all(line.startswith(fault) for line, fault in zip(lines, faults, strict=True))


@given(st.dictionaries(st.sampled_from(sorted(GOOD)), st.text()))
def test_any_environment_is_read_or_refused_by_name(environment: dict[str, str]) -> None:
    """No value raises anything but the one error, and that names variables of the environment."""
    faults = ""
    try:
        parse_settings(environment)
    except ConfigError as error:
        faults = str(error)
    assert {line.partition(":")[0] for line in faults.splitlines()} <= set(environment)


def test_tokens_are_not_shown_by_the_settings() -> None:
    """A log line or a trace that holds the settings holds no token."""
    settings = parse_settings({"DISCORD_TOKEN": "discord-secret", "TELEGRAM_TOKEN": "1:telegram-secret"})
    assert "secret" not in repr(settings)
    assert settings.secrets == ("discord-secret", "1:telegram-secret")
    assert Settings().secrets == ()


@pytest.mark.parametrize(
    ("url", "secrets"),
    [
        ("redis://:pa%20ss@host:6379/0", {"pa%20ss", "pa ss"}),
        ("redis://host:6379/0?password=pa%20ss&protocol=3", {"pa%20ss", "pa ss"}),
        ("redis://:one@host?password=other", {"one", "other"}),
        ("redis://host:6379/0?password=", set()),
        ("redis://user@host:6379/0", set()),
    ],
)
def test_passwords_of_the_shared_state_are_secrets(url: str, secrets: set[str]) -> None:
    """Wherever redis-py looks for them, as they are written and as they are meant."""
    assert set(parse_settings({"STATE_URL": url}).secrets) == secrets


# Where values come from.


@pytest.fixture
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory of its own, and none of the variables set."""
    monkeypatch.chdir(tmp_path)
    for name in GOOD:
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def test_the_file_in_the_working_directory_is_read(directory: Path) -> None:
    """`.env` supplies what the process lacks; dollar signs are left alone, as is a name without a value."""
    (directory / ".env").write_text("# mine\nSTATE_DIR='a ${HOME} b'\nexport LOG_LEVEL=INFO\nMODELS_DIR\n", "utf-8")
    environment = read_environment()
    assert (environment["STATE_DIR"], environment["LOG_LEVEL"]) == ("a ${HOME} b", "INFO")
    assert "MODELS_DIR" not in environment


@pytest.mark.parametrize("value", ["ERROR", ""])
def test_a_variable_of_the_process_wins(directory: Path, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Even an empty one, so that a token in the file can be switched off for one run."""
    (directory / ".env").write_text("LOG_LEVEL=INFO\n")
    monkeypatch.setenv("LOG_LEVEL", value)
    assert read_environment()["LOG_LEVEL"] == value


def test_no_file_is_needed(directory: Path) -> None:
    """Without `.env`, or with a directory of that name, the process's variables are all."""
    assert read_environment() == dict(os.environ)
    (directory / ".env").mkdir()
    assert read_environment() == dict(os.environ)


def test_a_named_file_replaces_the_usual_one(directory: Path) -> None:
    """With a file named, `.env` is not read at all."""
    (directory / ".env").write_text("LOG_LEVEL=INFO\nSTATE_DIR=s\n")
    (directory / "other").write_text("LOG_LEVEL=ERROR\n")
    environment = read_environment(directory / "other")
    assert environment["LOG_LEVEL"] == "ERROR"
    assert "STATE_DIR" not in environment


@pytest.mark.parametrize("name", ["missing.env", "."])
def test_a_named_file_must_be_there(directory: Path, name: str) -> None:
    """Serving with other settings than those asked for would be worse than not serving."""
    with pytest.raises(ConfigError, match=r"^--env-file .*: no such file"):
        read_environment(directory / name)


def test_a_file_that_is_no_text_is_refused(directory: Path) -> None:
    """The error names the file, and shows nothing of what it holds."""
    (directory / ".env").write_bytes(b"DISCORD_TOKEN=secret\xff\n")
    with pytest.raises(ConfigError, match=r"^\.env: cannot be read") as error:
        read_environment()
    assert "secret" not in str(error.value)


@pytest.mark.parametrize(
    ("environment", "stories"),
    [
        ({}, Path("intents/stories")),
        ({"INTENTS_PATH": "mine.yaml"}, None),
        ({"STORIES_PATH": "mine"}, Path("mine")),
        ({"STORIES_PATH": "none"}, None),
        ({"INTENTS_PATH": "mine.yaml", "STORIES_PATH": "s"}, Path("s")),
    ],
)
def test_the_starters_stories_are_for_the_starter_alone(environment: dict[str, str], stories: Path | None) -> None:
    """Another catalog has its own stories, or none."""
    assert parse_settings(environment).stories == stories
