"""An objective: a name, its hyper-parameters, its formula as printed, and its common form."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ..arguments import broadcasts, log_weights, positive, rectangular
from ..carriers import carrier_of
from ..errors import ArgumentError
from .form import Form

__all__ = ["Objective"]


@dataclass(frozen=True, repr=False)
class Objective:
    r"""A loss of the log-probabilities of a chosen and a rejected response.

    Attributes:
        name: as in `objectives.names`.
        hyper: every hyper-parameter by name, the convention included.
        form: the common form of the loss, from which slopes, curvature and the compiled kernel follow.
        formula: the loss as its paper prints it.

    >>> from didlab import objectives
    >>> objectives.get("ipo", beta=0.5).value([0.0], [-1.0], [0.0], [0.0])
    array([0.])
    """

    name: str
    hyper: Mapping[str, Any]
    form: Form
    formula: Callable[..., Any]

    def __repr__(self) -> str:
        return f"<Objective {self.name}: {', '.join(f'{k} = {v}' for k, v in self.hyper.items())}>"

    def value(
        self, chosen: Any, rejected: Any, ref_chosen: Any, ref_rejected: Any, *,
        chosen_length: Any = 1, rejected_length: Any = 1,
    ) -> Any:
        r"""The loss of each pair, :math:`\ell(\log\pi(y_w), \log\pi(y_l), \log\pi_{ref}(y_w), \log\pi_{ref}(y_l))`.

        Args:
            chosen, rejected: log-probabilities under the policy, in nats, shapes that broadcast.
            ref_chosen, ref_rejected: log-probabilities under the reference; unused by losses without one.
            chosen_length, rejected_length: numbers of tokens, for losses that use them; 1 on outcomes without tokens.

        Returns:
            array or tensor of the broadcast shape.

        Raises:
            ArgumentError: not finite numbers, shapes that do not broadcast, or a length that is not positive.

        >>> from didlab import objectives
        >>> objectives.get("log-pi").value([-1.0], [-1.0], [-1.0], [-1.0]).round(6)
        array([0.693147])
        """
        args = self._checked(chosen, rejected, ref_chosen, ref_rejected, chosen_length, rejected_length)
        return self.formula(carrier_of(*args[:4]), *args, **self.hyper)

    def slopes(
        self, chosen: Any, rejected: Any, ref_chosen: Any, ref_rejected: Any, *,
        chosen_length: Any = 1, rejected_length: Any = 1,
    ) -> tuple[Any, Any]:
        r"""Closed-form derivatives :math:`d_w, d_l` of the loss with respect to :math:`\log\pi(y_w), \log\pi(y_l)`.

        Args:
            chosen, rejected, ref_chosen, ref_rejected, chosen_length, rejected_length: as for `value`.

        Returns:
            the pair (d_w, d_l). At a kink the slope is that of the flat side.

        Raises:
            ArgumentError: as for `value`.

        >>> from didlab import objectives
        >>> objectives.get("log-pi").slopes([-1.0], [-1.0], [-1.0], [-1.0])
        (array([-0.5]), array([0.5]))
        """
        args = self._checked(chosen, rejected, ref_chosen, ref_rejected, chosen_length, rejected_length)
        return self.form.slopes(*args)

    def _checked(self, w: Any, l: Any, rw: Any, rl: Any, nw: Any, nl: Any) -> tuple[Any, ...]:  # noqa: E741
        given = {"chosen": w, "rejected": l, "ref_chosen": rw, "ref_rejected": rl}
        for name, x in given.items():
            if not hasattr(x, "shape") and isinstance(x, int | float):
                raise ArgumentError(name, "an array, a number for each pair", repr(x), f"Write [{x!r}] for one pair.")
        arrays = tuple(log_weights(name, x) for name, x in given.items())
        lengths = {"chosen_length": nw, "rejected_length": nl}
        for name, x in lengths.items():
            lengths[name] = rectangular(name, x) if isinstance(x, list | tuple) else x
            positive(name, lengths[name], "a number of tokens above 0")
        shapes: list[Any] = []
        for name, x in {**dict(zip(given, arrays, strict=True)), **lengths, **self.hyper}.items():
            broadcasts(name, getattr(x, "shape", ()), *shapes)
            shapes += [x.shape] if hasattr(x, "shape") else []
        # a number divided by a tensor of integers would be float32
        nw, nl = (x.to(arrays[0].dtype) if hasattr(x, "is_floating_point") else x for x in lengths.values())
        return (*arrays, nw, nl)
