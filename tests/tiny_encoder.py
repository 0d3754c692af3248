"""A sentence encoder of the real architecture and a few thousand weights, so that no test downloads one.

Its weights are random, so it knows nothing of meaning; but texts that share words have features alike.
"""

import json
import string
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save_file
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

from model.encoder_files import CONFIG_FILE, TOKENIZER_FILE, WEIGHTS_FILE

N_LAYERS, N_HIDDEN, N_HEADS, N_INTERMEDIATE, N_POSITIONS = 2, 32, 2, 64, 128
SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]")
WORDS = (
    "hello hi there good morning hey bot greetings friend everyone when are you open what your opening hours on sunday"
    " times please do close i want a pizza order can get delivery one yes with cheese sure no thanks without thank and"
    " the is it of to in for me my count number two three tell about how much does cost price where who why time day"
    " weather music game help bye see later welcome sorry book read film car train plane city country water food"
)


def vocabulary(words: Iterable[str] = ()) -> dict[str, int]:
    """Every token to its id: whole words, and letters and digits to spell all others with."""
    signs = string.ascii_lowercase + string.digits
    tokens = [*SPECIAL, *signs, *(f"##{sign}" for sign in signs), *WORDS.split(), *words]
    return {token: number for number, token in enumerate(dict.fromkeys(tokens))}


def tokenizer() -> Tokenizer:
    """A WordPiece tokenizer that pads and cuts to a fixed length, as the published one comes."""
    known = vocabulary()
    made = Tokenizer(models.WordPiece(known, unk_token="[UNK]", max_input_chars_per_word=100))
    made.normalizer = normalizers.BertNormalizer(lowercase=True)
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    ends = [(token, known[token]) for token in ("[CLS]", "[SEP]")]
    made.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=ends)
    made.enable_truncation(max_length=N_POSITIONS)
    made.enable_padding(length=N_POSITIONS, pad_id=0, pad_token="[PAD]")
    return made


def config(**changes: Any) -> dict[str, Any]:
    """What its `config.json` says."""
    return {
        "model_type": "bert",
        "vocab_size": len(vocabulary()),
        "num_hidden_layers": N_LAYERS,
        "num_attention_heads": N_HEADS,
        "hidden_size": N_HIDDEN,
        "intermediate_size": N_INTERMEDIATE,
        "max_position_embeddings": N_POSITIONS,
        "type_vocab_size": 2,
    } | changes


def weights(seed: int = 0) -> dict[str, NDArray[np.float32]]:
    """Its weights under their published names, a dense layer's matrix as ``(n_out, n_in)``."""
    random = np.random.default_rng(seed)
    made: dict[str, NDArray[np.float32]] = {}

    def normal(name: str, *shape: int, deviation: float, mean: float = 0.0) -> None:
        made[name] = (mean + deviation * random.normal(size=shape)).astype(np.float32)

    def norm(name: str) -> None:
        normal(f"{name}.weight", N_HIDDEN, deviation=0.1, mean=1.0)
        normal(f"{name}.bias", N_HIDDEN, deviation=0.1)

    def dense(name: str, n_out: int, n_in: int) -> None:
        normal(f"{name}.weight", n_out, n_in, deviation=n_in**-0.5)
        normal(f"{name}.bias", n_out, deviation=0.1)

    for name, size, deviation in (("word", len(vocabulary()), 0.5), ("position", N_POSITIONS, 0.1)):
        normal(f"embeddings.{name}_embeddings.weight", size, N_HIDDEN, deviation=deviation)
    normal("embeddings.token_type_embeddings.weight", 2, N_HIDDEN, deviation=0.1)
    norm("embeddings.LayerNorm")
    for number in range(N_LAYERS):
        layer = f"encoder.layer.{number}"
        for part in ("query", "key", "value"):
            dense(f"{layer}.attention.self.{part}", N_HIDDEN, N_HIDDEN)
        dense(f"{layer}.attention.output.dense", N_HIDDEN, N_HIDDEN)
        norm(f"{layer}.attention.output.LayerNorm")
        dense(f"{layer}.intermediate.dense", N_INTERMEDIATE, N_HIDDEN)
        dense(f"{layer}.output.dense", N_HIDDEN, N_INTERMEDIATE)
        norm(f"{layer}.output.LayerNorm")
    return made


def write_encoder(directory: Path, *, seed: int = 0, prefix: str = "", **changes: Any) -> Path:
    """Write the encoder's three files, made as Hugging Face lays them out.

    Parameters
    ----------
    directory
        Where to; made if missing.
    seed
        Of the weights.
    prefix
        Before the name of every weight.
    changes
        To its configuration.
    """
    directory.mkdir(parents=True, exist_ok=True)
    (directory / CONFIG_FILE).write_text(json.dumps(config(**changes)), encoding="utf-8")
    (directory / TOKENIZER_FILE).write_text(tokenizer().to_str(), encoding="utf-8")
    save_file({prefix + name: value for name, value in weights(seed).items()}, directory / WEIGHTS_FILE)
    return directory
