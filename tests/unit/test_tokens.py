"""A text as the token ids of a sentence encoder."""

import gc
import time
import weakref
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.encoder_files import TOKENIZER_FILE
from model.text import normalise
from model.tokens import MAX_READ, MAX_TOKENS, SentenceTokenizer, TokenizerError, shared_tokenizer
from tests.tiny_encoder import vocabulary

VOCABULARY = vocabulary()
OPENING, CLOSING = VOCABULARY["[CLS]"] + 1, VOCABULARY["[SEP]"] + 1


@pytest.fixture(scope="module")
def tokenizer(tiny_encoder: Path) -> SentenceTokenizer:
    return SentenceTokenizer((tiny_encoder / TOKENIZER_FILE).read_bytes())


def ids_of(*tokens: str) -> list[int]:
    return [VOCABULARY[token] + 1 for token in ("[CLS]", *tokens, "[SEP]")]


def test_text_is_its_tokens_between_the_ends(tokenizer: SentenceTokenizer) -> None:
    """Each id is raised by one, for 0 pads; a word that is no token is spelt."""
    ids = tokenizer.encode("hello pizza ok")
    assert ids.tolist() == ids_of("hello", "pizza", "o", "##k")
    assert ids.dtype == np.int32


def test_the_files_own_padding_and_truncation_are_off(tokenizer: SentenceTokenizer) -> None:
    """It comes with both fixed at 128, which would make every text as slow as the longest."""
    assert len(tokenizer.encode("hello")) == 3
    assert b'"max_length":128' in tokenizer.content
    assert b'"Fixed":128' in tokenizer.content


def test_text_without_a_word_is_both_ends(tokenizer: SentenceTokenizer) -> None:
    """Never nothing at all: the network needs a token."""
    assert tokenizer.encode("").tolist() == ids_of()


def test_tokens_are_counted(tokenizer: SentenceTokenizer) -> None:
    """With the special ones."""
    assert tokenizer.n_tokens == len(VOCABULARY)


@pytest.mark.parametrize("n_words", [MAX_TOKENS - 3, MAX_TOKENS - 2])
def test_text_that_just_fits_is_whole(tokenizer: SentenceTokenizer, n_words: int) -> None:
    """The ends count among the tokens."""
    assert tokenizer.encode("pizza " * n_words).tolist() == ids_of(*["pizza"] * n_words)


@pytest.mark.parametrize("n_words", [MAX_TOKENS - 1, MAX_TOKENS, 100, 10_000])
def test_longer_text_is_cut_before_its_closing_token(tokenizer: SentenceTokenizer, n_words: int) -> None:
    """The encoder has never seen a text that does not end."""
    ids = tokenizer.encode("pizza " * n_words)
    assert ids.tolist() == ids_of(*["pizza"] * (MAX_TOKENS - 2))


def test_enough_characters_are_looked_at(tokenizer: SentenceTokenizer) -> None:
    """For the most tokens that are read, of words of ten letters and the space behind."""
    assert MAX_READ >= 11 * MAX_TOKENS
    assert len(tokenizer.encode(" ".join(["everyone"] * MAX_TOKENS))) == MAX_TOKENS


@settings(max_examples=200)
@given(st.one_of(st.text(max_size=300), st.text(st.characters(), max_size=300)))
def test_any_text_is_cut(tokenizer: SentenceTokenizer, text: str) -> None:
    """As it is and normalised: between the ends, of known ids, and no longer than the most."""
    for one in (text.encode("utf-8", "ignore").decode(), normalise(text)):
        ids = tokenizer.encode(one).tolist()
        assert (ids[0], ids[-1]) == (OPENING, CLOSING)
        assert 2 <= len(ids) <= MAX_TOKENS
        assert all(1 <= number <= tokenizer.n_tokens for number in ids)


@pytest.mark.parametrize("text", ["\ud83d", "hello \udc00 there", "a\ud800" * 400])
def test_half_a_character_is_no_error(tokenizer: SentenceTokenizer, text: str) -> None:
    """A platform may cut one in two; normalising leaves none."""
    assert tokenizer.encode(normalise(text))[-1] == CLOSING


@pytest.mark.parametrize(
    "text", ["a" * 100_000, "pizza " * 16_667, "x y " * 25_000, "é" * 100_000, "漢" * 100_000, "\n" * 100_000]
)
def test_huge_text_costs_no_more_than_a_long_one(tokenizer: SentenceTokenizer, text: str) -> None:
    """A hundred such texts in a second: only their beginning is looked at."""
    started = time.perf_counter()
    for _ in range(100):
        ids = tokenizer.encode(text)
    assert time.perf_counter() - started < 5
    assert len(ids) <= MAX_TOKENS


@pytest.mark.parametrize(
    ("word", "is_word"), [("pizza", True), ("pizzas", False), ("привет", False), ("สวัสดี", False), ("你好", False)]
)
def test_word_is_one_that_the_encoder_knows(tokenizer: SentenceTokenizer, word: str, is_word: bool) -> None:
    """The token for what it does not know at all is one token, too, and no word."""
    assert tokenizer.is_word(word) is is_word


@pytest.mark.parametrize("content", [b"", b"{", b"{}", b"null", b"[1]", b"\xff\xfe", b'{"version":"1.0"}'])
def test_what_is_no_tokenizer_is_refused(content: bytes) -> None:
    """In one sentence, whatever the library calls it."""
    with pytest.raises(TokenizerError, match=r"^not a tokenizer: ") as caught:
        SentenceTokenizer(content)
    assert "\n" not in str(caught.value)


def test_cut_file_is_refused(tokenizer: SentenceTokenizer) -> None:
    """A download that broke off."""
    with pytest.raises(TokenizerError):
        SentenceTokenizer(tokenizer.content[: len(tokenizer.content) // 2])


def test_what_reads_the_same_file_shares_its_tokenizer(tiny_encoder: Path) -> None:
    """As long as one is in use; another file has its own, and what is no tokenizer is refused as ever."""
    content = (tiny_encoder / TOKENIZER_FILE).read_bytes()
    one = shared_tokenizer(content)
    assert shared_tokenizer(bytes(bytearray(content))) is one
    other = shared_tokenizer(content + b"\n")
    assert other is not one
    assert other.encode("hello pizza").tolist() == one.encode("hello pizza").tolist()
    gone = weakref.ref(other)
    del other
    gc.collect()
    assert gone() is None
    with pytest.raises(TokenizerError):
        shared_tokenizer(b"{}")
