"""The public face for other people's claims and test suites: declare a statement, draw its objects, judge it.

>>> from didlab.testing import Policies, at_least, claim, judge
>>> from didlab import entropy, kl_divergence
>>> @claim("mine.gibbs", where="my note", title="Cross-entropy is at least entropy", statement=r"H(p, q) \\ge H(p)",
...        draws=(Policies("p", "q"),), neighbours={"strict": {"strict": True}})
... def gibbs(p, q, *, strict=False):
...     cross = entropy(p) + kl_divergence(p, q)
...     return greater(cross, entropy(p)) if strict else at_least(cross, entropy(p))
>>> judge(gibbs, effort="quick").verdict
'holds'
"""

from __future__ import annotations

from .carriers import carrier_of
from .engine.claim import Claim, claim
from .engine.judge import Judgement, judge
from .engine.kinds import (
    Comonotone,
    Geometric,
    Graph,
    Integers,
    Kind,
    Mixed,
    Numbers,
    Pair,
    Policies,
    PowerLaw,
    Rewards,
    Tempered,
    Threshold,
)
from .engine.relations import at_least, both, either, equal, exists, forall, greater, iff, implies, negation

__all__ = [
    "Claim",
    "Comonotone",
    "Geometric",
    "Graph",
    "Integers",
    "Judgement",
    "Kind",
    "Mixed",
    "Numbers",
    "Pair",
    "Policies",
    "PowerLaw",
    "Rewards",
    "Tempered",
    "Threshold",
    "at_least",
    "both",
    "carrier_of",
    "claim",
    "either",
    "equal",
    "exists",
    "forall",
    "greater",
    "iff",
    "implies",
    "judge",
    "negation",
]
