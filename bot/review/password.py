"""The password of the review page: how its hash is written, made and checked. Standard library only.

A hash is a line of text, ``scrypt:15:8:3:SALT:HASH``: the binary logarithm of the cost N, the block size r, the
parallelism p (RFC 7914), and salt and hash in URL-safe base64 without padding. It holds no character that `.env` files,
shells or compose files take for something else.
"""

import base64
import binascii
import hashlib
import hmac
import secrets
from dataclasses import dataclass, field

SCHEME = "scrypt"
LOG_N, BLOCK_SIZE, PARALLELISM = 15, 8, 3
"""32 MB and about a third of a second; one of the equal choices of OWASP's password storage sheet."""

SALT_BYTES = 16
HASH_BYTES = 32
LEAST_CHARACTERS = 10
MOST_CHARACTERS = 1_000
"""Of a password; scrypt begins by hashing all of it."""

MOST_MEMORY = 256 * 2**20
"""Bytes that a hash may ask for."""


@dataclass(frozen=True, slots=True)
class PasswordHash:
    """A password that is not known, but recognised.

    Parameters
    ----------
    log_n, block_size, parallelism
        The parameters of scrypt.
    salt, digest
        What was drawn, and what came of it.
    """

    log_n: int
    block_size: int
    parallelism: int
    salt: bytes = field(repr=False)
    digest: bytes = field(repr=False)

    def __str__(self) -> str:
        figures = f"{self.log_n}:{self.block_size}:{self.parallelism}"
        return f"{SCHEME}:{figures}:{_encoded(self.salt)}:{_encoded(self.digest)}"

    def matches(self, password: str) -> bool:
        """Whether this is the password; blocking, about a third of a second whatever the answer."""
        if len(password) > MOST_CHARACTERS:
            return False
        digest = _digest(password, self.salt, self.log_n, self.block_size, self.parallelism)
        return hmac.compare_digest(digest, self.digest)


def hash_password(password: str) -> PasswordHash:
    """Return the hash of a password, with a salt of its own; blocking, about a third of a second."""
    salt = secrets.token_bytes(SALT_BYTES)
    digest = _digest(password, salt, LOG_N, BLOCK_SIZE, PARALLELISM)
    return PasswordHash(LOG_N, BLOCK_SIZE, PARALLELISM, salt, digest)


def parse_password_hash(text: str) -> PasswordHash:
    """Read a hash as it is written.

    Raises
    ------
    ValueError
        It is none, or one whose check would take too much memory.
    """
    try:
        scheme, log_n, block_size, parallelism, salt, digest = text.split(":")
        found = PasswordHash(int(log_n), int(block_size), int(parallelism), _decoded(salt), _decoded(digest))
    except ValueError as error:
        raise ValueError("no hash of a password") from error
    is_whole = len(found.salt) >= SALT_BYTES and len(found.digest) == HASH_BYTES
    if scheme != SCHEME or not is_whole or not _is_fair(found):
        raise ValueError("no hash of a password, or one that is too easy or too hard to check")
    return found


def _is_fair(one: PasswordHash) -> bool:
    in_range = 10 <= one.log_n <= 20 and 1 <= one.block_size <= 32 and 1 <= one.parallelism <= 16  # noqa: PLR2004
    return in_range and _memory(one.log_n, one.block_size, one.parallelism) <= MOST_MEMORY


def _memory(log_n: int, block_size: int, parallelism: int) -> int:
    return 128 * block_size * ((1 << log_n) + parallelism + 2)


def _digest(password: str, salt: bytes, log_n: int, block_size: int, parallelism: int) -> bytes:
    return hashlib.scrypt(
        password.encode("utf-8", "surrogatepass"),
        salt=salt,
        n=2**log_n,
        r=block_size,
        p=parallelism,
        maxmem=_memory(log_n, block_size, parallelism) + 2**20,
        dklen=HASH_BYTES,
    )


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except binascii.Error as error:
        raise ValueError from error
