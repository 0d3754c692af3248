"""The features of texts by content hash, kept from one training to the next: only new patterns are read anew."""

import contextlib
import hashlib
import io
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from intents.disk import write_atomically

MOST_ROWS = 50_000
"""The cache is begun anew beyond: about 80 MB."""


class FeatureCache:
    """The features of one encoder, in one file.

    Parameters
    ----------
    directory
        Where the file lies; made if missing.
    identity
        Of the encoder: another encoder has another file.
    n_features
        The width of a row.
    """

    def __init__(self, directory: Path, identity: str, n_features: int) -> None:
        self._path = directory / f"{identity[:16]}.npz"
        self._n_features = n_features

    def features(
        self, texts: Sequence[str], compute: Callable[[Sequence[str]], NDArray[np.float32]]
    ) -> NDArray[np.float32]:
        """Return the features of texts, shape ``(n_texts, n_features)``, computing only what is not there yet.

        A cache that cannot be read or written costs time, nothing else.
        """
        known = self._read()
        keys = [hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest() for text in texts]
        missing = [number for number, key in enumerate(keys) if key not in known]
        if missing:
            computed = compute([texts[number] for number in missing]).astype(np.float16)
            if len(known) + len(missing) > MOST_ROWS:
                known = {key: known[key] for key in keys if key in known}
            known |= {keys[number]: row for number, row in zip(missing, computed, strict=True)}
            self._write(known)
        rows = [known[key] for key in keys]
        return np.stack(rows).astype(np.float32) if rows else np.zeros((0, self._n_features), np.float32)

    def _read(self) -> dict[str, NDArray[np.float16]]:
        try:
            # opened here, for NumPy leaves the file of a damaged archive open
            with self._path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
                keys, rows = archive["keys"].tolist(), archive["rows"]
        except (OSError, ValueError, KeyError, EOFError):
            return {}
        except Exception:  # noqa: BLE001 - a damaged archive raises whatever its compression does
            return {}
        is_whole = rows.ndim == 2 and rows.shape == (len(keys), self._n_features)  # noqa: PLR2004
        return dict(zip(keys, rows, strict=True)) if is_whole else {}

    def _write(self, known: dict[str, NDArray[np.float16]]) -> None:
        content = io.BytesIO()
        np.savez(content, keys=np.array(list(known)), rows=np.stack(list(known.values())))
        with contextlib.suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(self._path, content.getbuffer(), mode=0o600)
