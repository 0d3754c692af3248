"""What `/help` and `/admin` show."""

from collections.abc import Sequence

from adapters.base import Command
from bot.words import language_of, say
from intents.catalog import IntentCatalog
from intents.phrases import PHRASES

N_EXAMPLES = 5


def help_text(catalog: IntentCatalog, commands: Sequence[Command], locale: str | None) -> str:
    """Return what can be asked, and the commands.

    Parameters
    ----------
    catalog
        Its examples, and its own words for what introduces them.
    commands
        Those that the asking person may use.
    locale
        Theirs.
    """
    own = catalog.phrases
    language = language_of(locale) or ""
    introduction = own.get(language, {}).get("examples") or own.get("", {}).get("examples") or PHRASES["examples"]
    examples = [f"- {text}" for text in catalog.examples(N_EXAMPLES)]
    return "\n".join([introduction, *examples, "", say("commands", locale), *_listed(commands, locale)])


def admin_text(commands: Sequence[Command], locale: str | None) -> str:
    """Return the commands that only admins have."""
    return "\n".join([say("commands", locale), *_listed([one for one in commands if one.admin_only], locale)])


def _listed(commands: Sequence[Command], locale: str | None) -> list[str]:
    language = language_of(locale) or ""
    return [f"/{one.name}: {one.descriptions.get(language, one.description)}" for one in commands]
