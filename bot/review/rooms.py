"""What the review page shows and works with, once the bot has started."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from bot.admin_desk import AdminDesk
from bot.answers import AnswerLog
from bot.assembly import Stores
from bot.catalog_places import own_catalogs
from bot.config import Settings
from bot.inbox import Inbox
from bot.inference import Inference
from bot.metrics import Metrics
from bot.reloading import Reloader
from bot.review.trials import Trials
from bot.stats_text import Serving
from bot.teaching import Lesson, Teacher

REPORT_FILE = "report.html"
"""What `scripts.evaluate --report` writes."""


@dataclass(frozen=True, slots=True)
class Rooms:
    """All that the pages are made of.

    Parameters
    ----------
    inference
        What serves.
    inbox
        What was not answered.
    teacher, lesson
        Write patterns; into which catalog.
    reloader
        Puts models in service.
    trials
        Asks models.
    metrics, answers
        What was counted.
    serving
        Returns what is in service.
    report
        A report of an evaluation, or the directory of one; None for that beside the model in service.
    """

    inference: Inference
    inbox: Inbox
    teacher: Teacher
    lesson: Callable[[], Lesson]
    reloader: Reloader
    trials: Trials
    metrics: Metrics
    answers: AnswerLog
    serving: Callable[[], Awaitable[Serving]]
    report: Path | None = None

    def report_file(self) -> Path | None:
        """Return the report of the evaluation; None if there is none. Blocking."""
        places = [self.report] if self.report is not None else []
        places.append(self.bundle_path)
        return next((one for one in map(report_at, places) if one is not None), None)

    @property
    def bundle_path(self) -> Path:
        """The directory of the model in service."""
        return self.reloader.models_dir / self.inference.classifier.bundle.name


def report_at(place: Path) -> Path | None:
    """Return the report that a path names, or that lies in its directory; None if there is none. Blocking."""
    file = place / REPORT_FILE if place.is_dir() else place
    return file if file.is_file() else None


@dataclass(slots=True)
class Lobby:
    """Where the pages wait for the bot to have started; filled in then."""

    rooms: Rooms | None = None


def make_rooms(
    settings: Settings,
    stores: Stores,
    *,
    desk: AdminDesk,
    inference: Inference,
    reloader: Reloader,
    trials: Trials,
    metrics: Metrics,
) -> Rooms:
    """Return what the review page shows and works with: the common catalog, and the same desk as in the chats.

    Parameters
    ----------
    settings
        Of the process.
    stores
        All that keeps something.
    desk
        Its teacher is the page's, so that each knows what the other wrote.
    inference, reloader
        What serves, and what replaces it.
    trials
        Asks models.
    metrics
        Counts.
    """
    training = "`/admin retrain`"
    if own_catalogs(settings):
        training += ", in a chat with me alone or a server without intents of its own"

    def lesson() -> Lesson:
        tags = [tag for tag, intent in inference.classifier.intents.items() if intent.builtin is None]
        return Lesson(settings.intents_path, tags, training)

    return Rooms(
        inference=inference,
        inbox=stores.inbox,
        teacher=desk.teacher,
        lesson=lesson,
        reloader=reloader,
        trials=trials,
        metrics=metrics,
        answers=stores.answers,
        serving=desk.serving,
        report=settings.review_report,
    )
