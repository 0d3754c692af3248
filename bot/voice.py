"""The words of an answer: responses chosen and filled, and what the bot says of itself, in the member's language."""

import functools
import random
from collections.abc import Mapping, Sequence

from adapters.base import IncomingMessage, ReplyAttachment
from adapters.formatting import plain_name
from bot import choices
from bot.entities import SlotValue
from bot.responses import choose, fill_response
from bot.turn import Answer
from intents.builtin import builtin_patterns
from intents.catalog import Builtin, IntentCatalog, Response
from intents.phrases import PHRASES, PhraseName
from intents.placeholders import placeholder_names
from model.text import normalise

Values = Mapping[str, SlotValue]

MARKDOWN_PLATFORMS = frozenset({"discord", "telegram"})
"""Where a link or a mention in what a member wrote would be the bot's own words in its answer."""


class Voice:
    """Speaks to one member.

    Parameters
    ----------
    catalog
        Its own words come before ours.
    message
        Tells the member's name, server, platform and locale.
    random_source
        Draws among responses and prompts.
    """

    def __init__(self, catalog: IntentCatalog, message: IncomingMessage, random_source: random.Random) -> None:
        self.language = (message.locale or "").replace("_", "-").split("-")[0].casefold() or None
        self._catalog = catalog
        self._message = message
        self._random = random_source

    def phrase(self, name: PhraseName) -> str:
        """Return what the bot says of itself, in the catalog's own words where it has some."""
        own = self._catalog.phrases
        text = own.get(self.language or "", {}).get(name) or own.get("", {}).get(name) or PHRASES[name]
        return self.filled(text, {})

    def any_of(self, texts: Sequence[str], values: Values) -> str:
        """Return one of some texts, filled; empty if there is none."""
        return self.filled(self._random.choice(texts), values) if texts else ""

    def filled(self, text: str, values: Values) -> str:
        """Return a text with its placeholders filled."""
        return fill_response(text, self._placeholders(values)) if text else ""

    def choose(self, responses: Sequence[Response], last_response: str | None, values: Values) -> Response:
        """Return the response to give; see `bot.responses.choose`."""
        return choose(
            responses,
            last_response,
            self._random,
            filled=self._placeholders(values).keys(),
            platform=self._message.platform,
            language=self.language,
            slots=values,
        )

    def spoken(self, response: Response, values: Values, results: Mapping[str, str]) -> Answer:
        """Return a response filled by values and by the results of an action; what is not known is left out."""
        unknown = dict.fromkeys(placeholder_names(response.text), "")
        text = fill_response(response.text, {**unknown, **self._placeholders(values), **results})
        attachments = tuple(ReplyAttachment(one.source, one.is_image) for one in response.attachments)
        return Answer(text, choices.of_response(response.choices), attachments)

    def is_builtin(self, builtin: Builtin, text: str) -> bool:
        """Whether a text is one of a built-in follow-up's patterns, in any language of the catalog."""
        languages = {*self._catalog.languages, self.language, None}
        return any(normalise(text) in _normalised_patterns(builtin, language) for language in languages)

    def _placeholders(self, values: Values) -> dict[str, str]:
        own = {"display_name": self._message.display_name, "server": self._message.server_name}
        written = plain_name if self._message.platform in MARKDOWN_PLATFORMS else str
        return {name: written(value.text) for name, value in values.items()} | own


@functools.lru_cache(maxsize=256)  # members bring the languages, any number of them
def _normalised_patterns(builtin: Builtin, language: str | None) -> frozenset[str]:
    return frozenset(map(normalise, builtin_patterns(builtin, language)))
