"""N-grams of a text as ids and weights: what is kept of the training texts, and what is read of a message."""

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.features import (
    MAX_NGRAMS,
    PADDING_ID,
    UNKNOWN_WORD,
    Encoded,
    NgramFeatures,
    TextFeatures,
    character_ngrams,
    fit_ngrams,
    pad_ngrams,
    pad_tokens,
    word_ngrams,
    words_of,
)
from model.text import normalise
from model.tokens import SentenceTokenizer

TEXTS = [["opening", "hours"], ["opening", "times"], ["order", "pizza"]]
STEMS = {"opening": "open", "hours": "hour", "times": "time"}


def fitted(min_count: int = 1, sizes: tuple[int, int] = (2, 3)) -> NgramFeatures:
    return fit_ngrams(TEXTS, STEMS, character_sizes=sizes, min_count=min_count)


def ngrams_of(features: NgramFeatures, ids: np.ndarray) -> set[str]:
    names = {number: ngram for table in (features.words, features.characters) for ngram, number in table.items()}
    return {names[number] for number in ids.tolist()}


def test_word_ngrams_are_words_and_pairs() -> None:
    """Neighbours come as pairs, in their order."""
    assert list(word_ngrams(["a", "b", "c"])) == ["a", "b", "a b", "c", "b c"]
    assert list(word_ngrams([])) == []


def test_character_ngrams_mark_the_ends_of_a_word() -> None:
    """None crosses from word to word, and short words still have some."""
    assert list(character_ngrams(["ab", "c"], (2, 3))) == [" a", "ab", "b ", " ab", "ab ", " c", "c ", " c "]
    assert list(character_ngrams(["a"], (4, 5))) == []


def test_ids_are_dense_and_leave_out_the_padding() -> None:
    """Every n-gram has an id of its own, from 1 on."""
    features = fitted()
    ids = [*features.words.values(), *features.characters.values()]
    assert sorted(ids) == list(range(1, features.n_ids))
    assert features.idf[PADDING_ID] == 0
    assert PADDING_ID not in ids


def test_single_words_are_always_kept_and_other_ngrams_when_they_recur() -> None:
    """A word of one pattern alone may be what tells its intent; a pair or a piece of a word says less."""
    features = fitted(min_count=2, sizes=(3, 3))
    assert set(features.words) == {"open", "hour", "time", "order", "pizza"}
    assert set(features.characters) == {" op", "ope", "pen", "eni", "nin", "ing", "ng "}


def test_ngram_twice_in_one_text_counts_once() -> None:
    """What counts is the number of texts."""
    features = fit_ngrams([["ha", "ha"], ["no"]], {}, character_sizes=(2, 2), min_count=2)
    assert features.characters == {}
    assert features.idf[features.words["ha"]] == features.idf[features.words["no"]]


def test_rare_ngrams_weigh_more() -> None:
    """The inverse document frequency is smoothed: ln((1 + texts) / (1 + texts with it)) + 1."""
    features = fitted()
    assert features.idf[features.words["open"]] == pytest.approx(math.log(4 / 3) + 1)
    assert features.idf[features.words["pizza"]] == pytest.approx(math.log(4 / 2) + 1)


def test_text_is_encoded_by_the_stems_of_its_words_and_its_characters() -> None:
    """Unknown n-grams are left out."""
    features = fitted(sizes=(3, 3))
    ids, _ = features.encode("opening xyz")
    assert ngrams_of(features, ids) == {"open", " op", "ope", "pen", "eni", "nin", "ing", "ng "}


def test_weights_follow_count_and_rarity_and_each_kind_has_length_one() -> None:
    """Words and characters count alike, however long the text."""
    features = fitted(sizes=(5, 5))
    ids, weights = features.encode("pizza opening pizza")
    of = dict(zip(ids.tolist(), weights.tolist(), strict=True))
    raw = {name: features.idf[features.words[name]] * (1 + math.log(n)) for name, n in (("pizza", 2), ("open", 1))}
    expected = raw["pizza"] / math.hypot(*raw.values())
    assert of[features.words["pizza"]] == pytest.approx(expected, rel=1e-5)
    is_word = ids <= len(features.words)
    assert np.linalg.norm(weights[is_word]) == pytest.approx(1, rel=1e-5)
    assert np.linalg.norm(weights[~is_word]) == pytest.approx(1, rel=1e-5)


@pytest.mark.parametrize("text", ["", "qqq"])
def test_text_without_a_known_ngram_encodes_to_nothing(text: str) -> None:
    """Nothing known, nothing to weigh."""
    ids, weights = fitted().encode(text)
    assert (ids.shape, weights.shape) == ((0,), (0,))
    assert (ids.dtype, weights.dtype) == (np.int32, np.float32)


def test_long_text_is_cut() -> None:
    """The network sees a bounded number of n-grams."""
    words = [f"w{number}" for number in range(2 * MAX_NGRAMS)]
    features = fit_ngrams([words], {}, character_sizes=(2, 3), min_count=1)
    ids, weights = features.encode(" ".join(words))
    assert len(ids) == len(weights) == MAX_NGRAMS


@pytest.mark.parametrize(("text", "familiarity"), [("", 0), ("opening", 1), ("open hour hours time", 1), ("qqq", 0)])
def test_words_are_known_by_their_stems(text: str, familiarity: float) -> None:
    """A word is known when the training texts hold its stem; one that the table lacks stands for itself."""
    assert fitted().familiarity(text) == familiarity


RUSSIAN = fit_ngrams([["заказы"], ["мои", "привет"]], {"заказы": "заказ"}, character_sizes=(1, 4), min_count=1)


@pytest.mark.parametrize(
    ("text", "is_known"),
    [("заказ", True), ("заказы", True), ("заказами", True), ("моих", False), ("заказывающие", False)],
)
def test_unknown_form_of_a_word_has_the_stem_that_begins_it(text: str, is_known: bool) -> None:
    """Beyond Latin letters, of four letters and more, with four more at most."""
    assert (RUSSIAN.familiarity(text) == 1) is is_known


def test_endings_are_no_character_ngrams_beyond_latin_letters() -> None:
    """Those of the stem are."""
    assert "азы" not in RUSSIAN.characters
    assert "каз " in RUSSIAN.characters
    assert RUSSIAN.encode("заказами")[0].tolist() == RUSSIAN.encode("заказы")[0].tolist()


def test_latin_words_that_nobody_wrote_stand_for_themselves() -> None:
    """Whatever they begin with: a slip or another word is as likely as another form."""
    assert fitted().familiarity("pizzas") < 1


def test_characters_of_scripts_without_spaces_are_words() -> None:
    """With their pairs; a stretch of other letters among them is one word."""
    assert list(words_of(["你好hello", "ピザ", "c++", "привет", "e漢"])) == [
        *("你", "好", "hello"),
        *("ピ", "ザ"),
        "c++",
        "привет",
        *("e", "漢"),
    ]
    features = fit_ngrams([["我要披萨"], ["你好"]], {}, character_sizes=(1, 4), min_count=1)
    assert {"我", "披", "披 萨", "你 好"} <= set(features.words)
    assert "我要披萨" in features.characters
    assert features.familiarity("披萨好") == 1
    assert features.familiarity("量子") == 0


def test_familiarity_weighs_words_by_their_rarity() -> None:
    """A common word says little of what a text is about; an unknown one weighs as the rarest."""
    common, rare = math.log(4 / 3) + 1, math.log(4 / 2) + 1
    assert fitted().familiarity("open qqq") == pytest.approx(common / (common + rare))
    assert fitted().familiarity("pizza qqq") == pytest.approx(1 / 2)
    assert fitted().familiarity("open pizza qqq qqq") == pytest.approx((common + rare) / (common + 3 * rare))


def test_typing_error_leaves_something_familiar() -> None:
    """Of a word that nobody wrote, the pieces that are known count, but never as much as the word."""
    assert 0 < fitted().familiarity("pizaz") < fitted().familiarity("pizzas") <= UNKNOWN_WORD


def test_features_survive_the_way_through_json() -> None:
    """A bundle's features encode as those that were fitted."""
    features = fitted()
    read = NgramFeatures.from_json(json.loads(json.dumps(features.to_json())))
    assert read == replace(features, idf=read.idf)
    assert read.idf == pytest.approx(features.idf, abs=1e-6)
    for ours, theirs in zip(features.encode("opening hours"), read.encode("opening hours"), strict=True):
        assert ours == pytest.approx(theirs, abs=1e-6)


@pytest.mark.parametrize(
    "change",
    [{"idf": [0.0]}, {"idf": "x"}, {"words": None}, {"character_sizes": [1]}, {"character_sizes": ["a", "b"]}],
)
def test_json_of_something_else_is_refused(change: dict[str, object]) -> None:
    """A bundle's reader relies on these exceptions."""
    with pytest.raises((KeyError, TypeError, ValueError)):
        NgramFeatures.from_json(fitted().to_json() | change)


@pytest.mark.parametrize("name", ["stems", "words", "characters", "idf", "character_sizes"])
def test_json_without_a_part_is_refused(name: str) -> None:
    """Each part is needed."""
    value = fitted().to_json()
    del value[name]
    with pytest.raises(KeyError):
        NgramFeatures.from_json(value)


def encoded(ids: list[int], weights: list[float], tokens: list[int]) -> Encoded:
    return Encoded(np.array(ids, np.int32), np.array(weights, np.float32), np.array(tokens, np.int32))


def test_batch_is_padded_to_its_longest_text() -> None:
    """The padding has its own id, and no weight; n-grams and tokens have their own widths."""
    texts = [encoded([3, 4], [0.5, 0.25], [7]), encoded([5], [1.0], [8, 9, 6])]
    ids, weights = pad_ngrams(texts)
    assert ids.tolist() == [[3, 4], [5, PADDING_ID]]
    assert weights.tolist() == [[0.5, 0.25], [1.0, 0.0]]
    assert pad_tokens(texts).tolist() == [[7, PADDING_ID, PADDING_ID], [8, 9, 6]]


def test_batch_of_empty_texts_has_one_column() -> None:
    """No network accepts a width of 0."""
    nothing = encoded([], [], [])
    ids, weights = pad_ngrams([nothing, nothing])
    assert ids.tolist() == [[PADDING_ID], [PADDING_ID]]
    assert weights.tolist() == [[0.0], [0.0]]
    assert pad_tokens([nothing, nothing]).tolist() == [[PADDING_ID], [PADDING_ID]]


def test_text_without_an_encoder_has_no_tokens() -> None:
    """Its n-grams are all that is read of it."""
    features = fitted()
    text = TextFeatures(features).encode("opening hours")
    ids, weights = features.encode("opening hours")
    assert (text.ngram_ids.tolist(), text.ngram_weights.tolist()) == (ids.tolist(), weights.tolist())
    assert (text.token_ids.shape, text.token_ids.dtype) == ((0,), np.int32)


def test_text_beside_an_encoder_has_its_tokens_too(tiny_encoder: Path) -> None:
    """As its tokenizer cuts it."""
    tokenizer = SentenceTokenizer((tiny_encoder / "tokenizer.json").read_bytes())
    text = TextFeatures(fitted(), tokenizer).encode("opening hours")
    assert text.token_ids.tolist() == tokenizer.encode("opening hours").tolist()
    assert len(text.token_ids) == 4
    assert len(text.ngram_ids) > 0


@given(st.text(max_size=200).map(normalise))
def test_any_text_is_encoded(normalised: str) -> None:
    """Ids stay within the table, each once, and weights are finite and positive."""
    features = fitted()
    ids, weights = features.encode(normalised)
    assert len(set(ids.tolist())) == len(ids) == len(weights) <= MAX_NGRAMS
    assert ((ids > PADDING_ID) & (ids < features.n_ids)).all()
    assert (np.isfinite(weights) & (weights > 0)).all()
    assert 0 <= features.familiarity(normalised) <= 1
