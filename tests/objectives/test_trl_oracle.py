"""The losses that TRL has, against TRL's own code on the same log-probabilities: values and gradients.

TRL's trainers compute losses inside methods, so each method is called on a stand-in for the trainer whose model returns
the given log-probabilities. TRL is an optional extra: without it these tests are skipped.
"""

from collections import defaultdict
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from didlab import objectives

trl = pytest.importorskip("trl", reason="TRL is an extra, installed on request", exc_type=ImportError)
pytestmark = pytest.mark.filterwarnings("ignore")

RNG = np.random.default_rng(0)
W, L, RW, RL = (torch.tensor(-0.05 - 3 * RNG.exponential(size=40)) for _ in range(4))
NW, NL = (torch.tensor(RNG.integers(1, 6, 40)) for _ in range(2))
TOKENS = 6


def accelerator():
    same = lambda x: x  # noqa: E731
    return SimpleNamespace(device="cpu", gather=same, gather_for_metrics=same)


def spread(total, length):
    """A row of token log-probabilities that sum to the given one, and its mask."""
    mask = (torch.arange(TOKENS) < length).to(total)
    return mask * total / length, mask.long()


def outputs(rows):
    zero = torch.zeros_like(rows)
    return SimpleNamespace(log_probs=rows, entropy=zero, mean_logits=zero, is_top1=zero.bool(), aux_loss=None)


def trainer(**own):
    return SimpleNamespace(
        model=SimpleNamespace(training=False), accelerator=accelerator(), aux_loss_enabled=False, _metrics=_metrics(),
        _total_train_tokens=0, _tp_size=1, precompute_ref_logps=True, **own,
    )


def _metrics():
    return {"train": defaultdict(list), "eval": defaultdict(list)}


def dpo_trainer(loss_type, beta):
    def loss(w, l, rw, rl, nw, nl):  # noqa: E741
        (a, mask_a), (b, mask_b) = spread(w, nw), spread(l, nl)
        mask = torch.cat([torch.zeros(2, 1, dtype=torch.long), torch.stack([mask_a, mask_b])], 1)
        inputs = {
            "completion_mask": mask, "input_ids": mask, "attention_mask": mask + 1,
            "ref_chosen_logps": rw[None], "ref_rejected_logps": rl[None],
        }
        own = trainer(
            ld_alpha=None, f_divergence_type="reverse_kl", loss_types=[loss_type], loss_weights=[1.0], beta=beta,
            label_smoothing=0.0, use_weighting=False,
        )
        model = lambda **_: outputs(torch.stack([a, b]))  # noqa: E731
        return trl.DPOTrainer._compute_loss(own, model, inputs, False)

    return loss


def kto_trainer(beta, weights, z):
    def loss(w, l, rw, rl, nw, nl):  # noqa: E741
        (a, mask_a), (b, mask_b) = spread(w, nw), spread(l, nl)
        mask = torch.cat([torch.zeros(2, 1, dtype=torch.long), torch.stack([mask_a, mask_b])], 1)
        inputs = {
            "completion_mask": mask, "input_ids": mask, "attention_mask": mask + 1,
            "label": torch.tensor([True, False]), "ref_logps": torch.stack([rw, rl]),
            "ref_KL_logps": torch.zeros(2, dtype=torch.float64),
        }
        own = trainer(
            beta=beta, desirable_weight=weights[0], undesirable_weight=weights[1], loss_type="kto", calculate_KL=True,
            _compute_kl_logps=lambda *_: torch.full((2,), z, dtype=torch.float64),
        )
        model = lambda **_: outputs(torch.stack([a, b]))  # noqa: E731
        return 2 * trl.KTOTrainer._compute_loss(own, model, inputs, False)  # a mean over two responses

    return loss


def cpo_trainer(loss_type, beta, alpha, gamma=0.0, average=False):
    cpo = pytest.importorskip("trl.experimental.cpo").CPOTrainer

    def loss(w, l, rw, rl, nw, nl):  # noqa: E741
        policy = (w / nw, l / nl) if average else (w, l)
        own = trainer(
            alpha=0.0, beta=beta, loss_type=loss_type, simpo_gamma=gamma, label_smoothing=0.0, cpo_alpha=alpha,
            concatenated_forward=lambda *_: (policy[0][None], policy[1][None], W, W, -w / nw),
        )
        own.cpo_loss = lambda *x: cpo.cpo_loss(own, *x)
        return cpo.get_batch_loss_metrics(own, None, None)[0]

    return loss


def orpo_trainer(beta):
    orpo = pytest.importorskip("trl.experimental.orpo").ORPOTrainer

    def loss(w, l, rw, rl, nw, nl):  # noqa: E741
        own = trainer(
            beta=beta, concatenated_forward=lambda *_: ((w / nw)[None], (l / nl)[None], W, W, -w / nw),
        )
        own.odds_ratio_loss = lambda *x: orpo.odds_ratio_loss(own, *x)
        return orpo.get_batch_loss_metrics(own, None, None)[0]

    return loss


CASES = {
    "dpo": (objectives.get("dpo", beta=0.3), lambda: dpo_trainer("sigmoid", 0.3), 1e-12),
    "slic": (objectives.get("slic", beta=0.3, convention="trl"), lambda: dpo_trainer("hinge", 0.3), 1e-12),
    "ipo": (objectives.get("ipo", beta=0.3, convention="trl"), lambda: dpo_trainer("ipo", 0.3), 1e-12),
    "sppo": (objectives.get("sppo", beta=0.3), lambda: dpo_trainer("sppo_hard", 0.3), 1e-12),
    "kto": (
        objectives.get("kto", beta=0.3, lam_w=1.5, lam_l=0.5, z=0.7), lambda: kto_trainer(0.3, (1.5, 0.5), 0.7), 1e-12,
    ),
    "cpo": (
        objectives.get("cpo", beta=0.3, lam=0.7, convention="trl"), lambda: cpo_trainer("sigmoid", 0.3, 0.7), 1e-12,
    ),
    "log-pi": (objectives.get("log-pi", beta=0.3), lambda: cpo_trainer("sigmoid", 0.3, 0.0), 1e-12),
    "simpo": (
        objectives.get("simpo", beta=2.0, gamma=0.5), lambda: cpo_trainer("simpo", 2.0, 0.0, 0.5, average=True), 1e-12,
    ),
    "orpo": (objectives.get("orpo", beta=0.3), lambda: orpo_trainer(0.3), 1e-5),  # TRL casts to float32 here
}


@pytest.mark.parametrize("name", CASES)
def test_value_and_gradient_are_those_of_trl(name):
    ours, build, tolerance = CASES[name]
    theirs = build()
    values, slopes = [], []
    for w, l, rw, rl, nw, nl in zip(W, L, RW, RL, NW, NL, strict=True):  # noqa: E741
        w, l = w.clone().requires_grad_(), l.clone().requires_grad_()  # noqa: E741
        value = theirs(w, l, rw, rl, nw, nl)
        slopes.append(torch.stack(torch.autograd.grad(value, (w, l))))
        values.append(value.detach())
    lengths = {"chosen_length": NW, "rejected_length": NL}
    expected = ours.value(W, L, RW, RL, **lengths)
    torch.testing.assert_close(torch.stack(values).double(), expected, rtol=tolerance, atol=tolerance)
    closed = torch.stack(ours.slopes(W, L, RW, RL, **lengths), -1)
    torch.testing.assert_close(torch.stack(slopes), closed, rtol=tolerance, atol=tolerance)
