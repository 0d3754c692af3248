"""`python -m bot hash-password`: a password typed twice without being shown, its hash printed as a line for `.env`."""

import getpass
import sys

from bot.review.password import LEAST_CHARACTERS, MOST_CHARACTERS, hash_password

VARIABLE = "REVIEW_PASSWORD_HASH"


def ask_and_print() -> int:
    """Ask at the terminal, or read one line where there is none; return the exit code."""
    if sys.stdin.isatty():
        password = getpass.getpass("Password for the review page: ")
        is_same = getpass.getpass("The same again: ") == password
    else:
        password, is_same = sys.stdin.readline().rstrip("\r\n"), True
    fault = "the two are not the same" if not is_same else _fault(password)
    if fault:
        print(f"Nothing was hashed: {fault}.", file=sys.stderr)  # noqa: T201 - a command line
        return 2
    print(f"{VARIABLE}={hash_password(password)}")  # noqa: T201 - a command line
    return 0


def _fault(password: str) -> str:
    if not LEAST_CHARACTERS <= len(password) <= MOST_CHARACTERS:
        return f"a password has {LEAST_CHARACTERS} to {MOST_CHARACTERS} characters"
    return ""
