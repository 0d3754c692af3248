"""The saved model: one directory, written whole or not at all, verified before it is used.

`current` is a small file that names the bundle in use; it is replaced atomically, so that a kill at any moment leaves
either the old name or the new one. NumPy and the standard library only.
"""

import hashlib
import json
import math
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import asdict, astuple, dataclass, fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from intents.catalog import IntentCatalog
from intents.disk import TEMPORARY_PREFIX, flush, write_atomically
from model.decision import Evidence, Policy
from model.encoder_files import TOKENIZER_FILE, sha256_of
from model.features import NgramFeatures, TextFeatures
from model.spelling import Spelling
from model.tokens import TokenizerError, shared_tokenizer

FORMAT_VERSION = 4
CURRENT_FILE = "current"
MANIFEST_FILE = "manifest.json"
CATALOG_FILE = "catalog.json"
FEATURES_FILE = "features.json"
ABANDONED_AFTER_S = 86_400

TRAIN_COMMAND = "python -m scripts.train"

Piece = Callable[[], AbstractContextManager[None]]
"""Makes what a piece of work is done in."""

_Figures = TypeVar("_Figures", Policy, Evidence)


class BundleError(Exception):
    """Base of what can be wrong with a bundle; its text is one sentence with the mend."""


class BundleMissingError(BundleError):
    """There is no bundle yet, or the current one is gone."""

    def __init__(self, models_dir: Path, name: str | None = None) -> None:
        fault = f"no trained model in {models_dir}" if name is None else f"the model {models_dir / name} is gone"
        super().__init__(f"{fault}: train one with `{TRAIN_COMMAND}`")


class BundleCorruptError(BundleError):
    """A bundle is damaged."""

    def __init__(self, path: Path, fault: str) -> None:
        super().__init__(f"the model {path} is damaged: {fault}; train it anew with `{TRAIN_COMMAND}`")


class BundleIncompatibleError(BundleError):
    """A bundle is of another version of Parley."""

    def __init__(self, path: Path, version: object) -> None:
        super().__init__(
            f"the model {path} has format {version}, this version of Parley reads {FORMAT_VERSION}:"
            f" train it anew with `{TRAIN_COMMAND}`"
        )


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a bundle says of itself.

    Parameters
    ----------
    format_version
        The layout of the directory.
    created_at
        When it was written, ISO 8601, UTC.
    labels
        The tags in the order of the network's outputs.
    policy
        The figures of the decision rule.
    fingerprint
        Of the tags, the patterns and the training configuration.
    config
        The training configuration.
    seed
        Of the random numbers in training.
    metrics
        Measured on held-out patterns; None where the catalog was too small to hold any out.
    training
        How it was trained: encoder, epochs of its fine-tuning, time, and how far both runtimes agree.
    versions
        The libraries that trained it.
    sha256
        Of every other file, by name.
    """

    format_version: int
    created_at: str
    labels: tuple[str, ...]
    policy: Policy
    fingerprint: str
    config: Mapping[str, Any]
    seed: int
    metrics: Mapping[str, Any] | None
    training: Mapping[str, Any]
    versions: Mapping[str, str]
    sha256: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Bundle:
    """A bundle as it was read: everything but the network, which a runtime loads."""

    path: Path
    manifest: Manifest
    features: TextFeatures
    catalog: IntentCatalog

    @property
    def name(self) -> str:
        """The version that admins read."""
        return self.path.name

    def read(self, name: str) -> bytes:
        """Return the content of one of the bundle's files.

        Raises
        ------
        BundleCorruptError
            It is missing, or not as it was written.
        """
        return _verified(self.path, name, self.manifest)

    def verify(self, name: str) -> None:
        """Do the same without keeping the content.

        Raises
        ------
        BundleCorruptError
            It is missing, or not as it was written.
        """
        try:
            with (self.path / name).open("rb") as file:
                digest = hashlib.file_digest(file, "sha256")
        except OSError as error:
            raise _unreadable(self.path, name) from error
        if digest.hexdigest() != self.manifest.sha256.get(name):
            raise _changed(self.path, name)


def fingerprint(catalog: IntentCatalog, config: Mapping[str, Any]) -> str:
    """Return the SHA-256 of all that training depends on: tags, patterns and configuration, not the responses."""
    patterns = sorted((one.label, sorted(one.patterns)) for one in catalog.classes)
    content = json.dumps([patterns, config], ensure_ascii=True, sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()


def write_bundle(
    models_dir: Path,
    *,
    save_network: Callable[[Path], float],
    features: TextFeatures,
    catalog: IntentCatalog,
    labels: tuple[str, ...],
    policy: Policy,
    config: Mapping[str, Any],
    seed: int,
    metrics: Mapping[str, Any] | None,
    training: Mapping[str, Any],
    versions: Mapping[str, str],
) -> Path:
    """Write a bundle under a temporary name, flush it to the disk, rename it and return its directory.

    Parameters
    ----------
    models_dir
        Where bundles live; made if missing.
    save_network
        Writes the network's files into the directory that it is given; returns the share of the patterns that both
        runtimes rank alike.

    Raises
    ------
    OSError
        The disk is full, or the directory cannot be written. Nothing is left behind.
    """
    models_dir.mkdir(parents=True, exist_ok=True)
    _remove_abandoned(models_dir)
    temporary = Path(tempfile.mkdtemp(prefix=TEMPORARY_PREFIX, dir=models_dir))
    try:
        agreement = save_network(temporary)
        words = list(features.spelling.words) if features.spelling else []
        _write_json(temporary / FEATURES_FILE, features.ngrams.to_json() | {"spelling": words})
        if features.tokenizer is not None:
            (temporary / TOKENIZER_FILE).write_bytes(features.tokenizer.content)
        _write_json(temporary / CATALOG_FILE, catalog.to_json())
        now = datetime.now(UTC)
        manifest = Manifest(
            format_version=FORMAT_VERSION,
            created_at=now.isoformat(timespec="seconds"),
            labels=labels,
            policy=policy,
            fingerprint=fingerprint(catalog, config),
            config=config,
            seed=seed,
            metrics=metrics,
            training={**training, "litert_agreement": agreement},
            versions=versions,
            sha256={file.name: sha256_of(file) for file in sorted(temporary.iterdir())},
        )
        _write_json(temporary / MANIFEST_FILE, asdict(manifest))
        for file in temporary.iterdir():
            flush(file)
        temporary.chmod(0o755)
        final = _free_name(models_dir, f"{now:%Y%m%d-%H%M%S}-{manifest.fingerprint[:8]}")
        temporary.rename(final)
        flush(models_dir)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    return final


def check_writable(models_dir: Path) -> None:
    """Make the directory of bundles and a file in it, so that a training need not run to its end to fail.

    Raises
    ------
    OSError
        It cannot be made or written.
    """
    models_dir.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=models_dir):
        pass


def set_current(models_dir: Path, name: str) -> None:
    """Make a bundle the current one, atomically."""
    write_atomically(models_dir / CURRENT_FILE, f"{name}\n".encode())


def current_path(models_dir: Path) -> Path:
    """Return the directory of the current bundle.

    Raises
    ------
    BundleMissingError
        No bundle was ever made current, or it is gone.
    BundleCorruptError
        The pointer names no directory beside it.
    """
    try:
        name = (models_dir / CURRENT_FILE).read_text(encoding="utf-8").strip()
    except (FileNotFoundError, NotADirectoryError):
        raise BundleMissingError(models_dir) from None
    except (OSError, UnicodeDecodeError) as error:
        raise BundleCorruptError(models_dir / CURRENT_FILE, "the pointer cannot be read") from error
    if name in {"", ".", ".."} or Path(name).name != name:
        raise BundleCorruptError(models_dir / CURRENT_FILE, "the pointer names no bundle")
    try:
        is_there = (models_dir / name).is_dir()
    except OSError as error:
        raise BundleCorruptError(models_dir / CURRENT_FILE, "the pointer names no bundle") from error
    if not is_there:
        raise BundleMissingError(models_dir, name)
    return models_dir / name


def load_bundle(path: Path, like: Bundle | None = None, *, piece: Piece = nullcontext) -> Bundle:
    """Read a bundle but for its network, verifying every file that is read; a runtime verifies those that it runs.

    Parameters
    ----------
    path
        Its directory.
    like
        One that was loaded before: if this is the same, its features and its catalog are not made a second time.
    piece
        Makes what each piece of the work is done in, for whoever wants to rest after each.

    Raises
    ------
    BundleIncompatibleError
        It has another format.
    BundleCorruptError
        A file is missing, changed or unreadable.
    """
    manifest = _read_manifest(path)
    has_tokenizer = TOKENIZER_FILE in manifest.sha256
    if like is not None and like.manifest == manifest:
        same = replace(like, path=path)
        for name in (FEATURES_FILE, CATALOG_FILE, *([TOKENIZER_FILE] if has_tokenizer else [])):
            same.verify(name)
        return same
    try:
        with piece():
            read = json.loads(_verified(path, FEATURES_FILE, manifest))
        with piece():
            features = TextFeatures(NgramFeatures.from_json(read))
        if has_tokenizer:
            with piece():
                tokenizer = shared_tokenizer(_verified(path, TOKENIZER_FILE, manifest))
                features = TextFeatures(features.ngrams, tokenizer, Spelling(read["spelling"], tokenizer.is_word))
        with piece():
            catalog = IntentCatalog.from_json(json.loads(_verified(path, CATALOG_FILE, manifest)))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError, TokenizerError) as error:
        raise BundleCorruptError(path, f"its features or its catalog cannot be read ({error!r})") from error
    if tuple(one.label for one in catalog.classes) != manifest.labels:
        raise BundleCorruptError(path, "its intents are not those of its catalog")
    return Bundle(path, manifest, features, catalog)


def _verified(path: Path, name: str, manifest: Manifest) -> bytes:
    try:
        content = (path / name).read_bytes()
    except OSError as error:
        raise _unreadable(path, name) from error
    if hashlib.sha256(content).hexdigest() != manifest.sha256.get(name):
        raise _changed(path, name)
    return content


def _unreadable(path: Path, name: str) -> BundleCorruptError:
    return BundleCorruptError(path, f"{name} is missing or cannot be read")


def _changed(path: Path, name: str) -> BundleCorruptError:
    return BundleCorruptError(path, f"{name} was changed or cut after it was written")


def _read_manifest(path: Path) -> Manifest:
    try:
        value = json.loads((path / MANIFEST_FILE).read_bytes())
        version = value["format_version"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise BundleCorruptError(path, f"{MANIFEST_FILE} is missing or cannot be read") from error
    if version != FORMAT_VERSION:
        raise BundleIncompatibleError(path, version)
    try:
        figures = value.pop("policy")
        policy = _whole(Policy, figures | {"evidence": _whole(Evidence, figures["evidence"])})
        manifest = Manifest(policy=policy, labels=tuple(value.pop("labels")), **value)
    except (KeyError, TypeError, AttributeError) as error:
        raise BundleCorruptError(path, f"{MANIFEST_FILE} lacks a field, or has one too many") from error
    if not _is_sound(manifest):
        raise BundleCorruptError(path, f"a field of {MANIFEST_FILE} has a value that it cannot have")
    return manifest


def _whole(kind: type[_Figures], value: Mapping[str, Any]) -> _Figures:
    """Return figures of which every one is given: the default of one that is not would change what is answered."""
    missing = {field.name for field in fields(kind)} - value.keys()
    if missing:
        raise KeyError(min(missing))
    return kind(**value)


def _is_sound(manifest: Manifest) -> bool:
    policy = manifest.policy
    figures = (policy.temperature, policy.threshold, policy.margin, *astuple(policy.evidence))
    return (
        isinstance(manifest.sha256, dict)
        and isinstance(manifest.config, dict)
        and isinstance(manifest.training, dict)
        and all(isinstance(label, str) for label in manifest.labels)
        and all(isinstance(figure, int | float) and math.isfinite(figure) for figure in figures)
        and min(policy.temperature, policy.evidence.temperature) > 0
    )


def _write_json(file: Path, value: Any) -> None:  # noqa: ANN401 - whatever JSON can hold
    file.write_text(json.dumps(value, indent=1) + "\n", encoding="utf-8")


def _remove_abandoned(models_dir: Path) -> None:
    """Remove what was left behind by whatever was killed while writing, a day later."""
    for path in models_dir.glob(f"{TEMPORARY_PREFIX}*"):
        with suppress(OSError):
            if time.time() - path.stat().st_mtime > ABANDONED_AFTER_S:
                shutil.rmtree(path) if path.is_dir() else path.unlink()


def _free_name(models_dir: Path, name: str) -> Path:
    """Return a path that nothing has taken; two trainings may end within one second."""
    candidates = (models_dir / (name if number == 1 else f"{name}-{number}") for number in range(1, 1_000_000))
    return next(path for path in candidates if not path.exists())
