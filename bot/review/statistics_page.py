"""The page of what was counted, with charts; it is looked at anew now and then while it is seen."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from aiohttp import web

from bot.metrics import AnswerReason, Summary
from bot.review.history import NOT_UNDERSTOOD, History
from bot.review.rendering import Renderer
from bot.review.room import Page
from bot.review.rooms import Lobby

N_INTENTS = 10

REASONS = {
    AnswerReason.EXACT: "a pattern, word for word",
    AnswerReason.CONFIDENT: "understood",
    AnswerReason.DIALOGUE: "answer to a question of the bot",
    AnswerReason.COMMAND: "command",
    AnswerReason.BELOW_THRESHOLD: "not sure enough",
    AnswerReason.AMBIGUOUS: "two intents alike",
    AnswerReason.OUT_OF_SCOPE: "out of scope",
    AnswerReason.EMPTY: "no words",
    AnswerReason.COOLDOWN: "asked too fast",
    AnswerReason.SILENT: "nothing to say",
    AnswerReason.ERROR: "error",
}
"""What the rules are called, in the order in which they are shown."""

UNDERSTOOD = (AnswerReason.EXACT, AnswerReason.CONFIDENT)


@dataclass(frozen=True, slots=True)
class Bar:
    """A figure beside others.

    Parameters
    ----------
    name
        What is counted.
    n
        How many.
    share
        Of the greatest, from 0 to 1.
    kind
        How it is painted: ``right``, ``wrong``, ``none`` or ``outside``.
    """

    name: str
    n: int
    share: float
    kind: str = "right"


class StatisticsPage(Page):
    """Shows the figures.

    Parameters
    ----------
    renderer, lobby
        As `Page` takes them.
    history
        Of the last hour.
    """

    def __init__(self, renderer: Renderer, lobby: Lobby, history: History) -> None:
        super().__init__(renderer, lobby)
        self._history = history

    @property
    def routes(self) -> Sequence[web.AbstractRouteDef]:
        """Where it is."""
        return (web.get("/statistics", self.show, name="statistics"),)

    async def show(self, request: web.Request) -> web.StreamResponse:
        """Show the figures of this moment."""
        rooms = self.rooms
        summary, n_by_intent = rooms.metrics.summary(), rooms.answers.n_by_intent
        values = {
            "serving": await rooms.serving(),
            "summary": summary,
            "understood": understood_share(summary),
            "reasons": bars_of_reasons(summary.answers),
            "platforms": bars(dict(sorted(summary.messages.items()))),
            "intents": bars(dict(n_by_intent.most_common(N_INTENTS))),
            "minutes": self._history.minutes,
            "latencies": latency_bars(rooms.metrics.latencies()),
        }
        return self._renderer.page(request, "statistics.html", values)


def understood_share(summary: Summary) -> float | None:
    """Return which share of plain questions was understood; None before the first."""
    n_understood = sum(summary.answers.get(reason.value, 0) for reason in UNDERSTOOD)
    n_all = n_understood + sum(summary.answers.get(reason.value, 0) for reason in NOT_UNDERSTOOD)
    return n_understood / n_all if n_all else None


def bars(counts: Mapping[str, int]) -> list[Bar]:
    """Return counts as bars, in their order."""
    most = max(counts.values(), default=0)
    return [Bar(name, n, n / most if most else 0.0) for name, n in counts.items()]


def bars_of_reasons(answers: Mapping[str, int]) -> list[Bar]:
    """Return the rules that decided at least once, in words."""
    most = max(answers.values(), default=0)
    return [
        Bar(name, answers[reason.value], answers[reason.value] / most, _kind(reason))
        for reason, name in REASONS.items()
        if answers.get(reason.value, 0)
    ]


def latency_bars(at_most: Mapping[float, int]) -> list[tuple[float, int, float]]:
    """Return, by the upper bound in seconds, how many answers took so long, and the share of the greatest.

    Parameters
    ----------
    at_most
        How many took at most so long, the bounds rising.
    """
    counts = [n - before for n, before in zip(at_most.values(), (0, *at_most.values()), strict=False)]
    most = max(counts, default=0)
    return [(bound, n, n / most if most else 0.0) for bound, n in zip(at_most, counts, strict=True)]


def _kind(reason: AnswerReason) -> str:
    if reason in NOT_UNDERSTOOD:
        return "wrong"
    if reason is AnswerReason.ERROR:
        return "outside"
    return "right" if reason in UNDERSTOOD else "none"
