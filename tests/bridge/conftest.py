"""Small models of real architectures with random weights, and a tokenizer made here: nothing is downloaded."""

from __future__ import annotations

import os

import pytest

from .architectures import build

os.environ["HF_HUB_OFFLINE"] = "1"

WORDS = [
    "the", "a", "film", "was", "good", "bad", "great", "awful", "really", "not", "review", "sentiment", "is",
    "positive", "negative", "it", "has", "and", "but",
]
CHAT = (
    "{% for m in messages %}<{{ m['role'] }}> {{ m['content'] }} <end> {% endfor %}"
    "{% if add_generation_prompt %}<assistant> {% endif %}"
)


@pytest.fixture(scope="session")
def tokenizer():
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    special = ["<unk>", "<bos>", "<eos>", "<user>", "<assistant>", "<end>"]
    vocabulary = {w: n for n, w in enumerate([*special, *WORDS])}
    made = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    made.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return PreTrainedTokenizerFast(
        tokenizer_object=made, unk_token="<unk>", bos_token="<bos>", eos_token="<eos>", chat_template=CHAT
    )


@pytest.fixture(scope="session")
def models(tmp_path_factory, tokenizer):
    """Folders of a policy and a reference with their tokenizer."""
    folder = tmp_path_factory.mktemp("models")
    for name, seed in (("policy", 1), ("reference", 2), ("source", 3)):
        build("gpt2", seed, spread=2.0).save_pretrained(folder / name)
        tokenizer.save_pretrained(folder / name)
    return folder


@pytest.fixture(scope="session")
def rows():
    """Preference data in plain text, of different lengths."""
    import numpy as np

    rng = np.random.default_rng(0)

    def text(n):
        return " ".join(rng.choice(WORDS, n))

    return [
        {"id": f"p{k}", "prompt": text(rng.integers(1, 8)) + " ", "chosen": text(rng.integers(1, 9)),
         "rejected": text(rng.integers(1, 9))}
        for k in range(23)
    ]
