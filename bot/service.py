"""Putting a classifier in service: the current bundle with the catalog that belongs to it.

Blocking work, for a thread beside the event loop.
"""

import logging
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path

from bot.catalog_reading import read_catalog
from bot.gate import Gate
from bot.resting import resting
from intents.catalog import IntentCatalog
from intents.findings import CatalogError, Finding
from intents.kept import KEPT_CATALOG
from model.bundle import TRAIN_COMMAND, Bundle, Piece, current_path, fingerprint, load_bundle
from model.classifier import IntentClassifier
from model.runtime import RuntimeChoice, load_runtime

logger = logging.getLogger(__name__)

CheckActions = Callable[[IntentCatalog, str], Sequence[Finding]]

TRAINING_DUE = (
    "The patterns in {path} are not those that the model was trained on, so the intents as trained are served, and"
    " training is due (`/admin retrain`, or `{command}` and a reload)."
)


@dataclass(frozen=True, slots=True)
class Service:
    """A classifier ready to serve, and what the admin should know of it."""

    classifier: IntentClassifier
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ServiceLoader:
    """Loads what the settings name.

    What is in service already is not loaded a second time: where answers alone were edited, the network stays.

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
        What a reload must pass.
    """

    models_dir: Path
    intents_path: Path | None
    threshold: float | None = None
    runtime: RuntimeChoice = "auto"
    check_actions: CheckActions | None = None
    gate: Gate = field(default_factory=Gate)

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

    def anew(
        self, serving: IntentClassifier | None = None, *, name: str | None = None, compare_accuracy: bool = True
    ) -> Service:
        """Load beside what serves.

        Parameters
        ----------
        serving
            In service now: what it does not do either is no reason to refuse another.
        name
            Of the bundle; None for the current one.
        compare_accuracy
            Whether it must understand as many labelled messages.

        Raises
        ------
        BundleError
            No bundle, or one that cannot serve.
        CatalogError
            The catalog has errors.
        GateError
            It does not pass the gate.
        """
        path = current_path(self.models_dir) if name is None else self.models_dir / name
        bundle = load_bundle(path, None if serving is None else serving.bundle, piece=resting)
        service = self._service(bundle, *self._catalog_for(bundle, resting), serving, resting)
        notes = self.gate.check(service.classifier, serving, compare_accuracy=compare_accuracy)
        return replace(service, notes=(*service.notes, *notes))

    def to_try(self, name: str) -> Service:
        """Load a bundle for an admin to ask, whether or not it would be let into service.

        Parameters
        ----------
        name
            Of the bundle.

        Raises
        ------
        BundleError
            It is not there, or cannot serve.
        CatalogError
            The catalog has errors.
        """
        bundle = load_bundle(self.models_dir / name)
        return self._service(bundle, *self._catalog_for(bundle))

    def _catalog_for(self, bundle: Bundle, piece: Piece = nullcontext) -> tuple[IntentCatalog, tuple[str, ...]]:
        if self.intents_path is None:
            return bundle.catalog, ()
        with piece():
            catalog, warnings = read_catalog(self.intents_path, self.models_dir / KEPT_CATALOG)
        for warning in warnings:
            logger.info("%s", warning)
        with piece():
            is_as_trained = fingerprint(catalog, bundle.manifest.config) == bundle.manifest.fingerprint
        if is_as_trained:
            return catalog, ()
        return bundle.catalog, (TRAINING_DUE.format(path=self.intents_path, command=TRAIN_COMMAND),)

    def _service(
        self,
        bundle: Bundle,
        catalog: IntentCatalog,
        notes: tuple[str, ...],
        serving: IntentClassifier | None = None,
        piece: Piece = nullcontext,
    ) -> Service:
        is_same = serving is not None and bundle.features is serving.bundle.features
        if serving is not None and is_same and not serving.runtime.is_stuck:
            runtime = serving.runtime
            for name in runtime.files:
                bundle.verify(name)
        else:
            with piece():
                runtime = load_runtime(bundle, self.runtime)
        known = None if serving is None else serving.rule.normalised
        with piece():
            classifier = IntentClassifier(bundle, runtime, catalog, threshold=self.threshold, known=known)
        with piece():
            place = str(self.intents_path or self.models_dir)
            faults = self.check_actions(catalog, place) if self.check_actions else ()
        return Service(classifier, (*notes, *map(str, faults)))
