"""Putting a classifier in service: the current bundle with the catalog that belongs to it.

Blocking work, for a thread beside the event loop.
"""

import logging
from dataclasses import dataclass
from pathlib import Path

from intents.catalog import IntentCatalog
from intents.findings import CatalogError
from intents.validation import load_catalog
from model.bundle import TRAIN_COMMAND, Bundle, current_path, fingerprint, load_bundle
from model.classifier import IntentClassifier
from model.runtime import RuntimeChoice, load_runtime
from model.text import normalise

logger = logging.getLogger(__name__)

TRAINING_DUE = (
    "The patterns in {path} are not those that the model was trained on, so the intents as trained are served:"
    " training is due. Run `{command}`, then reload."
)


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
        Where the current bundle and the catalog are.
    threshold
        The operator's threshold, or None for the bundle's.
    runtime
        What runs the network.
    """

    models_dir: Path
    intents_path: Path
    threshold: float | None = None
    runtime: RuntimeChoice = "auto"

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

    def anew(self) -> Service:
        """Load beside what serves.

        Raises
        ------
        BundleError
            No bundle, or one that cannot serve.
        CatalogError
            The catalog has errors.
        """
        bundle = load_bundle(current_path(self.models_dir))
        return self._service(bundle, *self._catalog_for(bundle))

    def _catalog_for(self, bundle: Bundle) -> tuple[IntentCatalog, tuple[str, ...]]:
        catalog, warnings = load_catalog(self.intents_path, normalise)
        for warning in warnings:
            logger.info("%s", warning)
        if fingerprint(catalog, bundle.manifest.config) == bundle.manifest.fingerprint:
            return catalog, ()
        return bundle.catalog, (TRAINING_DUE.format(path=self.intents_path, command=TRAIN_COMMAND),)

    def _service(self, bundle: Bundle, catalog: IntentCatalog, notes: tuple[str, ...]) -> Service:
        classifier = IntentClassifier(bundle, load_runtime(bundle, self.runtime), catalog, threshold=self.threshold)
        classifier.warm_up()
        return Service(classifier, notes)
