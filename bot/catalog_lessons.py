"""Which catalog an admin teaches and trains, by where they ask: their server's own, or the common one."""

from collections.abc import Callable

from adapters.base import IncomingMessage
from bot.catalog_places import own_catalogs, own_models_dir
from bot.config import Settings
from bot.inference import Inference
from bot.reloading import N_NAMED, Reloader
from bot.retraining import Course
from bot.server_catalogs import ServerCatalogs, training_of
from bot.teaching import Lesson
from intents.catalog import spoken_list


def course_of(
    settings: Settings, inference: Inference, reloader: Reloader, servers: ServerCatalogs | None
) -> Callable[[IncomingMessage], Course]:
    """Return what tells the catalog that an admin trains from where a message comes: its server's own, or all's."""
    own = own_catalogs(settings) if servers is not None else {}
    others = spoken_list([str(path) for path in dict.fromkeys(own.values())], N_NAMED)
    note = f"Servers with intents of their own ({others}) keep theirs: `/admin retrain` there trains them."

    def course(message: IncomingMessage) -> Course:
        path = own.get((message.platform, message.server_id))
        if path is None or servers is None:
            return Course(
                settings.intents_path,
                reloader.models_dir,
                lambda: inference.classifier,
                reloader.activate,
                note=note if own else "",
            )
        models_dir = own_models_dir(settings.models_dir, path)
        return Course(
            path,
            models_dir,
            lambda: inference.own(path) or inference.classifier,
            lambda name, _progress: servers.activate(path, name),
            training_of(path, models_dir),
            f"The common intents ({settings.intents_path}) are trained by `/admin retrain` in a chat with me alone.",
        )

    return course


def lesson_of(settings: Settings, inference: Inference) -> Callable[[IncomingMessage], Lesson]:
    """Return what tells the catalog that an admin teaches from where a message comes: its server's own, or all's."""
    own = own_catalogs(settings)

    def lesson(message: IncomingMessage) -> Lesson:
        tags = tuple(inference.classifier_for(message).intents)
        return Lesson(own.get((message.platform, message.server_id), settings.intents_path), tags)

    return lesson
