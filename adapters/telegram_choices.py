"""Buttons in Telegram: how choices are laid out under a message. Pure functions.

It may import python-telegram-bot and this package.
"""

from collections.abc import Sequence

from telegram import InlineKeyboardButton, InlineKeyboardMarkup

from adapters.base import ReplyChoice
from adapters.choices import presentable, to_data

ROW_WIDTH = 30
"""Characters that can be read side by side on the narrowest telephones, where a row is shared out evenly."""

MOST_IN_A_ROW = 4


def keyboard(choices: Sequence[ReplyChoice], owner_id: str) -> InlineKeyboardMarkup | None:
    """Return choices as buttons for one person to press, long ones below each other; None without any."""
    rows: list[list[ReplyChoice]] = []
    for choice in presentable(choices):
        if rows and _fit([*rows[-1], choice]):
            rows[-1].append(choice)
        else:
            rows.append([choice])
    buttons = [
        [InlineKeyboardButton(choice.title, callback_data=to_data(owner_id, choice.id)) for choice in row]
        for row in rows
    ]
    return InlineKeyboardMarkup(buttons) if buttons else None


def _fit(row: Sequence[ReplyChoice]) -> bool:
    return len(row) <= MOST_IN_A_ROW and max(len(choice.title) for choice in row) <= ROW_WIDTH // len(row)
