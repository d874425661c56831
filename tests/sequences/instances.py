"""Token models to test on: ordinary and adversarial, in floats and with the same numbers exactly."""

import numpy as np

from didlab.exact import log
from didlab.sequences.chain import Chain
from didlab.sequences.hidden import ADVERSARIAL, Recurrent, adversarial_hidden, random_hidden
from didlab.sequences.last_layer import LastLayer
from didlab.sequences.prefix_table import PrefixTable
from didlab.sequences.prefixes import ByPrefix, count_prefixes
from didlab.sequences.shared_logits import SharedLogits

V, L, D = 4, 4, 3
P = count_prefixes(V, L)
NAMES = ("prefix table", "shared logits", "chain", "random last layer", *(f"{k} last layer" for k in ADVERSARIAL))


def model(name, width, rng):
    """A model of the kind, logits of about the given width; at 300 rows are certain of one token but for e^-300."""
    if name == "prefix table":
        return PrefixTable(width * rng.normal(size=(P, V)))
    if name == "shared logits":
        return SharedLogits(width * rng.normal(size=(1, V)), ByPrefix(width * rng.normal(size=(P, V)), V))
    if name == "chain":
        return Chain(width * rng.normal(size=(V + 1, V)))
    kind = name.removesuffix(" last layer")
    hidden = random_hidden(V, L, D, rng=rng) if kind == "random" else adversarial_hidden(kind, V, L, D, rng=rng)
    # parameters of 20 bits: products with the integers of adversarial states, and their sums, are then exact, so that
    # two ways to sum cannot differ by what rounding does to logits of a million
    theta = np.round(2.0**20 * width * rng.normal(size=(D, V))) * 2.0**-20
    return LastLayer(theta * 2.0**-20 if kind in ("huge", "mixed sizes") else theta, hidden)


def exact_model(name, rng, largest=9):
    """A model whose parameters are logarithms of integers: the model, the integers, and integers of the offsets."""
    def logs(x):
        return np.frompyfunc(lambda n: log(int(n)), 1, 1)(x)

    def draw(*shape):
        return rng.integers(1, largest + 1, shape)

    if name == "prefix table":
        w = draw(P, V)
        return PrefixTable(logs(w)), w, None
    if name == "shared logits":
        w, context = draw(1, V), draw(P, V)
        return SharedLogits(logs(w), ByPrefix(logs(context), V)), w, ByPrefix(context, V)
    if name == "chain":
        w = draw(V + 1, V)
        return Chain(logs(w)), w, None
    kind = name.removesuffix(" last layer")
    if kind == "random":
        table = rng.integers(-2, 3, (P, D))
    else:
        table = adversarial_hidden(kind, V, L, D, rng=rng).table.astype(np.int64)
        table = np.where(abs(table) > 99, table >> 16, table)  # an exact power of 2^20 would have a million digits
    w = draw(D, V)
    return LastLayer(logs(w), ByPrefix(table, V)), w, None


def sequences(rng, n):
    """Sequences, among them ones of one token throughout, and of two that alternate."""
    y = rng.integers(0, V, (n, L))
    y[0], y[1] = y[0, :1], y[1, np.arange(L) % 2]
    return y


def networks(rng, count, vocabulary, dimension):
    """Several recurrent networks as one."""
    shapes = ((1, dimension), (dimension, dimension), (vocabulary, dimension))
    return Recurrent(*(rng.normal(size=(count, *s)) / np.sqrt(dimension) for s in shapes))
