"""Exact policies over sequences of tokens: token models with closed-form gradients, and Markov policies.

The names are lazy.

>>> import numpy as np
>>> from didlab.sequences import PrefixTable, one_edit_pairs, pair_gram
>>> pairs = one_edit_pairs(2, 2, 1, 1, rng=np.random.default_rng(0))
>>> [float(x[0]) for x in pair_gram(PrefixTable(np.zeros((3, 2))), *pairs)]
[1.0, -0.5, 1.0]
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..lazy import attach

if TYPE_CHECKING:
    from .chain import Chain, chain_of
    from .drawn import DrawnByPrefix
    from .grouped import GroupedLogits, PrefixNumbers, positions
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

__all__ = [
    "ByPrefix",
    "Chain",
    "DrawnByPrefix",
    "Gram",
    "GroupedLogits",
    "LastLayer",
    "MarkovPolicy",
    "Pairs",
    "PrefixNumbers",
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
    "positions",
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

__getattr__, __dir__ = attach(__name__, {
    "chain": ("Chain", "chain_of"),
    "drawn": ("DrawnByPrefix",),
    "grouped": ("GroupedLogits", "PrefixNumbers", "positions"),
    "hidden": ("Recurrent", "adversarial_hidden", "random_hidden", "recurrent_hidden"),
    "last_layer": ("LastLayer", "last_layer_gram"),
    "linear": ("Gram", "sequence_gram", "sequence_inner_product", "token_inner_products"),
    "markov": ("MarkovPolicy", "markov_policy"),
    "model": ("TokenModel", "enumerate_model", "gradient", "log_probability", "pair_gram", "token_gradients"),
    "pairs": ("Pairs", "last_token_pairs", "one_edit_pairs", "random_pairs", "single_token_pairs"),
    "prefix_table": ("PrefixTable",),
    "prefixes": ("ByPrefix", "every_sequence"),
    "shared_logits": ("SharedLogits",),
    "softmax": ("residuals",),
})
