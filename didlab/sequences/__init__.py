"""Exact policies over sequences of tokens: token models with closed-form gradients, and Markov policies.

The names are lazy.

>>> import numpy as np
>>> from didlab.sequences import PrefixTable, one_edit_pairs, pair_gram
>>> pairs = one_edit_pairs(2, 2, 1, 1, rng=np.random.default_rng(0))
>>> [float(x[0]) for x in pair_gram(PrefixTable(np.zeros((3, 2))), *pairs)]
[1.0, -0.5, 1.0]
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .chain import Chain, chain_of
    from .hidden import Recurrent, adversarial_hidden, random_hidden, recurrent_hidden
    from .last_layer import LastLayer, last_layer_gram
    from .linear import Gram, sequence_gram, sequence_inner_product, token_inner_products
    from .markov import MarkovPolicy, markov_policy
    from .model import TokenModel, enumerate_model, gradient, log_probability, pair_gram, token_gradients
    from .pairs import Pairs, last_token_pairs, one_edit_pairs, random_pairs, single_token_pairs
    from .prefix_table import PrefixTable
    from .prefixes import ByPrefix, every_sequence
    from .shared_logits import SharedLogits
    from .softmax import residuals

_HOME = {
    "ByPrefix": "prefixes",
    "Chain": "chain",
    "Gram": "linear",
    "LastLayer": "last_layer",
    "MarkovPolicy": "markov",
    "Pairs": "pairs",
    "PrefixTable": "prefix_table",
    "Recurrent": "hidden",
    "SharedLogits": "shared_logits",
    "TokenModel": "model",
    "adversarial_hidden": "hidden",
    "chain_of": "chain",
    "enumerate_model": "model",
    "every_sequence": "prefixes",
    "gradient": "model",
    "last_layer_gram": "last_layer",
    "last_token_pairs": "pairs",
    "log_probability": "model",
    "markov_policy": "markov",
    "one_edit_pairs": "pairs",
    "pair_gram": "model",
    "random_hidden": "hidden",
    "random_pairs": "pairs",
    "recurrent_hidden": "hidden",
    "residuals": "softmax",
    "sequence_gram": "linear",
    "sequence_inner_product": "linear",
    "single_token_pairs": "pairs",
    "token_gradients": "model",
    "token_inner_products": "linear",
}

__all__ = [
    "ByPrefix",
    "Chain",
    "Gram",
    "LastLayer",
    "MarkovPolicy",
    "Pairs",
    "PrefixTable",
    "Recurrent",
    "SharedLogits",
    "TokenModel",
    "adversarial_hidden",
    "chain_of",
    "enumerate_model",
    "every_sequence",
    "gradient",
    "last_layer_gram",
    "last_token_pairs",
    "log_probability",
    "markov_policy",
    "one_edit_pairs",
    "pair_gram",
    "random_hidden",
    "random_pairs",
    "recurrent_hidden",
    "residuals",
    "sequence_gram",
    "sequence_inner_product",
    "single_token_pairs",
    "token_gradients",
    "token_inner_products",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f".{_HOME[name]}", __name__), name)
    globals()[name] = value
    return value
