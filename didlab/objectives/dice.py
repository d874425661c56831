r"""DICE: DPO against the policy of the round before, on pairs ranked by that policy's own implicit reward.

.. math::
    -\log\sigma\Big(\beta\log\tfrac{\pi(y_w)}{\pi^{(t-1)}(y_w)} - \beta\log\tfrac{\pi(y_l)}{\pi^{(t-1)}(y_l)}\Big)

The log-probabilities of the reference are those of :math:`\pi^{(t-1)}`, which training in round t leaves alone: the
loss is DPO's.

Ref: Chen et al. 2024 (DICE).

Convention: the loss of one round on given pairs; how the round's pairs are made is no part of it.
"""

from .dpo import form, loss

__all__ = ["form", "loss"]
