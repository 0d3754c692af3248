"""The password of the review page: its hash as text, sessions, and how often it may be tried."""

import io
import sys

import pytest

from bot.config import ConfigError, Settings, parse_settings
from bot.review import asking
from bot.review.attempts import A_PERSON, ALL, WITHIN_S, Attempts
from bot.review.password import HASH_BYTES, PasswordHash, hash_password, parse_password_hash
from bot.review.sessions import CAPACITY, IDLE_S, LONGEST_S, Sessions
from tests.unit.fakes import Clock

SALT, DIGEST = "A" * 22, "B" * 43
QUICK = PasswordHash(10, 8, 1, b"0123456789abcdef", b"0" * HASH_BYTES)


def test_a_hash_recognises_its_password_alone() -> None:
    """Also after it was written down and read again; two hashes of one password differ."""
    made = hash_password("correct horse \u00e9\U0001f40e")
    text = str(made)
    assert parse_password_hash(text) == made
    assert made.matches("correct horse \u00e9\U0001f40e")
    assert not made.matches("correct horse")
    assert not made.matches("")
    assert str(hash_password("correct horse \u00e9\U0001f40e")) != text
    assert text.startswith("scrypt:15:8:3:")
    assert not set(text) & set("$#'\"\\ \n"), "as it stands it may go into .env, a shell and a compose file"
    assert not {made.salt.hex(), made.digest.hex()} & set(repr(made).split())


def test_a_password_of_any_length_is_no_work() -> None:
    """Whoever sends a megabyte gets an answer at once; half a surrogate pair is no fault."""
    assert not QUICK.matches("x" * 1_000_000)
    assert not QUICK.matches("\ud800")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "secret",
        f"scrypt:15:8:3:{SALT}",
        f"bcrypt:15:8:3:{SALT}:{DIGEST}",
        f"scrypt:9:8:3:{SALT}:{DIGEST}",
        f"scrypt:20:32:1:{SALT}:{DIGEST}",
        f"scrypt:15:8:99:{SALT}:{DIGEST}",
        f"scrypt:15:8:x:{SALT}:{DIGEST}",
        f"scrypt:15:8:3:AAAA:{DIGEST}",
        f"scrypt:15:8:3:{SALT}:AAAA",
        f"scrypt:15:8:3:{SALT}:{'!' * 43}",
        f"scrypt:15:8:3:1:{SALT}:{DIGEST}",
    ],
)
def test_what_is_no_hash_is_refused(text: str) -> None:
    """So is one that is too weak, or would take too much memory."""
    with pytest.raises(ValueError, match="no hash of a password"):
        parse_password_hash(text)
    if text:
        with pytest.raises(ConfigError, match="REVIEW_PASSWORD_HASH: expected what `python -m bot hash-password`"):
            parse_settings({"REVIEW_PASSWORD_HASH": text})


def test_settings_of_the_page() -> None:
    """A password opens the page; the hash is a secret; without the health page there is none."""
    assert not Settings().has_review
    settings = parse_settings({"REVIEW_PASSWORD_HASH": str(QUICK)})
    assert (settings.has_review, settings.review_password_hash) == (True, QUICK)
    assert str(QUICK) in settings.secrets
    assert not parse_settings({"REVIEW_PASSWORD_HASH": str(QUICK), "REVIEW": "off"}).has_review
    assert parse_settings({"REVIEW": "on"}).has_review
    with pytest.raises(ConfigError, match="REVIEW: expected HEALTH_ADDRESS beside it"):
        parse_settings({"REVIEW": "on", "HEALTH_ADDRESS": ""})


def test_the_command_prints_a_line_for_the_configuration(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The password comes from the input, and is on no output."""
    monkeypatch.setattr(sys, "stdin", io.StringIO("correct horse\n"))
    assert asking.ask_and_print() == 0
    told = capsys.readouterr()
    name, _, value = told.out.strip().partition("=")
    assert name == "REVIEW_PASSWORD_HASH"
    assert parse_password_hash(value).matches("correct horse")
    assert "correct" not in told.out + told.err


def test_the_command_asks_twice_without_showing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What differs, and what is too short, is refused with the reason."""
    terminal = io.StringIO()
    monkeypatch.setattr(terminal, "isatty", lambda: True)
    monkeypatch.setattr(sys, "stdin", terminal)
    typed = iter(["correct horse", "correct house", "short", "short", "correct horse", "correct horse"])
    monkeypatch.setattr(asking.getpass, "getpass", lambda _prompt: next(typed))
    codes = [asking.ask_and_print() for _ in range(3)]
    told = capsys.readouterr()
    assert codes == [2, 2, 0]
    assert "not the same" in told.err
    assert "10 to 1000 characters" in told.err
    assert told.out.count("REVIEW_PASSWORD_HASH=") == 1


def test_sessions_end() -> None:
    """Unused for long, however long used, closed, or pushed out by others; each has its own token."""
    clock = Clock()
    sessions = Sessions(clock)
    session_id, session = sessions.open()
    other_id, other = sessions.open()
    assert sessions.find(session_id) is session
    assert session.knows(session.token)
    assert not session.knows(other.token)
    assert not session.knows("")
    assert not session.knows("\ud800")
    assert sessions.find("") is None
    assert sessions.find(session.token) is None
    for _ in range(int(LONGEST_S / IDLE_S * 2) - 1):
        clock.now += IDLE_S / 2
        assert sessions.find(session_id) is session
    assert sessions.find(other_id) is None, "it was not used"
    clock.now += IDLE_S / 2
    assert sessions.find(session_id) is None, "it was open for too long"
    closed_id, _ = sessions.open()
    sessions.close(closed_id)
    assert sessions.find(closed_id) is None
    first_id, _ = sessions.open()
    for _ in range(CAPACITY):
        sessions.open()
    assert len(sessions) == CAPACITY
    assert sessions.find(first_id) is None


def test_attempts_are_few_an_address_and_not_many_in_all() -> None:
    """They are free again with time, or for whoever succeeds; of IPv6, a whole network counts as one."""
    clock = Clock()
    attempts = Attempts(clock)
    for _ in range(A_PERSON):
        assert attempts.wait_s("192.0.2.1") == 0
        attempts.failed("192.0.2.1")
    assert attempts.wait_s("192.0.2.1") == WITHIN_S
    assert attempts.wait_s("192.0.2.2") == 0
    clock.now += WITHIN_S - 0.5
    assert attempts.wait_s("192.0.2.1") == 1
    clock.now += 0.5
    assert attempts.wait_s("192.0.2.1") == 0
    for number in range(A_PERSON):
        attempts.failed(f"2001:db8::{number}")
    assert attempts.wait_s("2001:db8::ffff")
    attempts.succeeded("2001:db8::1")
    assert attempts.wait_s("2001:db8::ffff") == 0
    for number in range(ALL):
        attempts.failed(f"10.0.0.{number}")
    assert attempts.wait_s("192.0.2.99"), "many addresses of one person are no way round"
