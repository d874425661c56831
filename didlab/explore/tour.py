r"""The tour: six steps from two distributions to one false theorem, and to what is true instead."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from ..did import did_distribution, did_entropy, ideal_rejected, log_ratio
from ..engine.claim import Statement
from ..engine.kinds import Raw
from ..information import entropy
from ..policies import probabilities, temper
from ..preference import label_probability, preference_matrix
from ..report.chart import Area, Series, chart
from ..report.columns import columns
from ..report.heatmap import heatmap
from . import walk
from .presets import of_weights
from .steps import STEPS, THEOREM, WEIGHTS, State, theorem
from .view import Picture, View

__all__ = ["State", "view"]

TAUS = np.round(np.linspace(0.15, 0.99, 85), 2)
NAMES = [str(i + 1) for i in range(len(WEIGHTS))]


def view(state: State) -> View:
    """The picture of a step, its numbers, and the Python that gives them again.

    >>> round(view(State(step=2, tau=0.5)).measures["H(DID)"] - view(State()).measures["H(reference)"], 12)
    0.0
    """
    return (_distributions, _distributions, _preferences, _rejected, _false, _true)[state.step - 1](state)


def _policies(state: State) -> tuple[np.ndarray, np.ndarray]:
    reference = of_weights(WEIGHTS)
    return reference, temper(reference, state.tau)


def _setup(state: State) -> str:
    return (
        f"import didlab, numpy as np\nreference = didlab.from_weights([{', '.join(map(str, WEIGHTS))}]); "
        f"policy = didlab.temper(reference, {state.tau!r})\n"
    )


def _distributions(state: State) -> View:
    reference, policy = _policies(state)
    shown = {"reference": probabilities(reference), "policy": probabilities(policy)}
    measures = {"H(reference)": float(entropy(reference)), "H(policy)": float(entropy(policy))}
    printed = '"H(reference)": float(didlab.entropy(reference)), "H(policy)": float(didlab.entropy(policy))'
    title = "The policy is sharper than the reference"
    caption = "Probabilities of the four responses."
    if state.step == 2:
        shown["DID"] = np.exp(did_distribution(policy, reference))
        measures["H(DID)"] = float(did_entropy(policy, reference))
        printed += ',\n       "H(DID)": float(didlab.did_entropy(policy, reference))'
        h, low = measures["H(DID)"], measures["H(reference)"]
        # Either entropy is within 16 ulp of the truth: a smaller difference has no sign.
        level = abs(h - low) <= 32 * np.spacing(h)
        compared = "the entropy of" if level else "more entropy than" if h > low else "less entropy than"
        title = f"The DID has {compared} the reference"
        caption = "The DID is policy over reference, normalised."
    picture = Picture(
        "distributions", title, columns(shown, words=f"{', '.join(shown)} over four responses. {title}.", x="response",
                                        span=(0.0, 1.0)), caption,
    )
    return View(
        (picture,), measures, {"response": NAMES, **{n: p.tolist() for n, p in shown.items()}},
        f"{_setup(state)}print({{{printed}}})",
    )


def _preferences(state: State) -> View:
    reference, policy = _policies(state)
    preferred = preference_matrix(state.beta * log_ratio(policy, reference))
    picture = Picture(
        "preferences", "Responses that gained are preferred",
        heatmap(preferred, rows=NAMES, columns=NAMES, down="this response", across="is preferred to", middle=0.5,
                words="Probability that the response of the row is preferred to that of the column."),
        "σ(β · difference of the log-ratios); ½ where the two gained alike.",
    )
    return View(
        (picture,), {"P(1 is preferred to 4)": float(preferred[0, 3])},
        {"response": NAMES, **{f"preferred to {n}": preferred[:, i].tolist() for i, n in enumerate(NAMES)}},
        f"{_setup(state)}print({{\"P(1 is preferred to 4)\": float(didlab.preference_matrix({state.beta!r} * "
        "didlab.log_ratio(policy, reference))[0, 3])})",
        heading="Numbers",
    )


def _rejected(state: State) -> View:
    reference, policy = _policies(state)
    rejected = ideal_rejected(policy, reference, state.beta)
    asked = preference_matrix(state.beta * log_ratio(policy, reference))
    got = label_probability(reference, rejected)
    uniform = label_probability(reference, np.zeros(len(WEIGHTS)))
    apart = ~np.eye(len(WEIGHTS), dtype=bool)
    picture = Picture(
        "rejected", "The data hold exactly the preferences that were asked for",
        chart(
            [
                Series("rejected by the ideal policy", asked[apart].tolist(), got[apart].tolist(), line=False),
                Series("rejected at random", asked[apart].tolist(), uniform[apart].tolist(), line=False, hollow=True),
                Series("as asked for", [0.0, 1.0], [0.0, 1.0], kind=-2),
            ],
            x="preference that the DID asks for", y="preference in the data",
            words="Preferences in the data against those asked for; with the ideal rejected policy on the diagonal.",
            span=((0.0, 1.0), (0.0, 1.0)),
        ),
        "A point for each ordered pair of responses.",
    )
    measures = {
        "H(ideal rejected)": float(entropy(rejected)), "largest error, ideal": float(np.abs(got - asked)[apart].max()),
        "largest error, at random": float(np.abs(uniform - asked)[apart].max()),
    }
    named = {"reference": reference, "policy": policy, "ideal rejected": rejected}
    return View(
        (picture,), measures, {"response": NAMES, **{n: probabilities(p).tolist() for n, p in named.items()}},
        f"{_setup(state)}rejected = didlab.ideal_rejected(policy, reference, {state.beta!r})\n"
        f"asked = didlab.preference_matrix({state.beta!r} * didlab.log_ratio(policy, reference))\n"
        "error = lambda p: float(abs(didlab.label_probability(reference, p) - asked)[~np.eye(4, dtype=bool)].max())\n"
        'print({"H(ideal rejected)": float(didlab.entropy(rejected)), "largest error, ideal": error(rejected), '
        '"largest error, at random": error(np.zeros(4))})',
        heading="Numbers",
    )


def _at(tau: float, skew: float = 1.0) -> Raw:
    """The instance of the theorem at a temperature: the reference by its weights, and the power 1/τ."""
    base = np.array([Fraction(str(round(float(w) ** skew, 6))) for w in WEIGHTS], dtype=object)
    t = Fraction(str(tau))
    # The engine tempers the base by m and the reference is its power n, with m/n = 1/τ: here n = 1.
    return {"base": base, "powers": np.array([1 / t, Fraction(1)], dtype=object)}


def _false(state: State) -> View:
    return _judged(state, theorem().printed, "")


def _true(state: State) -> View:
    amended = theorem().amended
    assert amended is not None
    return _judged(state, amended, "With the assumption it is true, whatever the reference")


def _judged(state: State, statement: Statement, title: str) -> View:
    """The residual of a statement over the temperature, by the check that the engine runs."""
    last = state.step == len(STEPS)
    skew, tau = (state.skew if last else 1.0), (0.3 if last else state.tau)
    near, far = _at(float(TAUS[-1]), skew), _at(float(TAUS[0]), skew)
    inverse = 1 / TAUS
    along = walk.curve(statement, near, far, (inverse - inverse[-1]) / (inverse[0] - inverse[-1]))
    raw = _at(tau, skew)
    measures = walk.measures(statement, raw)
    decided = {1.0: "true", -1.0: "false", 0.0: "not decided"}[measures[walk.DECIDED]]
    title = title or f"At τ = {tau:g} the statement is {decided}"
    size = along.residual
    low, high = float(min(size.min(), 0)), float(max(size.max(), 0))
    span = ((float(TAUS[0]), 1.0), (low - 0.1 * (high - low), high + 0.1 * (high - low)))
    kinds = ((along.met & ~along.true, "statement false", 1), (along.met & along.true, "statement true", 0),
             (~along.met, "nothing claimed", -2))
    series = [
        Series(name, TAUS[rows].tolist(), size[rows].tolist(), kind=kind) for rows, name, kind in kinds if rows.any()
    ]
    if not last:
        series.append(Series(f"τ = {tau:g}", [tau], [measures["residual of the conclusion"]], line=False, mark=True,
                             kind=2))
    areas = [Area("not assumed", [(0.5, span[1][0]), (1.0, span[1][0]), (1.0, span[1][1]), (0.5, span[1][1])], kind=4)]
    picture = Picture(
        "theorem", title,
        chart(series, x="temperature τ of the policy", y="H(reference) − H(DID), nats", words=f"{title}. The curve "
              "crosses zero at a temperature of one half.", span=span, areas=areas if last else ()),
        "The residual of the statement: above 0 the DID has less entropy than the reference, as it says.",
    )
    said = np.where(~along.met, "nothing claimed", np.where(along.true, "true", "false"))
    what = "amended" if last else "printed"
    given = walk.written(raw)
    return View(
        (picture,), measures, {"tau": TAUS.tolist(), "residual": size.tolist(), "statement": said.tolist()},
        "from didlab import claims; from didlab.explore import walk\n"
        f"claim = next(c for c in claims.load() if c.id == {THEOREM!r})\n"
        f"base, powers = (walk.numbers(text) for text in ({given['base']!r}, {given['powers']!r}))\n"
        f'print(walk.measures(claim.{what}, {{"base": base, "powers": powers}}))',
        heading=f"Numbers at τ = {tau:g}",
    )
