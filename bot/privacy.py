"""What is kept of a person, said as it is, and its end: `/privacy` and `/forgetme`."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from bot.config import InboxMode
from bot.cooldown import BURST
from bot.database import Database
from bot.feedback import KEPT_DAYS
from bot.inbox import MAX_AGE_S
from bot.words import say
from intents.catalog import IntentCatalog

MINUTE_S = 60

DAY_S = 86_400


class Forgets(Protocol):
    """Whatever keeps something of a person."""

    async def forget_person(self, platform: str, user_id: str) -> None:
        """Forget a person of a platform, in all conversations."""


@dataclass(frozen=True, slots=True)
class Keeping:
    """What is kept under the settings of the process.

    Parameters
    ----------
    context_ttl_s, answers_ttl_s
        How long contexts live, and answers for `why`.
    cooldown_s
        What an answer costs a person; 0 where nothing is counted.
    has_votes
        Whether thumbs are shown.
    inbox
        What is kept of what was not answered.
    has_handoff
        Whether members can be passed on to a person.
    is_shared
        Whether Redis keeps for several processes what else is in memory: it may write that to its disk.
    """

    context_ttl_s: float
    answers_ttl_s: float
    cooldown_s: float
    has_votes: bool
    inbox: InboxMode
    has_handoff: bool
    is_shared: bool = False


def describe(keeping: Keeping, catalog: IntentCatalog, locale: str | None) -> str:
    """Return what is kept, where and how long, in the language of a locale.

    Parameters
    ----------
    keeping
        What the settings say.
    catalog
        In service: its intents may ask an endpoint.
    locale
        The asking person's.
    """
    lines = [
        say(
            f"privacy_contexts{'_shared' * keeping.is_shared}", locale, duration=_spoken(keeping.context_ttl_s, locale)
        ),
        say("privacy_answers", locale, duration=_spoken(keeping.answers_ttl_s, locale)),
        say("privacy_media", locale),
    ]
    if keeping.cooldown_s:
        lines.append(say("privacy_cooldown", locale, duration=_spoken(BURST * keeping.cooldown_s, locale)))
    if keeping.has_votes:
        lines.append(say("privacy_votes", locale, days=KEPT_DAYS))
    if keeping.inbox != "off":
        lines.append(say(f"privacy_inbox_{keeping.inbox}", locale, days=round(MAX_AGE_S / DAY_S)))
    if keeping.is_shared:
        lines.append(say("privacy_shared", locale, days=KEPT_DAYS))
    if keeping.has_handoff:
        lines.append(say("privacy_handoff", locale))
    if any(intent.action is not None and intent.action.url for intent in catalog.intents):
        lines.append(say("privacy_actions", locale))
    listed = [f"- {line}" for line in lines]
    end = say(f"privacy_forget{'_but' * bool(keeping.cooldown_s)}", locale)
    return "\n".join([say("privacy", locale), *listed, say("privacy_counts", locale), end])


def confirm(keeping: Keeping, locale: str | None) -> str:
    """Return what whoever was forgotten is told, in the language of a locale.

    Parameters
    ----------
    keeping
        What the settings say.
    locale
        The asking person's.
    """
    if not keeping.cooldown_s:
        return say("forgotten", locale)
    left = say("forgotten_but", locale, duration=_spoken(BURST * keeping.cooldown_s, locale))
    return f"{say('forgotten', locale)} {left}"


def _spoken(duration_s: float, locale: str | None) -> str:
    if duration_s >= 2 * MINUTE_S:
        return say("minutes", locale, n=f"{duration_s / MINUTE_S:.3g}")
    return say("seconds", locale, n=f"{duration_s:.3g}")


class Forgetting:
    """Forgets people in every store.

    Parameters
    ----------
    stores
        All of them.
    database
        Where some keep their rows.
    """

    def __init__(self, stores: Sequence[Forgets], database: Database) -> None:
        self._stores = stores
        self._database = database

    async def forget(self, platform: str, user_id: str) -> None:
        """Forget a person; every store is asked, also after one has failed.

        Raises
        ------
        ExceptionGroup
            Not everything could be deleted.
        """
        faults: list[Exception] = []
        for store in self._stores:
            try:
                await store.forget_person(platform, user_id)
            except Exception as error:  # noqa: BLE001 - raised below, together
                faults.append(error)
        try:
            await self._database.scrub()
        except Exception as error:  # noqa: BLE001
            faults.append(error)
        if faults:
            raise ExceptionGroup("not everything could be forgotten", faults)
