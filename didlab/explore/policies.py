r"""Policies and the DID: a reference, a target, and everything that follows from the two and from beta."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

import numpy as np

from ..did import did_distribution, did_entropy, ideal_rejected, log_partition, log_ratio
from ..errors import ArgumentError
from ..information import entropy, js_divergence, kl_divergence
from ..policies import probabilities, temper
from ..preference import preference_matrix
from ..report.columns import columns
from ..report.heatmap import heatmap
from .presets import PRESETS, logits, logits_python, of_weights, weights_python
from .state import choice
from .view import Picture, View

__all__ = ["State", "view"]

MOST = 1000  # outcomes
SHOWN = 32  # rows of the preference matrix that are drawn
TAUS = np.round(np.geomspace(0.1, 10.0, 33), 6)
SHARPER = np.round(np.geomspace(0.25, 4.0, 17), 6)


@dataclass(frozen=True)
class State:
    """A reference, a target and beta.

    Attributes:
        preset: the reference, where no weights are given.
        k: how many outcomes the preset has.
        seed: of the Gaussian preset.
        reference: weights of a reference of one's own.
        policy: weights of a target of one's own; without them the target is the reference at temperature `tau`.
        tau: temperature of the target, above 0.
        beta: of the reward and of the ideal rejected policy, above 0.
    """

    preset: str = "gaussian"
    k: int = 8
    seed: int = 0
    reference: tuple[Fraction, ...] = ()
    policy: tuple[Fraction, ...] = ()
    tau: float = 0.5
    beta: float = 1.0

    def __post_init__(self) -> None:
        choice("preset", self.preset, list(PRESETS))
        if not 2 <= self.k <= MOST:
            raise ArgumentError("k", f"from 2 to {MOST}", str(self.k))
        if self.seed < 0:
            raise ArgumentError("seed", "0 or more", str(self.seed))
        for name in ("tau", "beta"):
            if not 0.01 <= getattr(self, name) <= 100:
                raise ArgumentError(name, "from 0.01 to 100", str(getattr(self, name)))
        for name in ("reference", "policy"):
            given: tuple[Fraction, ...] = getattr(self, name)
            if given and (min(given) <= 0 or not 2 <= len(given) <= MOST):
                raise ArgumentError(name, f"2 to {MOST} weights above 0", ", ".join(map(str, given))[:80])

    def logits(self) -> tuple[np.ndarray, np.ndarray]:
        """Logits of reference and target, each of shape (K,)."""
        reference = of_weights(self.reference) if self.reference else logits(self.preset, self.k, self.seed)
        target = of_weights(self.policy) if self.policy else temper(reference, self.tau)
        if len(target) != len(reference):
            raise ArgumentError("policy", f"as many weights as the reference, {len(reference)}", str(len(target)))
        return reference, target


def view(state: State) -> View:
    """What follows from a reference and a target.

    Raises:
        ArgumentError: reference and target have different numbers of outcomes.

    >>> round(view(State(preset="uniform", k=4)).measures["H(reference)"], 6)
    1.386294
    """
    reference, target = state.logits()
    rejected = ideal_rejected(target, reference, state.beta)
    did = did_distribution(target, reference)
    named = {
        "reference": probabilities(reference),
        "target": probabilities(target),
        "DID": np.exp(did),
        "ideal rejected": probabilities(rejected),
    }
    measures = {
        "H(reference)": float(entropy(reference)),
        "H(target)": float(entropy(target)),
        "H(DID)": float(did_entropy(target, reference)),
        "H(ideal rejected)": float(entropy(rejected)),
        "log Z": float(log_partition(target, reference)),
        "KL(target || reference)": float(kl_divergence(target, reference)),
        "KL(reference || target)": float(kl_divergence(reference, target)),
        "JS(target, reference)": float(js_divergence(target, reference)),
    }
    k = len(reference)
    h, low = measures["H(DID)"], measures["H(reference)"]
    # Either entropy is within 16 ulp of the truth: a smaller difference has no sign.
    compared = "the same entropy as" if abs(h - low) <= 32 * np.spacing(h) else (
        "more entropy than" if h > low else "less entropy than"
    )
    distributions = Picture(
        "distributions",
        f"The DID has {compared} the reference",
        columns(named, words=f"Reference, target, DID and ideal rejected policy over {k} outcomes."),
        "The DID is target over reference, normalised. With rejected responses from the ideal rejected policy, the "
        "preferences carry the information from reference to target.",
    )
    return View(
        pictures=(distributions, _preferences(state, reference, target), *_region(state, reference)),
        measures=measures,
        columns={"outcome": list(range(1, k + 1)), **{n: p.tolist() for n, p in named.items()}},
        python=_python(state),
    )


def _preferences(state: State, reference: np.ndarray, target: np.ndarray) -> Picture:
    reward = state.beta * log_ratio(target, reference)
    k = len(reward)
    rank = np.argsort(-reward, kind="stable")
    rank = rank[np.unique(np.linspace(0, k - 1, min(k, SHOWN)).round().astype(int))]
    names = [str(i + 1) for i in rank]
    some = "" if k <= SHOWN else f" {len(rank)} of {k} outcomes are drawn, evenly over the ranks."
    return Picture(
        "preferences",
        "Which outcome is preferred, and how surely",
        heatmap(
            preference_matrix(reward[rank]), rows=names, columns=names, down="this outcome", across="is preferred to",
            words="Preference probabilities, outcomes in the order of their reward.", middle=0.5,
        ),
        f"Bradley-Terry with the reward β log(target/reference), best outcome first.{some}",
    )


def _region(state: State, reference: np.ndarray) -> tuple[Picture, ...]:
    """The plane of Claim 4.1: temperature against how sharp the reference is."""
    if state.policy:
        return ()
    gap = _gaps(tuple(reference.tolist()))
    row = float(np.interp(0.0, np.log(SHARPER), np.arange(len(SHARPER))))
    taus = _taus(len(reference))
    column = float(np.interp(np.log(state.tau), np.log(taus), np.arange(len(taus))))
    return (
        Picture(
            "claim-4-1",
            "Claim 4.1: sharpening should lower the entropy of the DID, smoothing should raise it",
            heatmap(
                gap, rows=[f"{s:.2g}" for s in SHARPER], columns=[f"{t:.2g}" for t in taus],
                down="sharpness of the reference", across="temperature of the target",
                words="Sign and size of H(DID) minus H(reference) over temperature and sharpness of the reference.",
                mark=(row, column), full=0.5,
            ),
            "H(DID) − H(reference): blue above 0, orange below 0. The ring is the present state: the reference itself "
            "(sharpness 1) at the temperature τ. Below τ = 1 the sign changes at τ = ½, not at 1.",
        ),
    )


def _taus(k: int) -> np.ndarray:
    """Fewer temperatures where each costs more."""
    return TAUS if k <= 64 else TAUS[::2]


@lru_cache(maxsize=8)
def _gaps(reference: tuple[float, ...]) -> np.ndarray:
    """H(DID) - H(reference), sharpness by temperature: it does not depend on where in the plane one is."""
    scaled = SHARPER[:, None, None] * np.asarray(reference)
    return did_entropy(temper(scaled, _taus(len(reference))[:, None]), scaled) - entropy(scaled)


def _python(state: State) -> str:
    """Three statements that print the measures."""
    reference = (
        weights_python(state.reference) if state.reference else logits_python(state.preset, state.k, state.seed)
    )
    target = weights_python(state.policy) if state.policy else f"didlab.temper(reference, {state.tau!r})"
    return (
        "import didlab, numpy as np\n"
        f"reference = {reference}; target = {target}; "
        f"rejected = didlab.ideal_rejected(target, reference, {state.beta!r})\n"
        "print({\n"
        '    "H(reference)": float(didlab.entropy(reference)),\n'
        '    "H(target)": float(didlab.entropy(target)),\n'
        '    "H(DID)": float(didlab.did_entropy(target, reference)),\n'
        '    "H(ideal rejected)": float(didlab.entropy(rejected)),\n'
        '    "log Z": float(didlab.log_partition(target, reference)),\n'
        '    "KL(target || reference)": float(didlab.kl_divergence(target, reference)),\n'
        '    "KL(reference || target)": float(didlab.kl_divergence(reference, target)),\n'
        '    "JS(target, reference)": float(didlab.js_divergence(target, reference)),\n'
        "})"
    )
