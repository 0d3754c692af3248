"""Bundles: written whole or not at all, read only if they are what was written."""

import datetime as dt
import json
import os
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from intents.catalog import Fallback, Intent, IntentCatalog, SetContext
from model.bundle import (
    ABANDONED_AFTER_S,
    CATALOG_FILE,
    CURRENT_FILE,
    FEATURES_FILE,
    FORMAT_VERSION,
    MANIFEST_FILE,
    TOKENIZER_FILE,
    TRAIN_COMMAND,
    BundleCorruptError,
    BundleError,
    BundleIncompatibleError,
    BundleMissingError,
    current_path,
    fingerprint,
    load_bundle,
    set_current,
    write_bundle,
)
from model.config import TrainingConfig
from model.decision import Evidence, Policy
from model.encoder_files import sha256_of
from model.features import NgramFeatures, TextFeatures, fit_ngrams
from model.tokens import SentenceTokenizer
from tests.unit.fakes import saying

CATALOG = IntentCatalog(
    (
        Intent("greeting", ("hello", "hi"), saying("Hi!"), (SetContext("c"),)),
        Intent("thanks", ("thanks",), saying("Welcome é!"), (), ("c",)),
    ),
    Fallback(saying("Sorry?")),
)
CONFIG = TrainingConfig().to_json()
NETWORK_FILE = "network.bin"


EVIDENCE = asdict(Evidence())
POLICY = Policy(temperature=0.7, threshold=0.6, margin=0.1, evidence=Evidence(-1.0, 0.5, 2.0, 0.0))


def save_network(directory: Path) -> float:
    (directory / NETWORK_FILE).write_bytes(b"weights")
    return 0.99


def ngrams() -> NgramFeatures:
    return fit_ngrams([["hello"], ["thanks"]], {}, character_sizes=(2, 3), min_count=1)


def write(models_dir: Path, **changes: Any) -> Path:
    content: dict[str, Any] = {
        "save_network": save_network,
        "features": TextFeatures(ngrams()),
        "catalog": CATALOG,
        "labels": ("greeting", "thanks"),
        "policy": POLICY,
        "config": CONFIG,
        "seed": 3,
        "metrics": {"accuracy": 0.5},
        "training": {"fine_tuning_epochs": 2},
        "versions": {"python": "3.11"},
    }
    return write_bundle(models_dir, **content | changes)


MANIFEST_FIELDS = ["labels", "policy", "fingerprint", "config", "seed", "metrics", "training", "versions", "sha256"]


def change_manifest(path: Path, change: Callable[[dict[str, Any]], None]) -> None:
    manifest = json.loads((path / MANIFEST_FILE).read_text(encoding="utf-8"))
    change(manifest)
    (path / MANIFEST_FILE).write_text(json.dumps(manifest), encoding="utf-8")


def test_bundle_is_read_as_it_was_written(tmp_path: Path) -> None:
    """Labels, policy, catalog, features and all that the manifest says."""
    path = write(tmp_path)
    bundle = load_bundle(path)
    manifest = bundle.manifest
    assert bundle.name == path.name
    assert bundle.catalog == CATALOG
    assert bundle.features.ngrams.words == ngrams().words
    assert bundle.features.tokenizer is None
    assert manifest.labels == ("greeting", "thanks")
    assert manifest.policy == POLICY
    assert manifest.training == {"fine_tuning_epochs": 2, "litert_agreement": 0.99}
    assert manifest.fingerprint == fingerprint(CATALOG, CONFIG)
    assert (manifest.format_version, manifest.seed, manifest.config) == (FORMAT_VERSION, 3, CONFIG)
    assert (manifest.metrics, manifest.versions) == ({"accuracy": 0.5}, {"python": "3.11"})
    assert set(manifest.sha256) == {NETWORK_FILE, FEATURES_FILE, CATALOG_FILE}
    assert bundle.read(NETWORK_FILE) == (path / NETWORK_FILE).read_bytes()


def with_tokenizer(tiny_encoder: Path) -> TextFeatures:
    return TextFeatures(ngrams(), SentenceTokenizer((tiny_encoder / TOKENIZER_FILE).read_bytes()))


def test_bundle_with_an_encoder_holds_its_tokenizer(tmp_path: Path, tiny_encoder: Path) -> None:
    """A message is cut as it was in training, without the encoder's own directory."""
    path = write(tmp_path, features=with_tokenizer(tiny_encoder))
    bundle = load_bundle(path)
    assert set(bundle.manifest.sha256) == {NETWORK_FILE, FEATURES_FILE, CATALOG_FILE, TOKENIZER_FILE}
    assert (path / TOKENIZER_FILE).read_bytes() == (tiny_encoder / TOKENIZER_FILE).read_bytes()
    expected = with_tokenizer(tiny_encoder).encode("hello there").token_ids
    assert bundle.features.encode("hello there").token_ids.tolist() == expected.tolist()


def test_bundle_without_an_encoder_ignores_a_tokenizer(tmp_path: Path) -> None:
    """What the manifest does not name is not the bundle's."""
    path = write(tmp_path)
    (path / TOKENIZER_FILE).write_text("{", encoding="utf-8")
    assert load_bundle(path).features.tokenizer is None


@pytest.mark.parametrize("damage", ["changed", "missing", "no tokenizer"])
def test_damaged_tokenizer_is_corrupt(tmp_path: Path, tiny_encoder: Path, damage: str) -> None:
    """Without it the network would be fed something else."""
    path = write(tmp_path, features=with_tokenizer(tiny_encoder))
    file = path / TOKENIZER_FILE
    if damage == "missing":
        file.unlink()
    else:
        file.write_bytes(b"{}" if damage == "no tokenizer" else file.read_bytes().replace(b"pizza", b"pizze"))
    if damage == "no tokenizer":
        change_manifest(path, lambda manifest: manifest["sha256"].update({TOKENIZER_FILE: sha256_of(file)}))
    with pytest.raises(BundleCorruptError, match="tokenizer") as caught:
        load_bundle(path)
    assert "\n" not in str(caught.value)


def test_bundle_may_have_no_metrics(tmp_path: Path) -> None:
    """A catalog too small to measure still gives a bundle."""
    assert load_bundle(write(tmp_path, metrics=None)).manifest.metrics is None


def test_models_directory_is_made(tmp_path: Path) -> None:
    """With the directories above it."""
    assert write(tmp_path / "deep" / "models").parent == tmp_path / "deep" / "models"


def test_two_bundles_of_one_second_get_two_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second overwrites nothing."""

    class StoppedClock(dt.datetime):
        @classmethod
        def now(cls, tz: dt.tzinfo | None = None) -> dt.datetime:
            return dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=tz)

    monkeypatch.setattr("model.bundle.datetime", StoppedClock)
    first, second, third = (write(tmp_path, seed=seed) for seed in (1, 2, 3))
    assert first.name == f"20260102-030405-{fingerprint(CATALOG, CONFIG)[:8]}"
    assert len({first, second, third}) == 3
    assert [load_bundle(path).manifest.seed for path in (first, second, third)] == [1, 2, 3]


@pytest.mark.parametrize("failure", [OSError("disk full"), KeyboardInterrupt(), ValueError("differs")])
def test_failed_write_leaves_nothing_and_the_current_bundle(tmp_path: Path, failure: BaseException) -> None:
    """Whatever ends it half way."""
    old = write(tmp_path)
    set_current(tmp_path, old.name)
    before = sorted(tmp_path.rglob("*"))

    def fail(directory: Path) -> float:
        save_network(directory)
        raise failure

    with pytest.raises(type(failure)):
        write(tmp_path, save_network=fail)
    assert sorted(tmp_path.rglob("*")) == before
    assert load_bundle(current_path(tmp_path)).path == old


def test_failed_pointer_leaves_nothing_and_the_old_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The pointer is replaced in one step or not at all."""
    old, new = write(tmp_path), write(tmp_path)
    set_current(tmp_path, old.name)
    before = sorted(tmp_path.iterdir())

    def no_replace(*_: object) -> None:
        raise OSError("read-only file system")

    monkeypatch.setattr(Path, "replace", no_replace)
    with pytest.raises(OSError, match="read-only"):
        set_current(tmp_path, new.name)
    assert sorted(tmp_path.iterdir()) == before
    assert current_path(tmp_path) == old


def test_pointer_names_the_bundle_set_last(tmp_path: Path) -> None:
    """And no file besides it is left."""
    first, second = write(tmp_path), write(tmp_path)
    set_current(tmp_path, first.name)
    set_current(tmp_path, second.name)
    assert current_path(tmp_path) == second
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([CURRENT_FILE, first.name, second.name])


def test_other_files_of_the_models_directory_are_ignored(tmp_path: Path) -> None:
    """What a killed training left, or an operator put there."""
    path = write(tmp_path)
    set_current(tmp_path, path.name)
    (tmp_path / ".writing-abc").mkdir()
    (tmp_path / "notes.txt").write_text("mine", encoding="utf-8")
    (path / "notes.txt").write_text("mine", encoding="utf-8")
    assert load_bundle(current_path(tmp_path)).path == path


def test_what_a_killed_training_left_is_removed_a_day_later(tmp_path: Path) -> None:
    """A younger one may still be written, and nothing else is touched."""
    names = [".writing-old", ".writing-young", "mine"]
    now = time.time()
    for name, age_s in zip(names, [ABANDONED_AFTER_S + 60, ABANDONED_AFTER_S - 60, 2 * ABANDONED_AFTER_S], strict=True):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text("x", encoding="utf-8")
        os.utime(tmp_path / name, (now - age_s, now - age_s))
    path = write(tmp_path)
    assert {one.name for one in tmp_path.iterdir()} == {".writing-young", "mine", path.name}


@pytest.mark.parametrize("make", [lambda _: None, lambda path: path.mkdir(), lambda path: path.write_text("a file")])
def test_no_bundle_is_missing(tmp_path: Path, make: Callable[[Path], object]) -> None:
    """No directory, an empty one, or a file in its place: the sentence says how to train."""
    make(tmp_path / "models")
    with pytest.raises(BundleMissingError) as caught:
        current_path(tmp_path / "models")
    assert str(tmp_path / "models") in str(caught.value)
    assert TRAIN_COMMAND in str(caught.value)


def test_pointer_to_a_bundle_that_is_gone_is_missing(tmp_path: Path) -> None:
    """An operator who deleted it trains anew."""
    (tmp_path / CURRENT_FILE).write_text("20260102-030405-abcdef01\n", encoding="utf-8")
    with pytest.raises(BundleMissingError):
        current_path(tmp_path)


@pytest.mark.parametrize("content", [b"", b"\n", b"../models", b"/etc", b"..", b".", b"a/b", b"\xff\xfe"])
def test_pointer_to_anything_but_a_bundle_beside_it_is_corrupt(tmp_path: Path, content: bytes) -> None:
    """No path leads out of the models directory."""
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / CURRENT_FILE).write_bytes(content)
    with pytest.raises(BundleCorruptError, match="pointer"):
        current_path(tmp_path / "models")


@pytest.mark.parametrize("file", [FEATURES_FILE, CATALOG_FILE, NETWORK_FILE])
@pytest.mark.parametrize("damage", ["changed", "cut", "missing", "a directory"])
def test_damaged_file_is_named(tmp_path: Path, file: str, damage: str) -> None:
    """Each file is held to its digest when it is used, with the mend."""
    path = write(tmp_path)
    content = (path / file).read_bytes()
    (path / file).unlink()
    if damage == "changed":
        (path / file).write_bytes(content.replace(b"e", b"f"))
    elif damage == "cut":
        (path / file).write_bytes(content[:-1])
    elif damage == "a directory":
        (path / file).mkdir()
    with pytest.raises(BundleCorruptError) as caught:
        load_bundle(path).read(file)
    assert file in str(caught.value)
    assert str(path) in str(caught.value)
    assert TRAIN_COMMAND in str(caught.value)


@pytest.mark.parametrize("content", [None, b"", b"{", b"[]", b"null", b"{}", b"\xff", b'"text"'])
def test_broken_manifest_is_corrupt(tmp_path: Path, content: bytes | None) -> None:
    """Missing, cut, or anything but an object with a format version."""
    path = write(tmp_path)
    (path / MANIFEST_FILE).unlink()
    if content is not None:
        (path / MANIFEST_FILE).write_bytes(content)
    with pytest.raises(BundleCorruptError, match=r"manifest\.json is missing or cannot be read"):
        load_bundle(path)


@pytest.mark.parametrize("name", MANIFEST_FIELDS)
def test_manifest_that_lacks_a_field_is_corrupt(tmp_path: Path, name: str) -> None:
    """Each field is needed."""
    path = write(tmp_path)
    change_manifest(path, lambda manifest: manifest.pop(name))
    with pytest.raises(BundleCorruptError, match="lacks a field"):
        load_bundle(path)


@pytest.mark.parametrize(
    "change",
    [{"labels": None}, {"labels": ["greeting"]}, {"labels": 1}, {"policy": [1]}, {"policy": {"heat": 1}}]
    + [{"labels": [1, 2]}, {"policy": {"threshold": "0.5"}}, {"config": []}, {"training": []}, {"training": None}]
    + [{"sha256": value} for value in ({}, [], None, {FEATURES_FILE: None, CATALOG_FILE: 1})],
)
def test_manifest_with_a_wrong_field_is_refused(tmp_path: Path, change: dict[str, Any]) -> None:
    """It does not fit its files, and no other exception comes of it."""
    path = write(tmp_path)
    change_manifest(path, lambda manifest: manifest.update(change))
    with pytest.raises(BundleCorruptError):
        load_bundle(path)


@pytest.mark.parametrize(
    "evidence",
    [
        None,
        [],
        {},
        {"bias": 1.0},
        {name: value for name, value in EVIDENCE.items() if name != "temperature"},
        EVIDENCE | {"bias": "1"},
        EVIDENCE | {"bias": float("nan")},
        EVIDENCE | {"luck": 1.0},
        EVIDENCE | {"temperature": 0.0},
    ],
    ids=["null", "list", "empty", "partial", "one missing", "text", "not a number", "more", "no temperature"],
)
def test_policy_needs_its_evidence(tmp_path: Path, evidence: object) -> None:
    """A weight that is missing or none would change what is answered."""
    path = write(tmp_path)
    change_manifest(path, lambda manifest: manifest["policy"].update(evidence=evidence))
    with pytest.raises(BundleCorruptError):
        load_bundle(path)


@pytest.mark.parametrize("version", [FORMAT_VERSION - 1, FORMAT_VERSION + 1, 0, str(FORMAT_VERSION), None])
def test_bundle_of_another_format_is_incompatible(tmp_path: Path, version: object) -> None:
    """Whatever else it holds, it says which version it has and which is read."""
    path = write(tmp_path)
    (path / MANIFEST_FILE).write_text(json.dumps({"format_version": version}), encoding="utf-8")
    with pytest.raises(BundleIncompatibleError) as caught:
        load_bundle(path)
    assert f"format {version}" in str(caught.value)
    assert f"reads {FORMAT_VERSION}" in str(caught.value)


@pytest.mark.parametrize("file", [FEATURES_FILE, CATALOG_FILE])
def test_file_with_a_right_digest_and_wrong_content_is_corrupt(tmp_path: Path, file: str) -> None:
    """A digest is no proof that the content can be read."""
    path = write(tmp_path)
    (path / file).write_text("{}", encoding="utf-8")
    change_manifest(path, lambda manifest: manifest["sha256"].update({file: sha256_of(path / file)}))
    with pytest.raises(BundleCorruptError, match="cannot be read"):
        load_bundle(path)


def test_labels_must_be_the_intents_of_the_catalog(tmp_path: Path) -> None:
    """Answers come from the catalog by label."""
    path = write(tmp_path, labels=("greeting", "other"))
    with pytest.raises(BundleCorruptError, match="intents"):
        load_bundle(path)


def test_every_error_of_a_bundle_is_one_sentence() -> None:
    """It stands in a log line and in a chat."""
    path = Path("models")
    for error in (BundleMissingError(path), BundleCorruptError(path, "x"), BundleIncompatibleError(path, 2)):
        assert isinstance(error, BundleError)
        assert "\n" not in str(error)
