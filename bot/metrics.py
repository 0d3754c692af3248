"""What the process counts, for the health page and for admins: figures of the whole, and no id of anyone.

Importing prometheus_client costs 50 to 80 ms and 4 MB beside the rest of the bot, measured on two cores.
"""

from collections import Counter as Tally
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
from prometheus_client.metrics_core import Metric

LATENCY_BUCKETS_S = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""From an exact match to an action that waits for its endpoint."""


class AnswerReason(StrEnum):
    """Which rule an answer came from; the first six are those of `model.decision.Reason`."""

    EXACT = "exact"
    CONFIDENT = "confident"
    EMPTY = "empty"
    BELOW_THRESHOLD = "below_threshold"
    AMBIGUOUS = "ambiguous"
    OUT_OF_SCOPE = "out_of_scope"
    DIALOGUE = "dialogue"  # a choice, or the answer to a form's question: the classifier was not asked
    COMMAND = "command"
    COOLDOWN = "cooldown"
    SILENT = "silent"  # nothing was to be said
    ERROR = "error"


class ReloadOutcome(StrEnum):
    """What came of a reload."""

    RELOADED = "reloaded"
    REFUSED = "refused"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Summary:
    """The figures since the start of the process, and those of this moment.

    Parameters
    ----------
    messages
        Messages by platform.
    answers
        Answers by reason, `AnswerReason`; of all platforms together.
    median_s, slowest_s
        At most so many seconds half of the answers took, and 99 of 100: bounds of buckets, infinite beyond the last;
        None before the first answer.
    contexts
        People of whom something is remembered.
    waiting
        Messages that wait to be scored.
    reloads
        Reloads by outcome, `ReloadOutcome`.
    votes_up, votes_down
        Thumbs.
    platforms
        Whether each is connected.
    """

    messages: Mapping[str, int]
    answers: Mapping[str, int]
    median_s: float | None
    slowest_s: float | None
    contexts: int
    waiting: int
    reloads: Mapping[str, int]
    votes_up: int
    votes_down: int
    platforms: Mapping[str, bool]


class Metrics:
    """Counts what happens, each instance for itself.

    Attributes
    ----------
    registry
        What the page of metrics is made of.
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._messages = Counter(
            "parley_messages", "Messages taken from a platform.", ["platform"], registry=self.registry
        )
        self._answers = Counter(
            "parley_answers",
            "Answers, by the rule that they came from.",
            ["platform", "reason"],
            registry=self.registry,
        )
        self._latency = Histogram(
            "parley_answer_seconds",
            "Seconds from a message's arrival to its answer, sending not included.",
            ["platform"],
            buckets=LATENCY_BUCKETS_S,
            registry=self.registry,
        )
        self._contexts = Gauge("parley_contexts", "People of whom something is remembered.", registry=self.registry)
        self._waiting = Gauge("parley_queue_length", "Messages that wait to be scored.", registry=self.registry)
        self._connected = Gauge(
            "parley_platform_connected", "1 while a platform delivers messages.", ["platform"], registry=self.registry
        )
        self._reloads = Counter("parley_reloads", "Reloads, by what came of them.", ["outcome"], registry=self.registry)
        self._votes = Counter(
            "parley_votes", "First thumbs of people under answers.", ["platform", "thumb"], registry=self.registry
        )
        self._turned: Tally[str] = Tally()
        self._replaced = Counter(
            "parley_scoring_threads_replaced",
            "Scoring threads that were stuck and left behind.",
            registry=self.registry,
        )
        ProcessCollector(registry=self.registry)

    def watch(self, *, contexts: Callable[[], int], waiting: Callable[[], int]) -> None:
        """Read the figures of the moment from their owners, whenever somebody asks.

        Parameters
        ----------
        contexts
            Counts the people of whom something is remembered.
        waiting
            Counts the messages that wait to be scored.
        """
        self._contexts.set_function(contexts)
        self._waiting.set_function(waiting)

    def watch_platform(self, platform: str, is_connected: Callable[[], bool]) -> None:
        """Read whether a platform is connected, whenever somebody asks."""
        self._connected.labels(platform).set_function(is_connected)

    def received(self, platform: str) -> None:
        """Count a message that the bot was given."""
        self._messages.labels(platform).inc()

    def answered(self, platform: str, reason: AnswerReason, duration_s: float) -> None:
        """Count what a message came to, and how long that took."""
        self._answers.labels(platform, reason.value).inc()
        self._latency.labels(platform).observe(duration_s)

    def reloaded(self, outcome: ReloadOutcome) -> None:
        """Count a reload."""
        self._reloads.labels(outcome.value).inc()

    def voted(self, platform: str, *, is_up: bool, is_changed: bool = False) -> None:
        """Count a thumb, or that somebody turned theirs: it is one vote, whatever they changed it to."""
        if not is_changed:
            self._votes.labels(platform, "up" if is_up else "down").inc()
            return
        self._turned["up"] += 1 if is_up else -1
        self._turned["down"] += -1 if is_up else 1

    def worker_replaced(self) -> None:
        """Count a scoring thread that was stuck."""
        self._replaced.inc()

    def summary(self) -> Summary:
        """Return what admins are shown."""
        votes = _tally(self._votes.collect(), "thumb")
        return Summary(
            messages=_tally(self._messages.collect(), "platform"),
            answers=_tally(self._answers.collect(), "reason"),
            median_s=self._within(0.5),
            slowest_s=self._within(0.99),
            contexts=_value(self._contexts),
            waiting=_value(self._waiting),
            reloads=_tally(self._reloads.collect(), "outcome"),
            # a thumb that was turned may have been counted by the process before this one
            votes_up=max(0, votes["up"] + self._turned["up"]),
            votes_down=max(0, votes["down"] + self._turned["down"]),
            platforms={
                sample.labels["platform"]: bool(sample.value)
                for metric in self._connected.collect()
                for sample in metric.samples
            },
        )

    def latencies(self) -> Mapping[float, int]:
        """Return how many answers took at most so many seconds, by the bounds of the buckets; the last is infinite."""
        at_most: Tally[float] = Tally()
        for metric in self._latency.collect():
            for sample in metric.samples:
                if sample.name.endswith("_bucket"):
                    at_most[float(sample.labels["le"])] += int(sample.value)
        return dict(sorted(at_most.items()))

    def _within(self, share: float) -> float | None:
        """Return the seconds within which a share of all answers came: the bound of the bucket that holds it."""
        at_most = self.latencies()
        total = at_most.get(float("inf"), 0)
        return next((bound for bound, n in at_most.items() if n >= share * total), None) if total else None


def _tally(metrics: Iterable[Metric], label: str) -> Tally[str]:
    """Add up a counter over all labels but one."""
    tally: Tally[str] = Tally()
    for metric in metrics:
        for sample in metric.samples:
            if sample.name.endswith("_total"):
                tally[sample.labels[label]] += int(sample.value)
    return tally


def _value(gauge: Gauge) -> int:
    return int(next(iter(gauge.collect())).samples[0].value)
