"""What a line in the terminal means, and how an answer looks there."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.base import IncomingMessage, Reply, ReplyAttachment, ReplyChoice
from adapters.console_adapter import LABEL, to_message, wrapped
from adapters.console_choices import answer_text, chosen, one_line

NOW = datetime(2030, 1, 2, tzinfo=UTC)


def read(line: str) -> IncomingMessage:
    return to_message(line, number=7, display_name="ada", received_at=NOW)


def test_a_line_is_a_message() -> None:
    """Whatever is typed is addressed to the bot, and stays as it is."""
    assert read(" hello \t") == IncomingMessage(
        platform="console",
        conversation_id="terminal",
        user_id="local",
        message_id="7",
        text=" hello \t",
        display_name="ada",
        is_direct=True,
        is_addressed=True,
        locale=None,
        received_at=NOW,
    )


@pytest.mark.parametrize(
    ("line", "command", "text"),
    [
        ("/help", "help", ""),
        ("  /Why  is that so  ", "why", "is that so"),
        ("/train a\tb", "train", "a\tb"),
        ("", None, ""),
        ("/", None, "/"),
        ("/ help", None, "/ help"),
        ("/usr/bin is a path", None, "/usr/bin is a path"),
        ("what does /help do", None, "what does /help do"),
    ],
)
def test_a_slash_makes_a_command(line: str, command: str | None, text: str) -> None:
    """Only a name right after a slash at the beginning does."""
    message = read(line)
    assert (message.command, message.text) == (command, text)


@given(st.text())
def test_an_answer_fits_on_one_line(text: str) -> None:
    """No line break of any kind is left, and no other character is lost."""
    line = one_line(text)
    assert len(line.splitlines()) <= 1
    assert "".join(line.split()) == "".join(text.split())


def test_an_answer_is_wrapped_and_indented() -> None:
    """Lines keep to the terminal's width below the label; blank lines and addresses stay."""
    address = "https://example.org/" + "x" * 60
    rows = wrapped("one two three four five six seven\n\nend " + address, 30).split("\n")
    indent = " " * len(LABEL)
    assert rows[0] == "one two three four"
    assert rows[1:3] == [indent + "five six seven", indent]
    assert rows[-2:] == [indent + "end", indent + address]


@given(st.text(), st.integers(min_value=0, max_value=200))
def test_any_answer_can_be_wrapped(text: str, columns: int) -> None:
    """However narrow the terminal, no word is lost."""
    assert wrapped(text, columns).split() == text.split()


SIZES = tuple(ReplyChoice(f"id{title}", title) for title in ("2", "4", "Other Size"))


@pytest.mark.parametrize(
    ("line", "choice_id"),
    [
        ("1", "id2"),
        ("3", "idOther Size"),
        (" 3) ", "idOther Size"),
        ("3.", "idOther Size"),
        ("other  size", "idOther Size"),
        ("2", "id2"),
        ("4", "id4"),
        ("0", None),
        ("5", None),
        ("03", None),
        ("-1", None),
        ("²", None),
        ("", None),
        ("9" * 5_000, None),
        ("3 of them", None),
    ],
)
def test_a_line_chooses_by_title_then_by_number(line: str, choice_id: str | None) -> None:
    """A title that is a number means itself; what is neither a title nor a number of the list is talk."""
    choice = chosen(line, SIZES)
    assert (choice and choice.id) == choice_id


def test_a_chosen_line_is_a_press() -> None:
    """It says what the option says, and bears its id; a command of the same name is no command then."""
    message = to_message(
        "/help", number=1, display_name="ada", received_at=NOW, choices=(ReplyChoice("h", "/help"), *SIZES)
    )
    assert (message.choice_id, message.text, message.command) == ("h", "/help", None)


@given(st.text())
def test_without_options_nothing_is_chosen(line: str) -> None:
    """Any line is what was said."""
    assert chosen(line, ()) is None


def test_an_answer_shows_all_that_goes_with_it() -> None:
    """First the text, then what goes with it, then the numbered options; an answer with none of it stays as it is."""
    attachments = (ReplyAttachment("/srv/a.png", is_image=True), ReplyAttachment("https://b.org", is_image=False))
    answer = answer_text(Reply("Which?\n", choices=SIZES, attachments=attachments))
    assert answer.split("\n") == ["Which?", "/srv/a.png", "https://b.org", "1) 2", "2) 4", "3) Other Size"]
    assert answer_text(Reply(" as it is \n")) == " as it is \n"
