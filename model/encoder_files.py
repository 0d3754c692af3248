"""The files of the pretrained sentence encoder: which they are, and whether they are as they were published.

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

FETCH_COMMAND = "python -m scripts.fetch_encoder"


class EncoderFilesError(Exception):
    """Base of what can be wrong with the encoder's files; its text is one sentence with the mend."""

    def __init__(self, file: Path, fault: str) -> None:
        super().__init__(f"the sentence encoder's file {file} {fault}: fetch it with `{FETCH_COMMAND}`")
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
        try:
            actual = sha256_of(file)
        except (FileNotFoundError, NotADirectoryError):
            raise EncoderMissingError(file, "is missing") from None
        except OSError as error:
            raise EncoderDamagedError(file, f"cannot be read ({error.strerror})") from error
        if actual != expected:
            raise EncoderDamagedError(file, "is damaged (refused on its hash)")


def sha256_of(file: Path) -> str:
    """Return the SHA-256 of a file's bytes, in hexadecimal; read in parts, whatever its size."""
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def identity_of(directory: Path) -> str:
    """Return one SHA-256 for the three files of any encoder: what a training was done with.

    Raises
    ------
    EncoderMissingError, EncoderDamagedError
        A file is not there, or cannot be read.
    """
    hashes = []
    for name in MINILM_SHA256:
        try:
            hashes.append(sha256_of(directory / name))
        except (FileNotFoundError, NotADirectoryError):
            raise EncoderMissingError(directory / name, "is missing") from None
        except OSError as error:
            raise EncoderDamagedError(directory / name, f"cannot be read ({error.strerror})") from error
    return hashlib.sha256("".join(hashes).encode()).hexdigest()
