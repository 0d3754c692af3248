"""How the command table stands in Telegram's menus."""

import re

from hypothesis import given
from hypothesis import strategies as st
from telegram import BotCommandScopeChat, BotCommandScopeDefault

from adapters.base import Command
from adapters.telegram_menus import MenuKey, entries, menus_of_admin, menus_of_all

TABLE = (
    Command("help", "Shows what I can do.", descriptions={"de": "Zeigt, was ich kann."}),
    Command("admin stats", "Shows figures.", admin_only=True),
    Command("admin why", "Explains an answer.", admin_only=True, descriptions={"es": "Explica una respuesta."}),
)


def shown(menu: object) -> dict[str, str]:
    assert isinstance(menu, tuple)
    return {entry.command: entry.description for entry in menu}


def test_each_language_has_a_menu() -> None:
    """Every language of any description, for otherwise a command without one would be missing there."""
    menus = menus_of_all(TABLE)
    default = {key.language: shown(menu) for key, menu in menus.items() if key.scope == BotCommandScopeDefault()}
    assert default == {
        "": {"help": "Shows what I can do."},
        "de": {"help": "Zeigt, was ich kann."},
        "es": {"help": "Shows what I can do."},
    }
    assert all(menu == () for key, menu in menus.items() if key.scope != BotCommandScopeDefault())


def test_a_groups_commands_share_an_entry() -> None:
    """Telegram knows no commands in groups: the description names them, unless the group's name is a command itself."""
    menu = menus_of_admin(TABLE, "900")[MenuKey(BotCommandScopeChat(900), "de")]
    assert shown(menu) == {"help": "Zeigt, was ich kann.", "admin": "stats, why"}
    assert shown(entries((*TABLE, Command("admin", "What admins do.")), "")) == {
        "help": "Shows what I can do.",
        "admin": "What admins do.",
    }


NAMES = st.from_regex(re.compile(r"[a-z0-9_]{1,32}( [a-z0-9_]{1,32})?", re.ASCII), fullmatch=True)


@given(names=st.lists(NAMES, max_size=150, unique=True))
def test_any_table_makes_a_menu_that_telegram_takes(names: list[str]) -> None:
    """No entry twice, at most a hundred, each described in 1 to 256 characters."""
    menu = entries([Command(name, "Does something.") for name in names], "")
    assert len(menu) == min(len({name.partition(" ")[0] for name in names}), 100)
    assert len({entry.command for entry in menu}) == len(menu)
    assert all(1 <= len(entry.description) <= 256 for entry in menu)
