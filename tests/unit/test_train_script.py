"""`python -m scripts.train`: when a training is due, and which encoder is taken."""

import argparse
import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from intents.catalog import IntentCatalog
from intents.validation import load_catalog
from model.bundle import fingerprint
from model.config import TrainingConfig, TrainingError
from model.decision import Policy
from model.encoder_files import (
    CONFIG_FILE,
    MINILM_SHA256,
    EncoderDamagedError,
    EncoderMissingError,
    identity_of,
)
from model.text import normalise
from model.training import TrainingReport
from model.versions import go_back
from scripts import options
from scripts.options import EncoderChoice, chosen_encoder
from scripts.train import _fits, main

if TYPE_CHECKING:
    from tests.conftest import Trained

OTHER = "0" * 64
MISSING = EncoderChoice(None, None, is_chosen=False)
NONE = EncoderChoice(None, None, is_chosen=True)


def unasked(identity: str) -> EncoderChoice:
    """MiniLM's files are there."""
    return EncoderChoice(Path("encoder"), identity, is_chosen=False)


def asked(identity: str) -> EncoderChoice:
    """Somebody asked for it by name."""
    return EncoderChoice(Path("encoder"), identity, is_chosen=True)


def catalog_of(trained: "Trained") -> IntentCatalog:
    return load_catalog(trained.intents_path, normalise)[0]


def record(trained: "Trained", *, encoder: str | None, is_chosen: bool) -> None:
    """Let the bundle say that it was trained with an encoder, and whether that was asked for."""
    path = trained.bundle_path / "manifest.json"
    manifest = json.loads(path.read_text("utf-8"))
    config = replace(TrainingConfig(), encoder=encoder).to_json()
    manifest["config"] = config
    manifest["fingerprint"] = fingerprint(catalog_of(trained), config)
    manifest["training"]["is_encoder_chosen"] = is_chosen
    path.write_text(json.dumps(manifest), "utf-8")


@pytest.mark.parametrize(
    ("trained_with", "was_chosen", "choice", "fits"),
    [
        (None, False, MISSING, True),
        (None, False, NONE, True),
        (None, False, unasked("e"), False),
        (None, False, asked("e"), False),
        (None, True, MISSING, True),
        (None, True, unasked("e"), True),
        (None, True, NONE, True),
        (None, True, asked("e"), False),
        ("e", False, MISSING, True),
        ("e", False, unasked("e"), True),
        ("e", False, unasked(OTHER), False),
        ("e", False, asked("e"), True),
        ("e", False, NONE, False),
        ("e", True, MISSING, True),
        ("e", True, unasked(OTHER), True),
        ("e", True, asked("e"), True),
        ("e", True, asked(OTHER), False),
        ("e", True, NONE, False),
    ],
)
def test_bundle_fits_the_encoder(
    trained: "Trained", trained_with: str | None, was_chosen: bool, choice: EncoderChoice, fits: bool
) -> None:
    """Without files any will do; one that was chosen by name stays until another is; else they must be the same."""
    record(trained, encoder=trained_with, is_chosen=was_chosen)
    assert _fits(trained.models_dir, catalog_of(trained), None, choice) is fits


def test_training_is_due_without_a_whole_bundle(trained: "Trained", tmp_path: Path) -> None:
    """None at all, or one of which any file is damaged."""
    catalog = catalog_of(trained)
    assert _fits(trained.models_dir, catalog, None, MISSING)
    assert not _fits(tmp_path / "nowhere", catalog, None, MISSING)
    for name in ("model.keras", "serving.tflite", "features.json", "manifest.json"):
        path = trained.bundle_path / name
        content = path.read_bytes()
        path.write_bytes(content[:-10])
        assert not _fits(trained.models_dir, catalog, None, MISSING), name
        path.write_bytes(content)
    assert _fits(trained.models_dir, catalog, None, MISSING)


def test_a_rollback_is_not_trained_over(trained: "Trained") -> None:
    """The model that an admin went back from fits; with yet other patterns training is due again."""
    catalog = catalog_of(trained)
    new = trained.bundle_path
    old = new.with_name("20200101-000000-0123abcd")
    shutil.copytree(new, old)
    manifest = json.loads((old / "manifest.json").read_bytes())
    (old / "manifest.json").write_text(json.dumps({**manifest, "fingerprint": "of other patterns"}), "utf-8")
    go_back(trained.models_dir, old.name)
    assert _fits(trained.models_dir, catalog, None, MISSING)
    other = replace(catalog, intents=catalog.intents[1:])
    assert not _fits(trained.models_dir, other, None, MISSING)


def test_training_is_due_for_other_patterns(trained: "Trained") -> None:
    """Whatever the encoder."""
    catalog = catalog_of(trained)
    first = replace(catalog.intents[0], patterns=("ahoy",))
    other = replace(catalog, intents=(first, *catalog.intents[1:]))
    assert not _fits(trained.models_dir, other, None, MISSING)


@pytest.mark.parametrize("training", [[], None, "x", {}], ids=["list", "null", "text", "empty"])
def test_manifest_that_says_nothing_of_the_training_ends_nothing(trained: "Trained", training: object) -> None:
    """At worst a training is due."""
    path = trained.bundle_path / "manifest.json"
    manifest = json.loads(path.read_text("utf-8"))
    manifest["training"] = training
    path.write_text(json.dumps(manifest), "utf-8")
    assert _fits(trained.models_dir, catalog_of(trained), None, MISSING) is (training == {})


# Which encoder.


def choose(asked_for: str | None, directory: Path) -> EncoderChoice:
    return chosen_encoder(argparse.Namespace(encoder=asked_for, encoder_dir=directory))


@pytest.fixture
def minilm(tiny_encoder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory whose files count as MiniLM's."""
    known = {name: options.verify.__globals__["sha256_of"](tiny_encoder / name) for name in MINILM_SHA256}
    monkeypatch.setattr(options, "verify", lambda directory, verify=options.verify: verify(directory, known))
    return tiny_encoder


def test_minilm_is_taken_where_its_files_are(minilm: Path, tmp_path: Path) -> None:
    """Asked for or not; without its files that is an error only where it was asked for."""
    assert choose(None, minilm) == EncoderChoice(minilm, identity_of(minilm), is_chosen=False)
    assert choose("minilm", minilm) == EncoderChoice(minilm, identity_of(minilm), is_chosen=True)
    assert choose(None, tmp_path) == MISSING
    assert choose(None, tmp_path).is_missing
    with pytest.raises(EncoderMissingError):
        choose("minilm", tmp_path)


def test_no_encoder_is_a_choice(minilm: Path) -> None:
    """Though there is one."""
    assert choose("none", minilm) == NONE
    assert not choose("none", minilm).is_missing


@pytest.mark.parametrize(
    ("patterns", "option", "is_remarked"),
    [
        (["hola cuanto cuesta", "a que hora esta abierto"], [], True),
        (["привет как дела", "когда вы открыты"], [], True),
        (["你好", "สวัสดี"], [], True),
        (["hola cuanto cuesta", "a que hora esta abierto"], ["--encoder", "minilm"], False),
        (["hello there", "when are you open friend", "qwx"], [], False),
        (["...", "?!"], [], False),
    ],
)
def test_other_languages_than_the_encoders_are_remarked(
    minilm: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    patterns: list[str],
    option: list[str],
    is_remarked: bool,
) -> None:
    """Before hours are spent on them, with the mend; not to those who asked for the encoder by name."""
    monkeypatch.setenv("ENCODER_DIR", str(minilm))
    intents = tmp_path / "intents.json"
    intents.write_text(
        json.dumps({"intents": [{"tag": "it", "patterns": [*patterns, "hello"], "responses": ["Yes."]}]}), "utf-8"
    )
    monkeypatch.setattr("sys.argv", ["train", "--intents", str(intents), "--models", str(tmp_path / "models"), *option])
    monkeypatch.setattr("scripts.train._train", refuse)
    with pytest.raises(SystemExit):
        main()
    assert ("--encoder none" in capsys.readouterr().err) is is_remarked


def refuse(*_: object, **__: object) -> None:
    raise TrainingError("not now")


@pytest.mark.parametrize("asked_for", [None, "minilm"])
def test_damaged_minilm_is_refused(tiny_encoder: Path, asked_for: str | None) -> None:
    """Whether or not it was asked for: an answer should never depend on a broken download."""
    with pytest.raises(EncoderDamagedError, match="refused on its hash"):
        choose(asked_for, tiny_encoder)


def test_another_encoder_is_taken_by_its_directory(tiny_encoder: Path, tmp_path: Path) -> None:
    """Its files are what they are."""
    assert choose(str(tiny_encoder), tmp_path) == EncoderChoice(tiny_encoder, identity_of(tiny_encoder), is_chosen=True)


def test_directory_that_lacks_a_file_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With what should lie there."""
    with pytest.raises(SystemExit) as caught:
        choose(str(tmp_path), tmp_path)
    assert caught.value.code == 1
    told = capsys.readouterr().err
    assert told.startswith(f"--encoder {tmp_path}: ")
    assert CONFIG_FILE in told
    assert len(told.splitlines()) == 1


@pytest.mark.parametrize(("option", "is_current"), [([], True), (["--no-activate"], False)])
def test_a_bundle_becomes_current_unless_asked_not_to(
    trained: "Trained",
    option: list[str],
    is_current: bool,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The first line on standard output is the bundle's path in both cases: the bot reads it there."""
    new = trained.bundle_path.with_name("20990101-000000-0123abcd")
    shutil.copytree(trained.bundle_path, new)
    report = TrainingReport(3, 2, 1, has_encoder=False, fine_tuning_epochs=0, policy=Policy(), metrics=None, intents=())
    paths = ["--intents", str(trained.intents_path), "--models", str(trained.models_dir), "--encoder", "none"]
    monkeypatch.setattr("sys.argv", ["train", *paths, *option])
    monkeypatch.setattr("scripts.train._train", lambda *_, **__: (new, report))
    assert main() == 0
    assert capsys.readouterr().out.splitlines()[0] == str(new)
    assert (trained.bundle_path == new) is is_current
