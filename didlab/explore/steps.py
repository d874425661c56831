"""The steps of the tour: their words, what one moves in each, and where it leads on."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from html import escape

from .. import claims
from ..engine.claim import Claim
from ..errors import ArgumentError
from ..report import mathml
from . import policies, statements
from .look import link

__all__ = ["CONTROLS", "STEPS", "THEOREM", "WEIGHTS", "State", "Step", "step", "text", "theorem"]

WEIGHTS = (Fraction(4), Fraction(3), Fraction(2), Fraction(1))
THEOREM = "did.claim-4.1.reinforcing.tempering"


@dataclass(frozen=True)
class State:
    """Where one is on the tour, and what one moved on the way.

    Attributes:
        step: from 1 to 6.
        tau: temperature of the policy, below 1: it is sharper than the reference.
        beta: how strongly preferences follow the DID.
        skew: the power to which the reference of the last step is raised.
    """

    step: int = 1
    tau: float = 0.7
    beta: float = 1.0
    skew: float = 1.0

    def __post_init__(self) -> None:
        if not 1 <= self.step <= len(STEPS):
            raise ArgumentError("step", f"from 1 to {len(STEPS)}", str(self.step))
        for name, (_, low, high) in CONTROLS.items():
            if not low <= getattr(self, name) <= high:
                raise ArgumentError(name, f"from {low} to {high}", str(getattr(self, name)))


# What one moves: its name for a person, and its range.
CONTROLS: dict[str, tuple[str, float, float]] = {
    "tau": ("Temperature τ of the policy", 0.15, 0.99),
    "beta": ("β", 0.1, 4.0),
    "skew": ("How uneven the reference is", 0.25, 3.0),
}


@dataclass(frozen=True)
class Step:
    """A step: its title, two or three sentences, the one control, and the words of the link that leads on."""

    title: str
    sentences: tuple[str, ...]
    control: str
    on: str


STEPS = (
    Step(
        "Two distributions",
        (
            "A language model gives every response a probability. The one before training is the reference; training "
            "should lead it to another one, the policy.",
            "Here there are four responses, and the policy is the reference at a temperature τ below 1: what was "
            "likely already gets more. Move τ.",
        ),
        "tau", "Take any two distributions",
    ),
    Step(
        "The difference between them is a distribution",
        (
            "Divide the policy by the reference, response by response, and let the result sum to 1: this is the "
            "differential information distribution, the DID.",
            "It says what has to be learnt: multiply the reference by it, normalise, and you have the policy.",
            "Its entropy tells whether that information is about few responses or many.",
        ),
        "tau", "Look at the DID of your own two",
    ),
    Step(
        "Preferences can carry it",
        (
            "Prefer one response to another with the probability σ(β · the difference of their log-ratios "
            "log policy/reference): the reward that DPO assumes.",
            "Then the preferences depend on the DID alone. A larger β makes them surer.",
        ),
        "beta", "See the matrix for more responses",
    ),
    Step(
        "But only with the right rejected responses",
        (
            "In a data set nobody draws preferences from a formula: chosen responses come from one distribution and "
            "rejected ones from another.",
            "If the chosen ones come from the reference, the rejected ones have to come from one policy, the ideal "
            "rejected one. Then how often a response is chosen over another is just what the last step asked for: all "
            "points lie on the line.",
        ),
        "beta", "Move the ideal rejected policy",
    ),
    Step(
        "A theorem that is false",
        (
            "One of the papers says when the DID is concentrated: if the policy is sharper than the reference, the DID "
            "should have less entropy than the reference.",
            "The two distributions you have seen are a counterexample at τ = 0.7. Step away from it: below 0 the "
            "statement is false, and it becomes true where the curve crosses.",
        ),
        "tau", "Open the statement and its counterexample",
    ),
    Step(
        "What is true instead",
        (
            "The DID is the reference raised to the power 1/τ − 1. At τ = ½ it is the reference itself, so that the "
            "entropies are equal; only below ½ is it sharper.",
            "With that one assumption the statement is true, for every reference that is not uniform. Make it flatter "
            "or steeper: the curve moves, but not the place where it crosses 0.",
        ),
        "skew", "See what else was judged, and how",
    ),
)


def step(state: State) -> Step:
    """The step of a state."""
    return STEPS[state.step - 1]


def text(state: State) -> str:
    """The words of a step, with the link that leads on, as HTML."""
    here = step(state)
    sentences = "".join(f"<p>{escape(s)}</p>" for s in here.sentences)
    return (
        f'<div class="tour" aria-live="polite"><p class="where">Step {state.step} of {len(STEPS)}</p>'
        f"<h2>{escape(here.title)}</h2>{sentences}{_stated(state)}"
        f'<p><a href="{escape(_onwards(state))}">{escape(here.on)}</a></p></div>'
    )


def _stated(state: State) -> str:
    """The statement of the last two steps, as it is printed, or what has to be assumed."""
    if state.step < 5:
        return ""
    claim = theorem()
    assert claim.assumption is not None
    said = claim.printed.text if state.step == 5 else claim.assumption.text
    return f'<div class="statement">{mathml.html(said, display=True)}</div>'


def _onwards(state: State) -> str:
    """Where one can go on with what is on the screen."""
    if state.step < 5:
        return link("policies", policies.State(reference=WEIGHTS, tau=state.tau, beta=state.beta))
    return link("claims", statements.State(id=THEOREM) if state.step == 5 else statements.State(words="claim-4.1"))


@cache
def theorem() -> Claim:
    """The statement that the tour ends with."""
    return next(c for c in claims.load() if c.id == THEOREM)
