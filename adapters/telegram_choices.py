"""Buttons in Telegram: how choices and thumbs are laid out under a message. Pure functions.

It may import python-telegram-bot and this package.
"""

from collections.abc import Sequence
from dataclasses import replace

from telegram import InlineKeyboardButton, InlineKeyboardMarkup

from adapters.base import Reply, ReplyChoice
from adapters.choices import THUMB_DOWN, THUMB_UP, Vote, presentable, to_data, votable_id, vote_to_data
from adapters.formatting import plain_name

ROW_WIDTH = 30
"""Characters that can be read side by side on the narrowest telephones, where a row is shared out evenly."""

MOST_IN_A_ROW = 4


def keyboard(reply: Reply, owner_id: str) -> InlineKeyboardMarkup | None:
    """Return what stands under an answer, if anything: choices, for one person to press, or thumbs for everybody."""
    rows = [[_choice_button(choice, owner_id) for choice in row] for row in _rows(reply.choices)]
    answer_id = votable_id(reply)
    if answer_id is not None:
        rows.append([_thumb(THUMB_UP, Vote(answer_id, is_up=True)), _thumb(THUMB_DOWN, Vote(answer_id, is_up=False))])
    return InlineKeyboardMarkup(rows) if rows else None


def pressable(reply: Reply, owner_id: str, chat_id: int) -> Reply:
    """Return an answer whose choices are a list in its text where nobody could press them: of a channel that asked.

    People press in their own name. Of a group its anonymous admins are known; who speaks for a channel is not told to a
    bot outside of it.
    """
    is_channel = owner_id.startswith("-") and owner_id != str(chat_id)
    if not is_channel or not reply.choices:
        return reply
    titles = [f"- {plain_name(choice.title)}" for choice in presentable(reply.choices)]
    return replace(reply, text="\n".join([reply.text, "", *titles]), choices=(), can_vote=False)


def _choice_button(choice: ReplyChoice, owner_id: str) -> InlineKeyboardButton:
    return InlineKeyboardButton(choice.title, callback_data=to_data(owner_id, choice.id))


def _thumb(sign: str, vote: Vote) -> InlineKeyboardButton:
    return InlineKeyboardButton(sign, callback_data=vote_to_data(vote))


def _rows(choices: Sequence[ReplyChoice]) -> list[list[ReplyChoice]]:
    """Lay choices out: long ones below each other."""
    rows: list[list[ReplyChoice]] = []
    for choice in presentable(choices):
        if rows and _fit([*rows[-1], choice]):
            rows[-1].append(choice)
        else:
            rows.append([choice])
    return rows


def _fit(row: Sequence[ReplyChoice]) -> bool:
    return len(row) <= MOST_IN_A_ROW and max(len(choice.title) for choice in row) <= ROW_WIDTH // len(row)
