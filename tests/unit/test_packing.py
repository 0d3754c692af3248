"""Packs hold as many texts as there is room for, and every text's own is where it belongs."""

import numpy as np
import pytest

from model.features import MAX_NGRAMS, PADDING_ID, Encoded
from model.packing import FAR_BELOW, TEXT_WIDTHS, TOKEN_WIDTHS, in_packs, pack
from model.tokens import MAX_TOKENS


def a_text(n_ngrams: int, n_tokens: int) -> Encoded:
    ids = np.arange(1, n_ngrams + 1, dtype=np.int32)
    return Encoded(ids, np.full(n_ngrams, 0.5, np.float32), np.arange(101, 101 + n_tokens, dtype=np.int32))


@pytest.mark.parametrize(
    ("sizes", "packs"),
    [
        ([], []),
        ([(3, 4)], [1]),
        ([(3, 8)] * 8, [8]),
        ([(3, 7)] * 19, [8, 8, 3]),
        ([(3, 20)] * 4, [3, 1]),
        ([(3, MAX_TOKENS), (3, 2), (3, MAX_TOKENS)], [1, 1, 1]),
        ([(MAX_NGRAMS, 2), (1, 2), (MAX_NGRAMS - 1, 2), (1, 2)], [1, 2, 1]),
        ([(900, 0), (100, 0), (100, 0)], [2, 1]),
    ],
)
def test_packs_are_filled_in_order(sizes: list[tuple[int, int]], packs: list[int]) -> None:
    texts = [a_text(*size) for size in sizes]
    found = list(in_packs(texts))
    assert [len(one) for one in found] == packs
    assert [id(text) for one in found for text in one] == [id(text) for text in texts]


def test_what_belongs_to_each_text_is_where_its_tokens_are() -> None:
    """Attention stays within a text, positions begin anew, and n-grams count for their own text alone."""
    inputs = pack([a_text(2, 3), a_text(1, 2)])
    n_tokens, n_texts = TOKEN_WIDTHS[0], TEXT_WIDTHS[1]
    assert inputs["token_ids"].tolist() == [101, 102, 103, 101, 102] + [PADDING_ID] * (n_tokens - 5)
    assert inputs["positions"][:5].tolist() == [0, 1, 2, 0, 1]
    assert inputs["ngram_ids"][:4].tolist() == [1, 2, 1, PADDING_ID]
    weights = np.zeros(inputs["ngram_weights"].shape)
    weights[0, :2] = weights[1, 2] = 0.5
    assert inputs["ngram_weights"].tolist() == weights.tolist()
    pooling, bias = np.zeros((n_texts, n_tokens)), np.full((n_tokens, n_tokens), FAR_BELOW)
    pooling[0, :3] = pooling[1, 3:5] = 1
    bias[:3, :3] = bias[3:5, 3:5] = 0
    assert inputs["pooling"].tolist() == pooling.tolist()
    assert inputs["attention_bias"] == pytest.approx(bias)


@pytest.mark.parametrize("n_ngrams", [0, 1, 64, 65, MAX_NGRAMS])
@pytest.mark.parametrize("n_tokens", [0, 2, 10, 11, MAX_TOKENS])
def test_one_text_of_every_size_has_room(n_ngrams: int, n_tokens: int) -> None:
    inputs = pack([a_text(n_ngrams, n_tokens)])
    assert len(inputs["ngram_ids"]) >= max(n_ngrams, 1)
    assert inputs["ngram_weights"].sum() == 0.5 * n_ngrams
    assert inputs["pooling"].sum() == n_tokens
    assert inputs["pooling"].shape == (1, *inputs["token_ids"].shape)
