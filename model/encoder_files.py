"""The files of the pretrained sentence encoder: which they are, whether they are as published, what adapts them.

Nothing is loaded or fetched here, and nothing imported but the standard library.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path

MODEL_ID = "sentence-transformers/all-MiniLM-L6-v2"
REVISION = "1110a243fdf4706b3f48f1d95db1a4f5529b4d41"

WEIGHTS_FILE = "model.safetensors"
TOKENIZER_FILE = "tokenizer.json"
CONFIG_FILE = "config.json"

MINILM_SHA256: Mapping[str, str] = {
    WEIGHTS_FILE: "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    TOKENIZER_FILE: "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
    CONFIG_FILE: "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
}
"""SHA-256 of every file of `MODEL_ID` at `REVISION`, in hexadecimal, by name."""

ADAPTATION_FILE = Path(__file__).with_name("adaptation.safetensors")
"""What `scripts.adapt_encoder` changes of `MODEL_ID`, for every catalog; see `model.adaptation`."""

FETCH_COMMAND = "python -m scripts.fetch_encoder"

FETCH_MEND = f"fetch it with `{FETCH_COMMAND}`"
ADAPTATION_MEND = "it is a part of Parley, install that anew"


class EncoderFilesError(Exception):
    """Base of what can be wrong with the encoder's files; its text is one sentence with the mend."""

    def __init__(self, file: Path, fault: str, mend: str = FETCH_MEND) -> None:
        super().__init__(f"the sentence encoder's file {file} {fault}: {mend}")
        self.fault = fault


class EncoderMissingError(EncoderFilesError):
    """A file is not there."""


class EncoderDamagedError(EncoderFilesError):
    """A file is there, but not as it was published."""


def verify(directory: Path, sha256: Mapping[str, str] = MINILM_SHA256) -> None:
    """Check that a directory holds the encoder's files as they were published; other files do not matter.

    Parameters
    ----------
    directory
        Where they lie.
    sha256
        Of every file, in hexadecimal, by name.

    Raises
    ------
    EncoderMissingError
        A file is not there.
    EncoderDamagedError
        A file cannot be read, or is refused on its hash.
    """
    for name, expected in sha256.items():
        file = directory / name
        if _sha256_of(file) != expected:
            raise EncoderDamagedError(file, "is damaged (refused on its hash)")


def sha256_of(file: Path) -> str:
    """Return the SHA-256 of a file's bytes, in hexadecimal; read in parts, whatever its size."""
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def adaptation_of(weights_sha256: str) -> Path | None:
    """Return the file that adapts an encoder of these weights, by their SHA-256; None where they serve as published."""
    return ADAPTATION_FILE if weights_sha256 == MINILM_SHA256[WEIGHTS_FILE] else None


def identity_of(directory: Path, *, as_published: bool = False) -> str:
    """Return one SHA-256 for the three files of any encoder, and its adaptation: what a training was done with.

    Parameters
    ----------
    directory
        Where they lie.
    as_published
        Without the adaptation.

    Raises
    ------
    EncoderMissingError, EncoderDamagedError
        A file is not there, or cannot be read.
    """
    hashes = {name: _sha256_of(directory / name) for name in MINILM_SHA256}
    adaptation = None if as_published else adaptation_of(hashes[WEIGHTS_FILE])
    parts = [*hashes.values(), *([_sha256_of(adaptation, ADAPTATION_MEND)] if adaptation else [])]
    return hashlib.sha256("".join(parts).encode()).hexdigest()


def _sha256_of(file: Path, mend: str = FETCH_MEND) -> str:
    """Return the SHA-256 of a file of an encoder, or raise what is wrong with it and how that is mended."""
    try:
        return sha256_of(file)
    except (FileNotFoundError, NotADirectoryError):
        raise EncoderMissingError(file, "is missing", mend) from None
    except OSError as error:
        raise EncoderDamagedError(file, f"cannot be read ({error.strerror})", mend) from error
