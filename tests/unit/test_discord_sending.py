"""What an answer becomes before it is sent to Discord: whatever it holds, Discord takes it."""

import asyncio
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.base import Reply, ReplyAttachment, ReplyChoice
from adapters.discord_sending import FILE_NAME, MESSAGE_LIMIT, MOST_PARTS, to_parts

PIECES = st.sampled_from(
    ["word ", "\n\n", "```", "```python\n", "\ud83d", "\U0001f600", "x" * 700, "One. " * 100, "\n"]
)
TEXTS = st.lists(PIECES, max_size=60).map("".join)
CHOICES = st.lists(st.builds(ReplyChoice, st.text(max_size=40), st.text(max_size=200)), max_size=30).map(tuple)
ATTACHMENTS = st.lists(st.integers(0, 20).map(lambda n: ReplyAttachment(f"https://example.org/{n}", n % 2 == 0))).map(
    tuple
)
REPLIES = st.builds(
    Reply, TEXTS, choices=CHOICES, attachments=ATTACHMENTS, answer_id=st.just("a1"), can_vote=st.booleans()
)


@given(REPLIES)
def test_any_answer_is_within_the_limits(reply: Reply) -> None:
    """Few messages, none blank or too long, that can be written as JSON; a long answer is whole in its file."""
    parts = asyncio.run(to_parts(reply, "1"))
    assert len(parts) <= MOST_PARTS
    for part in parts:
        payload = part.payload()
        json.dumps(payload, ensure_ascii=False).encode()
        assert 1 <= len(payload["content"].strip()) <= MESSAGE_LIMIT
        assert len(payload.get("embeds", [])) <= 10
        for file in part.files:
            assert file.name == FILE_NAME
            assert reply.text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace") in file.data.decode()
        assert all(1 <= len(text) <= MESSAGE_LIMIT for text in part.spelled_out)
    assert all(not part.rows for part in parts[:-1])


@pytest.mark.parametrize(("is_hidden", "n_thumbs"), [(False, 2), (True, 0)])
async def test_nobody_votes_on_what_one_person_sees(is_hidden: bool, n_thumbs: int) -> None:
    """One vote would tell nothing."""
    (part,) = await to_parts(Reply("x", answer_id="a1", can_vote=True), "1", is_hidden=is_hidden)
    assert sum(len(row["components"]) for row in part.rows) == n_thumbs


async def test_every_message_has_a_nonce_of_its_own() -> None:
    """By which Discord knows it again, and no other."""
    parts = await to_parts(Reply("word " * 1_400), "1")
    assert len({part.nonce for part in parts}) == len(parts) == 4
