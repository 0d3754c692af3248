"""Buttons in Discord: how choices are shown, and what a press says. Pure functions.

It may import discord.py and this package.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import discord

from adapters.base import IncomingMessage, ReplyChoice
from adapters.choices import Press, from_data, presentable, to_data
from adapters.discord_messages import interaction_to_message

ROW_LENGTH = 5
"""Buttons side by side; Discord breaks a row that is too wide."""

Json = dict[str, Any]


def button_rows(choices: Sequence[ReplyChoice], owner_id: str) -> list[Json]:
    """Return choices as the components of a message, for one person to press."""
    buttons = [
        _button(choice.title, to_data(owner_id, choice.id), discord.ButtonStyle.secondary)
        for choice in presentable(choices)
    ]
    return [_row(buttons[i : i + ROW_LENGTH]) for i in range(0, len(buttons), ROW_LENGTH)]


def chosen_row(title: str, press: Press) -> list[Json]:
    """Return what takes the place of the buttons: the chosen one, which cannot be pressed again."""
    button = _button(title, to_data(press.owner_id, press.choice_id), discord.ButtonStyle.primary)
    return [_row([{**button, "disabled": True}])] if title else []


def _button(title: str, data: str, style: discord.ButtonStyle) -> Json:
    return {"type": discord.ComponentType.button.value, "style": style.value, "label": title, "custom_id": data}


def _row(buttons: list[Json]) -> Json:
    return {"type": discord.ComponentType.action_row.value, "components": buttons}


def read_press(interaction: discord.Interaction) -> Press | None:
    """Return which button was pressed; None if the interaction is anything else, or the button is none of ours."""
    if interaction.type is not discord.InteractionType.component or interaction.message is None:
        return None
    return from_data(_custom_id(interaction))


def _custom_id(interaction: discord.Interaction) -> object:
    data: Mapping[str, object] = interaction.data or {}
    return data.get("custom_id")


def press_to_message(interaction: discord.Interaction, press: Press) -> IncomingMessage:
    """Return a press as a message, whose text is what the button says."""
    return interaction_to_message(interaction, _title(interaction), choice_id=press.choice_id)


def _title(interaction: discord.Interaction) -> str:
    pressed = _custom_id(interaction)
    labels = (button.label for button in _buttons(interaction.message) if button.custom_id == pressed)
    return next(labels, None) or ""


def _buttons(message: discord.Message | None) -> Iterator[discord.Button]:
    for row in message.components if message is not None else []:
        if isinstance(row, discord.ActionRow):
            yield from (child for child in row.children if isinstance(child, discord.Button))
