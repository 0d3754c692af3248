"""Catalogs of their own for single servers: which there are, what serves them, and their reload with the common one."""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from pathlib import Path

from adapters.base import Progress
from bot.catalog_places import own_catalogs, own_models_dir
from bot.config import Settings
from bot.gate import GateError
from bot.inference import Inference
from bot.metrics import Metrics
from bot.reloading import BUSY, REFUSED, Announce, Reloader, describe_changes
from bot.service import TRAINING_DUE, Service, ServiceLoader
from bot.tidying import tidy
from intents.findings import CatalogError
from model.bundle import TRAIN_COMMAND, BundleError, set_current
from model.classifier import IntentClassifier

logger = logging.getLogger(__name__)


def own_loaders(settings: Settings, common: ServiceLoader) -> dict[Path, ServiceLoader]:
    """Return what loads each catalog of a server; servers of one catalog share it.

    Parameters
    ----------
    settings
        Of the process.
    common
        Loads the common catalog; the others are loaded alike, but for its stories, which are not about them.
    """
    return {
        path: ServiceLoader(
            own_models_dir(settings.models_dir, path),
            path,
            common.threshold,
            common.runtime,
            common.check_actions,
        )
        for path in dict.fromkeys(own_catalogs(settings).values())
    }


class ServerCatalogs:
    """Puts the classifiers of servers' catalogs in service.

    Parameters
    ----------
    inference
        Holds them.
    loaders
        By the catalog's path.
    executor
        The threads to load on.
    n_kept
        How many bundles of each are kept.
    announce
        Tells other processes that something else serves; None where there are none.
    """

    def __init__(
        self,
        inference: Inference,
        loaders: Mapping[Path, ServiceLoader],
        executor: Executor,
        *,
        n_kept: int,
        announce: Announce | None = None,
    ) -> None:
        self._inference = inference
        self._loaders = loaders
        self._executor = executor
        self._n_kept = n_kept
        self._announce = announce
        self._lock = asyncio.Lock()

    async def start(self) -> None:
        """Load all; where one cannot serve, the common catalog does, with a warning."""
        for path, loader in self._loaders.items():
            try:
                service = await asyncio.get_running_loop().run_in_executor(self._executor, loader.at_start)
            except BundleError as error:
                logger.warning(
                    "%s cannot serve its servers, so the common intents do: %s\nTrain it with `%s`, then reload.",
                    path,
                    error,
                    training_of(path, loader.models_dir),
                )
                continue
            self._inference.swap_own(path, service.classifier)
            for note in _notes(path, loader, service):
                logger.warning("%s", note)

    async def reload(self) -> Sequence[str]:
        """Load all anew, and say of each what changed, or why what served before serves on."""
        return [line for path in self._loaders for line in await self._reload(path)]

    async def activate(self, path: Path, name: str) -> str:
        """Make a new bundle the current one of a catalog if it passes every check; say what changed or what failed.

        Parameters
        ----------
        path
            Of the catalog.
        name
            Of the bundle, in the directory of the catalog's models.
        """
        loader = self._loaders[path]

        def put_in_service(serving: IntentClassifier | None) -> Service:
            service = loader.anew(serving, name=name)
            set_current(loader.models_dir, name)
            return service

        told = await self._replace(path, put_in_service)
        own = self._inference.own(path)
        if self._announce is not None and own is not None and own.bundle.name == name:
            await self._announce()
        return "\n".join(told)

    async def _reload(self, path: Path) -> Sequence[str]:
        loader = self._loaders[path]
        before = self._inference.own(path)
        told = await self._replace(path, loader.anew)
        if self._inference.own(path) is not before:
            return told
        return [*told, f"Train it with `/admin retrain` there, or with `{training_of(path, loader.models_dir)}`."]

    async def _replace(self, path: Path, load: Callable[[IntentClassifier | None], Service]) -> Sequence[str]:
        async with self._lock:
            return await self._replaced(path, load)

    async def _replaced(self, path: Path, load: Callable[[IntentClassifier | None], Service]) -> Sequence[str]:
        loader, old = self._loaders[path], self._inference.own(path)
        serving = "the common intents serve" if old is None else "the old ones serve"
        try:
            service = await asyncio.get_running_loop().run_in_executor(self._executor, load, old)
        except (BundleError, CatalogError, GateError) as error:
            logger.warning("reload of %s refused: %s", path, error)
            return [f"{path}: not reloaded, {serving} on. {error}"]
        except Exception as error:
            logger.exception("reload of %s failed", path)
            return [f"{path}: not reloaded, {serving} on: {type(error).__name__}, see the log."]
        self._inference.swap_own(path, service.classifier)
        name = service.classifier.bundle.name
        has_replaced = old is not None and old.bundle.name != name
        left = await tidy(
            self._executor, loader.models_dir, n_kept=self._n_kept, in_use=name, has_replaced=has_replaced
        )
        if old is None:
            changes = f"serves from now on, with {len(service.classifier.catalog.intents)} intents."
        else:
            changes = describe_changes(old.catalog, service.classifier.catalog)
        return [f"{path}: {changes}", *_notes(path, loader, service), *left]


def _notes(path: Path, loader: ServiceLoader, service: Service) -> list[str]:
    """Return what the admin should know of a service; where training is due, how this very catalog is trained."""
    due = TRAINING_DUE.format(path=path, command=TRAIN_COMMAND)
    own_due = (
        f"{path}: training is due, and the intents as trained serve (`/admin retrain` there, or"
        f" `{training_of(path, loader.models_dir)}` and a reload)."
    )
    return [own_due if note == due else f"{path}: {note}" for note in service.notes]


def training_of(path: Path, models_dir: Path) -> str:
    """Return the command that trains a model for a catalog."""
    return f"python -m scripts.train --intents {path} --models {models_dir}"


class WholeReloader(Reloader):
    """Reloads the common catalog and those of servers.

    Parameters
    ----------
    inference, loader, executor, n_kept, metrics, announce
        As `Reloader` takes them.
    servers
        Reloads those of servers.
    """

    def __init__(
        self,
        inference: Inference,
        loader: ServiceLoader,
        executor: Executor,
        *,
        n_kept: int,
        metrics: Metrics,
        servers: ServerCatalogs,
        announce: Announce | None = None,
    ) -> None:
        super().__init__(inference, loader, executor, n_kept=n_kept, metrics=metrics, announce=announce)
        self._servers = servers

    async def reload(self, progress: Progress) -> str:
        """Load everything anew, and say what changed in each; see `Reloader.reload`."""
        told = await super().reload(progress)
        if told == BUSY:
            return told
        servers = await self._servers.reload()
        if servers and told.startswith(REFUSED) and self._announce is not None:
            await self._announce()  # of theirs, some may be new
        return "\n".join([told, *servers])

    async def follow(self) -> str:
        """Put in service what another process has; see `Reloader.follow`."""
        return "\n".join([await super().follow(), *await self._servers.reload()])
