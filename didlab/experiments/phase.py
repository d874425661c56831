"""The phase diagram of Claim 4.1: the sign of H(DID) - H(reference) over temperature and shape of the reference."""

from __future__ import annotations

import numpy as np

from ..did import did_entropy
from ..information import entropy
from ..plots import style
from ..plots.style import INK
from ..policies import temper
from .output import Output

__all__ = ["gap", "make"]

TAUS = np.round(np.geomspace(0.1, 10.0, 81), 12)
SCALES = np.round(np.geomspace(0.25, 4.0, 33), 12)
SIZE, SEEDS = 32, 16


def gap(logits: np.ndarray, tau: float) -> np.ndarray:
    r""":math:`H(q_{\pi/\pi_{ref}}) - H(\pi_{ref})` for :math:`\pi = \pi_{ref}^{1/\tau} / Z`.

    >>> bool(gap(np.array([0.0, 1.0]), 0.25) < 0 < gap(np.array([0.0, 1.0]), 4.0))
    True
    """
    return did_entropy(temper(logits, tau), logits) - entropy(logits)


def make(out: Output) -> None:
    """Gaussian logits of growing scale, and references with two levels."""
    rng = np.random.default_rng(0)
    normal = rng.normal(size=(SEEDS, 1, SIZE)) * SCALES[None, :, None]
    count = np.arange(1, SIZE)
    levels = 3.0 * (np.arange(SIZE)[None, :] < count[:, None])
    left = np.stack([gap(normal, t) for t in TAUS], axis=-1)
    right = np.stack([gap(levels, t) for t in TAUS], axis=-1)
    middle, share = np.median(left, axis=0), (left > 0).mean(axis=0)
    out.table(
        "",
        ("shape", "parameter", "temperature", "gap_median", "share_positive"),
        [
            *(
                ("normal", s, t, middle[i, j], share[i, j])
                for i, s in enumerate(SCALES[::2])
                for i in [2 * i]
                for j, t in enumerate(TAUS)
            ),
            *(
                ("two levels", int(m), t, right[i, j], float(right[i, j] > 0))
                for i, m in enumerate(count)
                for j, t in enumerate(TAUS)
            ),
        ],
    )
    with style() as plt:
        figure, axes = plt.subplots(1, 2, figsize=(8.4, 3.7))
        limit = 1.0
        for axis, values, ys, label, title in (
            (axes[0], middle, SCALES, "scale of the Gaussian logits", "Gaussian logits, median of 16 seeds"),
            (axes[1], right, count, "likely outcomes, of 32", "two levels: some outcomes 20 times likelier"),
        ):
            shown = np.clip(values, -limit, limit)
            mesh = axis.pcolormesh(
                TAUS, ys, shown, cmap="PuOr_r", vmin=-limit, vmax=limit, shading="nearest", rasterized=True
            )
            axis.contour(TAUS, ys, values, levels=[0.0], colors=INK, linewidths=1.3)
            axis.axvline(1.0, color=INK, linewidth=0.9, linestyle=":")
            axis.axvline(0.5, color=INK, linewidth=0.9, linestyle="--")
            axis.set_xscale("log")
            axis.set_xticks([0.1, 0.25, 0.5, 1, 2, 4, 10], ["0.1", "¼", "½", "1", "2", "4", "10"])
            axis.minorticks_off()
            axis.set_xlabel("temperature τ (reinforcing left of 1, smoothing right)")
            axis.set_ylabel(label)
            axis.set_title(title)
            axis.grid(False)
        axes[0].contourf(TAUS, SCALES, share, levels=[0.02, 0.98], colors="none", hatches=["////"])
        axes[0].set_yscale("log")
        axes[0].minorticks_off()
        axes[0].set_yticks([0.25, 0.5, 1, 2, 4], ["¼", "½", "1", "2", "4"])
        bar = figure.colorbar(mesh, ax=axes, shrink=0.9, extend="both")
        bar.set_label("H(DID) − H(π_ref) (nats)")
        out.image(figure)
    between, smooth = (TAUS > 0.5) & (TAUS < 1), TAUS > 1
    facts = {
        "τ between ½ and 1: share of Gaussian references with H(DID) > H(ref)": float((left[:, :, between] > 0).mean()),
        "τ below ½: the same": float((left[:, :, TAUS < 0.5] > 0).mean()),
        "τ above 1: the same": float((left[:, :, smooth] > 0).mean()),
        "τ between ½ and 1, two levels: share with H(DID) > H(ref)": float((right[:, between] > 0).mean()),
        "τ below ½, two levels": float((right[:, TAUS < 0.5] > 0).mean()),
        "τ above 1, two levels": float((right[:, smooth] > 0).mean()),
    }
    values = list(facts.values())
    out.caption(
        "Phase diagram of Claim 4.1",
        "H(DID) − H(π_ref) when the policy is the reference at temperature τ. Left: Gaussian logits of growing scale "
        "(hatched: the 16 seeds "
        "disagree about the sign). Right: references with two levels, by how many outcomes are likely. The black "
        "curve is 0.",
        "Not in the paper. The DID of a tempered policy is the reference at temperature τ/(1−τ), so the sign changes "
        "at τ = ½ (the straight black line), not at "
        "τ = 1 (dotted): every reinforcement between them has a DID of higher entropy than the reference "
        f"(share {values[0]:.2f} of the Gaussian, {values[3]:.2f} of the two-level cases); below ½ the share is "
        f"{values[1]:.2f} and "
        f"{values[4]:.2f}. Smoothing raises the entropy in a share {values[2]:.2f} of the Gaussian cases, but only "
        f"{values[5]:.2f} of the "
        "two-level ones: it fails where few outcomes are unlikely.",
        facts,
    )
