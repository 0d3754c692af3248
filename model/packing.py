"""Texts one behind the other in one input of a compiled network, which reads them at once.

To read a second text with the first costs a third of what it costs alone: every weight is fetched once for both. NumPy
only: this runs in the serving process.
"""

from collections.abc import Iterator, Sequence
from itertools import accumulate, pairwise, starmap
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.features import MAX_NGRAMS, PADDING_ID, Encoded
from model.tokens import MAX_TOKENS

FAR_BELOW = -1e9
"""Added to the attention that one text pays to another, or to padding: after the softmax its share is 0."""

TOKEN_WIDTHS = (10, 15, 20, 30, 40, MAX_TOKENS)
"""The numbers of tokens to which a pack is padded: few, for LiteRT plans its memory anew when one changes.

Multiples of 5, since its fastest kernels take 5 rows at once: 6 tokens cost as much as 10. See docs/model.md.
"""

NGRAM_WIDTHS = (64, 128, 256, 512, MAX_NGRAMS)
"""Likewise its n-grams."""

NGRAMS_A_TOKEN = 16
"""Room for n-grams that is made with each token, so that mostly both lengths change together; 12 are usual."""

TEXT_WIDTHS = (1, 8)
"""Likewise its texts."""

Inputs = dict[str, NDArray[Any]]


def in_packs(texts: Sequence[Encoded]) -> Iterator[Sequence[Encoded]]:
    """Yield texts, in their order, in packs of as many as the widths have room for."""
    first, n_tokens, n_ngrams = 0, 0, 0
    for number, text in enumerate(texts):
        n_tokens, n_ngrams = n_tokens + len(text.token_ids), n_ngrams + len(text.ngram_ids)
        if n_tokens > MAX_TOKENS or n_ngrams > MAX_NGRAMS or number - first == TEXT_WIDTHS[-1]:
            yield texts[first:number]
            first, n_tokens, n_ngrams = number, len(text.token_ids), len(text.ngram_ids)
    if first < len(texts):
        yield texts[first:]


def pack(texts: Sequence[Encoded]) -> Inputs:
    """Return the inputs of a network for the texts of one pack.

    Returns
    -------
    ngram_ids
        Shape ``(n_ngrams,)``.
    ngram_weights
        Shape ``(n_texts, n_ngrams)``: 0 where an n-gram is another text's. There may be more rows than texts.
    token_ids, positions
        Shape ``(n_tokens,)`` each; positions in a text count from 0.
    attention_bias
        Shape ``(n_tokens, n_tokens)``: 0 within a text, else `FAR_BELOW`.
    pooling
        Shape ``(n_texts, n_tokens)``: 1 where a token is the text's.
    """
    n_texts = _width(len(texts), TEXT_WIDTHS)
    token_ends = [0, *accumulate(len(text.token_ids) for text in texts)]
    ngram_ends = [0, *accumulate(len(text.ngram_ids) for text in texts)]
    n_tokens = _width(token_ends[-1], TOKEN_WIDTHS) if token_ends[-1] else 0
    n_ngrams = _width(max(1, ngram_ends[-1]), (NGRAMS_A_TOKEN * n_tokens, *NGRAM_WIDTHS))
    inputs: Inputs = {
        "ngram_ids": np.full(n_ngrams, PADDING_ID, np.int32),
        "ngram_weights": np.zeros((n_texts, n_ngrams), np.float32),
        "token_ids": np.full(n_tokens, PADDING_ID, np.int32),
        "positions": np.zeros(n_tokens, np.int32),
        "attention_bias": np.full((n_tokens, n_tokens), FAR_BELOW, np.float32),
        "pooling": np.zeros((n_texts, n_tokens), np.float32),
    }
    rows = zip(texts, starmap(slice, pairwise(token_ends)), starmap(slice, pairwise(ngram_ends)), strict=True)
    for number, (text, tokens, ngrams) in enumerate(rows):
        inputs["ngram_ids"][ngrams] = text.ngram_ids
        inputs["ngram_weights"][number, ngrams] = text.ngram_weights
        inputs["token_ids"][tokens] = text.token_ids
        inputs["positions"][tokens] = np.arange(len(text.token_ids))
        inputs["attention_bias"][tokens, tokens] = 0
        inputs["pooling"][number, tokens] = 1
    return inputs


def _width(n: int, widths: Sequence[int]) -> int:
    return next(width for width in widths if n <= width)
