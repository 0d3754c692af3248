"""Buttons and menus in Discord: how choices and thumbs are shown, and what a press says. Pure functions.

It may import discord.py and this package.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import discord

from adapters.base import IncomingMessage, ReplyChoice
from adapters.choices import (
    THUMB_DOWN,
    THUMB_UP,
    Press,
    Vote,
    from_data,
    presentable,
    title_on_a_line,
    to_data,
    vote_from_data,
    vote_to_data,
)
from adapters.discord_messages import interaction_to_message

ROW_LENGTH = 5
"""Buttons side by side."""

ROW_WIDTH = 80
"""Characters that buttons side by side may hold together; as many as one of them may."""

OPTION_LIMIT = 100
"""Characters of a line of a menu."""

MENU_ID = "choices"
"""The same for every menu, so that one of an earlier start is known; what was chosen tells the rest."""

Json = dict[str, Any]


def choice_rows(choices: Sequence[ReplyChoice], owner_id: str) -> list[Json]:
    """Return choices as the components of a message, for one person to press: a few short ones as buttons, else a menu.

    A row of buttons that is too long breaks anywhere, and several rows of them hide the message on a telephone.
    """
    shown = presentable(choices, title_limit=OPTION_LIMIT)
    if len(shown) > ROW_LENGTH or sum(len(choice.title) for choice in shown) > ROW_WIDTH:
        options = [{"label": choice.title, "value": to_data(owner_id, choice.id)} for choice in shown]
        return [_row([{"type": discord.ComponentType.select.value, "custom_id": MENU_ID, "options": options}])]
    style = discord.ButtonStyle.secondary
    buttons = [_button(choice.title, to_data(owner_id, choice.id), style) for choice in shown]
    return [_row(buttons)] if buttons else []


def thumbs_row(answer_id: str | None) -> list[Json]:
    """Return the buttons of a vote on an answer, for anybody to press; nothing without an id."""
    if answer_id is None:
        return []
    style = discord.ButtonStyle.secondary
    thumbs = [(THUMB_UP, Vote(answer_id, is_up=True)), (THUMB_DOWN, Vote(answer_id, is_up=False))]
    return [_row([_button(title, vote_to_data(vote), style) for title, vote in thumbs])]


def chosen_row(title: str, press: Press) -> list[Json]:
    """Return what takes the place of the choices: the chosen one, which cannot be pressed again."""
    button = _button(title_on_a_line(title), to_data(press.owner_id, press.choice_id), discord.ButtonStyle.primary)
    return [_row([{**button, "disabled": True}])] if title else []


def _button(title: str, data: str, style: discord.ButtonStyle) -> Json:
    return {"type": discord.ComponentType.button.value, "style": style.value, "label": title, "custom_id": data}


def _row(buttons: list[Json]) -> Json:
    return {"type": discord.ComponentType.action_row.value, "components": buttons}


def read_press(interaction: discord.Interaction) -> Press | None:
    """Return which choice was made; None if the interaction is anything else, or the button is none of ours."""
    return from_data(_carried(interaction))


def read_vote(interaction: discord.Interaction) -> Vote | None:
    """Return which thumb was pressed; None if the interaction is anything else."""
    return vote_from_data(_carried(interaction))


def _carried(interaction: discord.Interaction) -> object:
    """Return what the pressed button, or the chosen line of a menu, carries."""
    if interaction.type is not discord.InteractionType.component or interaction.message is None:
        return None
    data: Mapping[str, object] = interaction.data or {}
    match data:
        case {"custom_id": str(custom_id), "values": [value]} if custom_id == MENU_ID:
            return value
        case {"custom_id": custom_id}:
            return custom_id
    return None


def press_to_message(interaction: discord.Interaction, press: Press) -> IncomingMessage:
    """Return a press as a message, whose text is what the button or the line of the menu says."""
    return interaction_to_message(interaction, _title(interaction), choice_id=press.choice_id)


def vote_to_message(interaction: discord.Interaction) -> IncomingMessage:
    """Return a vote as a message without text: it tells who votes, and where."""
    return interaction_to_message(interaction, "")


def _title(interaction: discord.Interaction) -> str:
    chosen = _carried(interaction)
    return next((title for title, data in _shown(interaction.message) if data == chosen), "")


def _shown(message: discord.Message | None) -> Iterator[tuple[str, str | None]]:
    """Yield what each button and line of a message says, and what it carries."""
    for row in message.components if message is not None else []:
        for child in row.children if isinstance(row, discord.ActionRow) else []:
            if isinstance(child, discord.Button):
                yield child.label or "", child.custom_id
            elif isinstance(child, discord.SelectMenu):
                yield from ((option.label, option.value) for option in child.options)
