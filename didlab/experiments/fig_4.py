"""Figure 4: policy reinforcement and smoothing, with the true DID, which the paper's drawing leaves out."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..did import did_distribution
from ..information import entropy
from ..plots import style
from ..plots.style import INK
from ..policies import log_probabilities, probabilities, temper
from .output import Output

__all__ = ["make"]

GRID = np.linspace(-5.0, 5.0, 401)
FLOOR = 0.02  # of the largest probability: below it, the reference counts as about 0


def reference() -> np.ndarray:
    """Log-probabilities of a smooth reference with one main mode and a shoulder.

    >>> reference().shape
    (401,)
    """
    shape = np.exp(-((GRID + 0.4) ** 2) / 1.1) + 0.45 * np.exp(-((GRID - 1.7) ** 2) / 0.5)
    return log_probabilities(np.log(shape + 1e-6))


def policies() -> dict[str, tuple[np.ndarray, float]]:
    """The reinforced and the smoothed policy: the reference at other temperatures, and the temperatures."""
    ref = reference()
    out = {}
    for name, tau in (("reinforcement", 0.4), ("smoothing", 2.5)):
        out[name] = (log_probabilities(temper(ref, tau)), tau)
    return out


def _assumed(policy: np.ndarray, ref: np.ndarray, outside: np.ndarray) -> np.ndarray:
    """The DID over the outcomes that the claim's assumption leaves: those where the reference is not about 0."""
    return np.where(outside, 0.0, _normal(np.where(outside, 0.0, np.exp(policy - ref))))


def _normal(x: np.ndarray) -> np.ndarray:
    return x / x.sum()


def _verdict(panel: dict[str, float], facts: dict[str, Any], sign: int) -> str:
    """Whether H(DID) - H(reference) has the sign, over all outcomes and over those that the assumption leaves."""
    here = facts["entropy of the reference"]
    keys = ("entropy of the DID", "without the outcomes with π_ref ≈ 0")
    every, kept = (sign * (panel[k] - here) > 0 for k in keys)
    if every == kept:
        return "so it is" if every else "not so here, with or without the assumption"
    return "so it is only " + ("over all outcomes" if every else "under the assumption")


def make(out: Output) -> None:
    """Draw both panels and quote the entropies with and without the assumption."""
    ref = reference()
    outside = probabilities(ref) < FLOOR * probabilities(ref).max()
    facts: dict[str, Any]
    facts, rows = {"entropy of the reference": float(entropy(ref))}, []
    with style() as plt:
        figure, axes = plt.subplots(1, 2, figsize=(8.2, 3.3), sharey=True)
        for axis, (name, (policy, tau)) in zip(axes, policies().items(), strict=True):
            p, r = probabilities(policy), probabilities(ref)
            did, kept = probabilities(did_distribution(policy, ref)), _assumed(policy, ref, outside)
            top = 1.12 * max(p.max(), kept.max(), r.max())
            axis.fill_between(
                GRID, 0, top, where=outside, color="#bdbdbd", alpha=0.55, linewidth=0, label=r"$\pi_{ref} \approx 0$"
            )
            axis.fill_between(
                GRID,
                0,
                top,
                where=(p < r) & ~outside,
                color="#a6cee3",
                alpha=0.55,
                linewidth=0,
                label=r"$\pi < \pi_{ref}$",
            )
            axis.plot(GRID, r, color=INK, linewidth=1.6, label=r"$\pi_{ref}$")
            axis.plot(GRID, p, color="#7b3294", linewidth=2.0, linestyle=(0, (5, 1.5)), label="π")
            axis.plot(
                GRID,
                kept,
                color="#d55e00",
                linewidth=1.6,
                linestyle=(0, (1, 1)),
                label=r"DID, without $\pi_{ref} \approx 0$",
            )
            axis.plot(
                GRID, did, color="#009e73", linewidth=1.3, linestyle=(0, (4, 1.5, 1, 1.5)), label="DID, all outcomes"
            )
            axis.set_title(f"policy {name} (τ = {tau:g})")
            axis.set_xlabel("outcome")
            axis.set_xlim(-4, 4)
            h = -float((kept[kept > 0] * np.log(kept[kept > 0])).sum())
            facts[name] = {
                "entropy of the DID": float(entropy(did_distribution(policy, ref))),
                "without the outcomes with π_ref ≈ 0": h,
                "entropy of the policy": float(entropy(policy)),
            }
            rows += [
                (name, x, *values) for x, *values in zip(GRID[::2], r[::2], p[::2], did[::2], kept[::2], strict=True)
            ]
        axes[0].set_ylabel("probability")
        axes[0].set_ylim(0, 1.05 * max(probabilities(q).max() for q, _ in policies().values()))
        handles, labels = axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncol=6, fontsize=7.5)
        out.image(figure)
    out.table("", ("panel", "outcome", "reference", "policy", "did", "did_restricted"), rows)
    high, low = facts["smoothing"], facts["reinforcement"]
    out.caption(
        "Figure 4",
        "A reference, a reinforced (left) and a smoothed (right) policy, the region where π_ref is about 0 (below 2 "
        "% of its mode, grey) and "
        "where π < π_ref (blue), with the DID computed instead of sketched.",
        "The paper says its plot does not represent the true DID. Here it does. H(π_ref) = "
        f"{facts['entropy of the reference']:.3f} nats. Reinforcement: H(DID) = {low['entropy of the DID']:.3f} over "
        "all outcomes, "
        f"{low['without the outcomes with π_ref ≈ 0']:.3f} over those that the assumption of Claim 4.1 leaves. "
        "Smoothing: "
        f"{high['entropy of the DID']:.3f} and {high['without the outcomes with π_ref ≈ 0']:.3f}: over all outcomes "
        "the DID of a smoothed "
        "policy sits where π_ref is about 0, which is what the assumption excludes. Claim 4.1 expects less than "
        "H(π_ref) on "
        f"the left ({_verdict(low, facts, -1)}) and more on the right ({_verdict(high, facts, 1)}).",
        facts,
    )
