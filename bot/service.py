"""Putting a classifier in service: the current bundle with the catalog that belongs to it.

Blocking work, for a thread beside the event loop.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from intents.catalog import IntentCatalog, spoken_list
from intents.findings import CatalogError, Finding
from intents.kept import KEPT_CATALOG, load_kept_catalog
from model.bundle import TRAIN_COMMAND, Bundle, current_path, fingerprint, load_bundle
from model.classifier import IntentClassifier
from model.runtime import RuntimeChoice, load_runtime
from model.text import normalise

logger = logging.getLogger(__name__)

CheckActions = Callable[[IntentCatalog, str], Sequence[Finding]]

N_NAMED = 5
"""How many stories an error names before it says that there are more."""

TRAINING_DUE = (
    "The patterns in {path} are not those that the model was trained on, so the intents as trained are served:"
    " training is due. Run `{command}`, then reload."
)


class StoriesDifferError(Exception):
    """Conversations that must come out the same do not; its text names them, and the command that shows how."""


@dataclass(frozen=True, slots=True)
class StoryGate:
    """Conversations that a new classifier must lead as written, if the one in service does, before it serves.

    Parameters
    ----------
    path
        A file of stories, or a directory of them.
    action_modules
        The modules whose functions intents may call.
    """

    path: Path
    action_modules: tuple[str, ...]

    def check(self, classifier: IntentClassifier, serving: IntentClassifier | None) -> tuple[str, ...]:
        """Play all stories, and return what the admin should know of them; for a thread without an event loop.

        Raises
        ------
        StoriesDifferError
            A story came out otherwise that does not in service, or the stories cannot be read.
        """
        from bot.rehearsal import rehearse  # noqa: PLC0415 - what reads and plays stories is of no use to serving
        from bot.stories import StoryError, read_stories  # noqa: PLC0415

        try:
            stories = read_stories([self.path])
        except StoryError as error:
            raise StoriesDifferError(f"the stories cannot be played: {error}") from error

        def differing_in(one: IntentClassifier) -> set[str]:
            rehearsed = rehearse(stories, one, action_modules=self.action_modules)
            return {played.placed.story.story for played in rehearsed if not played.passed}

        differing = differing_in(classifier)
        worse = differing - differing_in(serving.twin()) if differing and serving is not None else differing
        shown = f"`python -m scripts.converse {self.path}` shows how"
        if worse:
            names = spoken_list(sorted(worse), N_NAMED)
            raise StoriesDifferError(f"{len(worse)} of {len(stories)} stories come out otherwise ({names}): {shown}")
        if differing:
            return (f"{len(differing)} of {len(stories)} stories come out otherwise, as they did before: {shown}",)
        return ()


@dataclass(frozen=True, slots=True)
class Service:
    """A classifier ready to serve, and what the admin should know of it."""

    classifier: IntentClassifier
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ServiceLoader:
    """Loads what the settings name.

    Parameters
    ----------
    models_dir, intents_path
        Where the current bundle and the catalog are; without a catalog the bundle's own serves.
    threshold
        The operator's threshold, or None for the bundle's.
    runtime
        What runs the network.
    check_actions
        Finds the actions of a catalog that cannot be run; such an intent apologises, the others are answered. None
        where no action is run.
    gate
        What a reload must pass; None for nothing.
    """

    models_dir: Path
    intents_path: Path | None
    threshold: float | None = None
    runtime: RuntimeChoice = "auto"
    check_actions: CheckActions | None = None
    gate: StoryGate | None = None

    def at_start(self) -> Service:
        """Load for the first time; a catalog that cannot be read is a warning, since the bundle has its own.

        Raises
        ------
        BundleError
            No bundle, or one that cannot serve.
        """
        bundle = load_bundle(current_path(self.models_dir))
        try:
            catalog, notes = self._catalog_for(bundle)
        except CatalogError as error:
            logger.warning("the intents as trained are served, for %s has errors:\n%s", self.intents_path, error)
            catalog, notes = bundle.catalog, ()
        return self._service(bundle, catalog, notes)

    def anew(self, serving: IntentClassifier | None = None) -> Service:
        """Load beside what serves.

        Parameters
        ----------
        serving
            In service now: what it does not do either is no reason to refuse another.

        Raises
        ------
        BundleError
            No bundle, or one that cannot serve.
        CatalogError
            The catalog has errors.
        StoriesDifferError
            It does not pass the gate.
        """
        bundle = load_bundle(current_path(self.models_dir))
        service = self._service(bundle, *self._catalog_for(bundle))
        if self.gate is None:
            return service
        return replace(service, notes=(*service.notes, *self.gate.check(service.classifier, serving)))

    def _catalog_for(self, bundle: Bundle) -> tuple[IntentCatalog, tuple[str, ...]]:
        if self.intents_path is None:
            return bundle.catalog, ()
        catalog, warnings = load_kept_catalog(self.intents_path, normalise, self.models_dir / KEPT_CATALOG)
        for warning in warnings:
            logger.info("%s", warning)
        if fingerprint(catalog, bundle.manifest.config) == bundle.manifest.fingerprint:
            return catalog, ()
        return bundle.catalog, (TRAINING_DUE.format(path=self.intents_path, command=TRAIN_COMMAND),)

    def _service(self, bundle: Bundle, catalog: IntentCatalog, notes: tuple[str, ...]) -> Service:
        classifier = IntentClassifier(bundle, load_runtime(bundle, self.runtime), catalog, threshold=self.threshold)
        classifier.warm_up()
        faults = self.check_actions(catalog, str(self.intents_path or self.models_dir)) if self.check_actions else ()
        return Service(classifier, (*notes, *map(str, faults)))
