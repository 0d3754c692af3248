"""The password of the review page: its hash as text, sessions, and how often it may be tried."""

import asyncio
import io
import sys

import pytest

from bot.config import ConfigError, Settings, parse_settings
from bot.review import asking
from bot.review.attempts import A_PERSON, ALL, KNOWN, PAUSE_S, WITHIN_S, Attempts
from bot.review.attempts import CAPACITY as ATTEMPTS_KEPT
from bot.review.callers import caller_from
from bot.review.lane import Lane, LaneFullError
from bot.review.password import HASH_BYTES, PasswordHash, hash_password, parse_password_hash
from bot.review.sessions import CAPACITY, IDLE_S, LONGEST_S, Sessions
from tests.unit.fakes import WAIT_S, Clock

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


def test_attempts_are_few_an_address() -> None:
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


def test_many_addresses_are_slowed_down_and_lock_nobody_out() -> None:
    """They are no way round, yet whoever comes from elsewhere need not wait, and goes before them."""
    clock = Clock()
    attempts = Attempts(clock)
    assert attempts.pause_s() == 0
    for number in range(ALL):
        attempts.failed(f"10.0.0.{number}")
    assert attempts.pause_s() == PAUSE_S
    assert attempts.wait_s("192.0.2.99") == 0
    attempts.failed("2001:db8:1::1")
    ranks = [attempts.rank(one) for one in ("192.0.2.99", "2001:db8:1:7::1", "10.0.0.200")]
    assert ranks == [0, 1, ALL]
    attempts.succeeded("10.0.0.200")
    assert attempts.rank("10.0.0.200") == -1, "who knew the password once goes first, whatever their neighbours do"
    clock.now += WITHIN_S
    assert attempts.pause_s() == 0
    assert attempts.rank("10.0.0.201") == 0


def test_what_is_remembered_of_addresses_is_bounded() -> None:
    """However many come, and those that came last are among them."""
    attempts = Attempts(Clock())
    addresses = [f"10.{number >> 8}.{number & 255}.1" for number in range(2 * ATTEMPTS_KEPT)]
    for address in addresses:
        for _ in range(A_PERSON):
            attempts.failed(address)
        attempts.succeeded(address)
        attempts.failed(address)
    kept = [attempts._by_person._times, attempts._by_neighbourhood._times, attempts._known]
    assert [len(one) for one in kept] == [ATTEMPTS_KEPT, ATTEMPTS_KEPT, KNOWN]
    assert attempts.rank(addresses[-1]) == -1
    assert attempts.rank(addresses[0]) == 0


async def test_the_lane_goes_to_the_least_rank() -> None:
    """Among equals to who came first; who gives up waiting holds up nobody."""
    lane, order = Lane(), []

    async def drive(rank: int, name: str) -> None:
        async with lane.turn(rank):
            order.append(name)
            await asyncio.sleep(0)

    async with lane.turn(9):
        names = [(3, "c"), (0, "a"), (3, "d"), (1, "gone"), (1, "b")]
        tasks = [asyncio.create_task(drive(rank, name)) for rank, name in names]
        await asyncio.sleep(0)
        tasks[3].cancel()
    await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), WAIT_S)
    assert order == ["a", "b", "c", "d"]
    await asyncio.wait_for(drive(0, "last"), WAIT_S)


async def test_few_wait_for_the_lane() -> None:
    """Beyond them the greatest rank is turned away, be it whoever came last or not; so a flood holds no memory."""
    lane, order = Lane(most=2), []

    async def drive(rank: int, name: str) -> None:
        async with lane.turn(rank):
            order.append(name)

    async with lane.turn(0):
        names = [(2, "b"), (3, "turned away"), (1, "a"), (2, "too late")]
        tasks = [asyncio.create_task(drive(rank, name)) for rank, name in names]
        await asyncio.sleep(0)
        tasks[1].cancel()  # too late as well: it is out already, and has no turn to pass on
    found = await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), WAIT_S)
    assert [type(one) for one in found] == [type(None), asyncio.CancelledError, type(None), LaneFullError]
    assert order == ["a", "b"]
    await asyncio.wait_for(drive(0, "last"), WAIT_S)


async def test_a_turn_that_comes_too_late_is_passed_on() -> None:
    """Who is cancelled in the moment they are given the lane leaves it to the next."""
    lane = Lane()
    entered = asyncio.Event()

    async def drive() -> None:
        async with lane.turn(0):
            entered.set()

    async with lane.turn(0):
        late, next_one = asyncio.create_task(drive()), asyncio.create_task(drive())
        await asyncio.sleep(0)
    late.cancel()
    await asyncio.wait_for(next_one, WAIT_S)
    assert late.cancelled()
    assert entered.is_set()


@pytest.mark.parametrize(
    ("peer", "told", "caller"),
    [
        ("127.0.0.1", [], "127.0.0.1"),
        ("127.0.0.1", ["198.51.100.7"], "198.51.100.7"),
        ("172.18.0.2", ["8.8.8.8, 198.51.100.7"], "198.51.100.7"),
        ("::1", ["8.8.8.8", "1.2.3.4 , [2001:db8::7]:4711"], "2001:db8::7"),
        ("127.0.0.1", ["198.51.100.7:4711"], "198.51.100.7"),
        ("127.0.0.1", ["::ffff:198.51.100.7"], "198.51.100.7"),
        ("127.0.0.1", ["unknown"], "127.0.0.1"),
        ("127.0.0.1", ["fe80::1%logged in from \x1b[2J"], "fe80::1"),
        ("127.0.0.1", ["198.51.100.7, "], "127.0.0.1"),
        ("::ffff:8.8.4.4", ["198.51.100.7"], "8.8.4.4"),
        ("8.8.4.4", ["198.51.100.7"], "8.8.4.4"),
    ],
)
def test_a_proxy_nearby_is_believed_about_who_calls(peer: str, told: list[str], caller: str) -> None:
    """But only what it added last; a stranger's word counts for nothing."""
    assert caller_from(peer, told) == caller
