"""The columns of a score table as pairs: what every measurement of a diagnosis takes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..bridge.table import Scores
from ..errors import FileError

__all__ = ["Pairs", "pairs_of"]


@dataclass(frozen=True)
class Pairs:
    """Log-probabilities of n pairs, shape (n,), in nats.

    Attributes:
        chosen, rejected: under the policy.
        ref_chosen, ref_rejected: under the reference.
        source_chosen, source_rejected: under the policy that wrote the rejected responses, if it was scored.
        chosen_tokens, rejected_tokens: lengths; -1 where they are not known.
        prompt: which prompt each pair is of.
        id: what each pair is called.
    """

    chosen: np.ndarray
    rejected: np.ndarray
    ref_chosen: np.ndarray
    ref_rejected: np.ndarray
    chosen_tokens: np.ndarray
    rejected_tokens: np.ndarray
    prompt: np.ndarray
    id: np.ndarray
    source_chosen: np.ndarray | None = None
    source_rejected: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.chosen)

    @property
    def prompts(self) -> int:
        """How many different prompts."""
        return len(set(self.prompt))

    @property
    def lengths(self) -> bool:
        """Whether the numbers of tokens are known."""
        return bool((self.chosen_tokens > 0).all() and (self.rejected_tokens > 0).all())

    @property
    def chosen_change(self) -> np.ndarray:
        """log pi(y_w) - log pi_ref(y_w)."""
        return self.chosen - self.ref_chosen

    @property
    def rejected_change(self) -> np.ndarray:
        """log pi(y_l) - log pi_ref(y_l)."""
        return self.rejected - self.ref_rejected

    @property
    def gain(self) -> np.ndarray:
        """Gain in log-margin, the implicit reward of DPO divided by beta."""
        return self.chosen_change - self.rejected_change


def pairs_of(scores: Scores) -> Pairs:
    """The pairs of a table.

    Raises:
        FileError: no policy, no reference, or fewer than two pairs.
    """
    for model in ("policy", "reference"):
        if not scores.has(model):
            raise FileError(f"the table has no scores of the {model}; `didlab score` writes them")
    chosen, rejected = scores.paired("policy_sum")
    if len(chosen) < 2:
        raise FileError(f"a diagnosis needs at least two pairs; the table has {len(chosen)}")
    source = scores.paired("rejected_policy_sum") if scores.has("rejected_policy") else (None, None)
    named = scores.of("chosen", "prompt"), scores.of("chosen", "id")
    return Pairs(chosen, rejected, *scores.paired("reference_sum"), *scores.paired("tokens"), *named, *source)
