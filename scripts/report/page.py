"""The report as one page of HTML, which asks nothing of the network and nothing of JavaScript that it cannot miss."""

import base64
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from intents.catalog import IntentCatalog
from model.decision import Policy
from model.evaluation import IntentMetrics, Metrics, Outcome
from scripts.report.advice import NO_ADVICE, Advice, counted
from scripts.report.confusion import Pair, confusion
from scripts.report.thresholds import Sweep, score_histograms
from scripts.robustness import VariantMetrics

FOLDER = Path(__file__).parent

READABLE = 24
"""More intents than this are too wide a table: those that are confused are shown, and the whole as a picture."""

N_ADVICE = 10
N_PAIRS = 20
N_CROSSINGS = 12
N_MISTAKES = 500
N_CHARACTERS = 240
"""What is shown of a text."""

_TICKED = re.compile(r"`([^`]+)`")


@dataclass(frozen=True, slots=True)
class Report:
    """What the page shows.

    Parameters
    ----------
    data, model
        What was evaluated and by what, as people read it.
    made_at
        When.
    catalog, outcomes, policy, metrics, intents
        The evaluation; of the intents, the worst first.
    pairs, advice
        What follows from it, the most important first.
    variants
        The first of them the messages as they are; empty where none were measured.
    """

    data: str
    model: str
    made_at: datetime
    catalog: IntentCatalog
    outcomes: Sequence[Outcome]
    policy: Policy
    metrics: Metrics
    intents: Sequence[IntentMetrics]
    pairs: Sequence[Pair]
    advice: Sequence[Advice]
    variants: Sequence[VariantMetrics] = ()


def render(report: Report) -> str:
    """Return the page."""
    environment = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"percent": percent, "shown": shown, "ticked": ticked, "counted": counted}
    script = (FOLDER / "report.js").read_text(encoding="utf-8")
    matrix = confusion(report.catalog, report.outcomes)
    sweep = Sweep(report.outcomes, report.policy.margin)
    mistakes = sorted((one for one in report.outcomes if mistake(one)), key=lambda one: -one.decision.score)
    return environment.get_template("report.html").render(
        report=report,
        inside=[outcome for outcome in report.outcomes if not outcome.is_out_of_scope],
        outside=[outcome for outcome in report.outcomes if outcome.is_out_of_scope],
        pairs=report.pairs[:N_PAIRS],
        n_crossings=N_CROSSINGS,
        n_advice=N_ADVICE,
        no_advice=NO_ADVICE,
        matrix=matrix,
        totals=matrix.totals,
        places={tag: place for place, tag in enumerate(matrix.tags)},
        is_whole=len(matrix.tags) <= READABLE,
        table=matrix.rows(matrix.tags if len(matrix.tags) <= READABLE else matrix.most_confused(READABLE)),
        n_patterns={intent.tag: len(intent.patterns) for intent in report.catalog.trainable},
        histograms=score_histograms(report.outcomes),
        live=sweep.at(report.policy.threshold),
        settings=sweep.settings(),
        mistakes=[(outcome, mistake(outcome)) for outcome in mistakes[:N_MISTAKES]],
        n_mistakes=len(mistakes),
        script=Markup(script),  # noqa: S704 - our own file
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
    )


def mistake(outcome: Outcome) -> str:
    """Return what went wrong with a message; empty if nothing did."""
    if outcome.is_out_of_scope:
        return "unwanted answer" if outcome.is_answered else ""
    if not outcome.is_answered:
        return "no answer"
    return "" if outcome.is_found else "wrong answer"


def percent(share: float | None) -> str:
    """Return a share as people read it."""
    return "—" if share is None else f"{share:.1%}"


def shown(text: str, most: int = N_CHARACTERS) -> str:
    """Return a text that is not too long to be looked at."""
    return text if len(text) <= most else f"{text[:most]}…"


def ticked(text: str) -> Markup:
    """Return a sentence, escaped, what stands between backticks as code."""
    return Markup(_TICKED.sub(r"<code><bdi>\1</bdi></code>", str(escape(text))))  # noqa: S704 - escaped


def write_report(directory: Path, report: Report) -> Path:
    """Write ``report.html``, making the directory; half a surrogate pair, which UTF-8 cannot hold, as a reference.

    Raises
    ------
    OSError
        The file cannot be written.
    """
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / "report.html"
    path.write_bytes(render(report).encode("utf-8", errors="xmlcharrefreplace"))
    return path
