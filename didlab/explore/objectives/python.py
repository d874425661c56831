"""The Python that repeats what the page of objectives shows, section by section."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..losses import python
from ..presets import logits_python, weights_python

if TYPE_CHECKING:
    from .scene import State

__all__ = ["joined", "of_flow", "of_optima", "of_training", "setting"]

COMMENT = "\n# "  # begins what a section adds


def joined(sections: Sequence[str]) -> str:
    """The Python of some sections, the setting once.

    >>> joined(["x = 1\\n# twice\\n2 * x", "x = 1", "x = 1\\n# thrice\\n3 * x"])
    'x = 1\\n# twice\\n2 * x\\n# thrice\\n3 * x'
    """
    parts = [s.partition(COMMENT) for s in sections]
    return parts[0][0] + "".join(mark + body for _, mark, body in parts)


def setting(state: State) -> str:
    """Policies, pairs, losses, and where they start."""
    target = f"didlab.temper(reference, {state.tau!r})"
    if state.target == "random":
        target = logits_python("gaussian", state.size, state.target_seed)
    if state.policy:
        target = weights_python(state.policy)
    ideal = f"didlab.ideal_rejected(target, reference, {state.ideal_beta!r})"
    losses = ", ".join(f"{n!r}: {python(f)}" for n, f in state.objectives().items())
    reference = weights_python(state.reference) if state.reference else logits_python(state.preset, state.k, state.seed)
    return (
        "import didlab, numpy as np\n"
        "from didlab import dynamics, objectives, solvers\n"
        f"reference = {reference}; target = {target}\n"
        f"chosen = {state.chosen}; rejected = {ideal if state.rejected == 'ideal' else 'reference'}\n"
        "problem = dynamics.pair_problem(reference, chosen, rejected, target, "
        f"seed={state.data_seed}, pairs={state.pairs or None})\n"
        f"losses = {{{losses}}}\n"
        f"protocol = dynamics.Protocol(steps={state.steps}, batch={state.batch}, rate={state.rate!r}, "
        f"start={state.start!r}, every={state.steps})\n"
        "start = protocol.first_logits(problem)"
    )


def of_optima(state: State, pair: tuple[int, int]) -> str:
    """Optima, and weights on the pair (from 0)."""
    pairs = "reference=reference, weights=problem.cells" if state.pairs else "chosen, rejected, reference=reference"
    w, l = pair  # noqa: E741
    return (
        f"{COMMENT}where each loss ends, and its weights on one pair\n"
        f"best = {{n: solvers.optimum(f, {pairs}) for n, f in losses.items()}}\n"
        f"v, r, w, l = *map(didlab.log_probabilities, (start, problem.reference)), [{w}], [{l}]\n"
        "slopes = {n: f.slopes(v[w], v[l], r[w], r[l]) for n, f in losses.items()}\n"
        'print({"JS(target, reference)": float(didlab.js_divergence(target, reference)),\n'
        '    **{f"JS(target, optimum of {n})": float(didlab.js_divergence(target, b.policy))\n'
        "        for n, b in best.items() if b.policy is not None},\n"
        '    **{f"weight on chosen, {n}": -float(d[0][0]) for n, d in slopes.items()},\n'
        '    **{f"weight on rejected, {n}": float(d[1][0]) for n, d in slopes.items()}})'
    )


def of_training() -> str:
    """Training with noise."""
    return (
        f"{COMMENT}training with noise\n"
        "run = dynamics.simulate([problem], list(losses.values()), protocol=protocol)\n"
        "ends = dict(zip(losses, run.logits[0]))\n" + _ends("after training")
    )


def of_flow(state: State, names: Sequence[str], times: tuple[float, float, int], tolerance: float) -> str:
    """Gradient flow of the losses of these names."""
    pairs = "None, None, reference, problem.cells" if state.pairs else "chosen, rejected, reference, dense=True"
    return (
        f"{COMMENT}gradient flow\n"
        f"times = np.geomspace{times}\n"
        f"some = {{n: solvers.PopulationLoss(losses[n], {pairs}) for n in {list(names)}}}\n"
        f"ends = {{n: solvers.gradient_flow(f, start, times, tolerance={tolerance})[-1] for n, f in some.items()}}\n"
        + _ends("after the flow")
    )


def _ends(when: str) -> str:
    each = "for n, e in ends.items()}"
    return (
        "p, q = problem.cells.sum(1), problem.cells.sum(0)\n"
        f'print({{**{{f"JS(target, {{n}} {when})": float(didlab.js_divergence(e, target)) {each},\n'
        f'    **{{f"E log π(chosen), {{n}} {when}": float(didlab.log_probabilities(e) @ p) {each},\n'
        f'    **{{f"E log π(rejected), {{n}} {when}": float(didlab.log_probabilities(e) @ q) {each}}})'
    )
