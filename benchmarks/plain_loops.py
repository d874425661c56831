"""What a user would write: plain PyTorch loops for one configuration (DPO) of the synthetic experiment, one thread.

All take the pairs ready-made, which the simulator draws itself. `autograd` is the fastest loop we could write that
works for any loss: it is the baseline. `closed` derives DPO's gradient by hand, which has to be done for every loss.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F

RATE, CLIP, DECAY, EPSILON = 1e-3, 1.0, 0.99, 1e-8


def js(log_p: torch.Tensor, log_q: torch.Tensor) -> float:
    p, q = log_p.exp(), log_q.exp()
    log_m = ((p + q) / 2).log()
    return float(((p * (log_p - log_m)).sum() + (q * (log_q - log_m)).sum()) / 2)


def textbook(reference, goal, chosen, rejected, every):
    """`torch.optim.RMSprop` and `clip_grad_norm_`."""
    theta = torch.nn.Parameter(reference.clone())
    optimiser, out = torch.optim.RMSprop([theta], lr=RATE, foreach=False), []
    for step in range(len(chosen)):
        log_p = F.log_softmax(theta, 0)
        if step % every == 0:
            out.append(js(log_p.detach(), goal))
        h = log_p - reference
        loss = -F.logsigmoid(h[chosen[step]] - h[rejected[step]]).mean()
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_([theta], CLIP)
        optimiser.step()
    return np.array(out), theta.detach().numpy()


def _update(theta, speed, g):
    norm = float(torch.linalg.vector_norm(g)) + 1e-6
    if norm > CLIP:
        g.mul_(CLIP / norm)
    speed.mul_(DECAY).addcmul_(g, g, value=1 - DECAY)
    theta.addcdiv_(g, speed.sqrt().add_(EPSILON), value=-RATE)


def autograd(reference, goal, chosen, rejected, every):
    """Autograd, with the optimiser and the clipping written out."""
    theta = reference.clone().requires_grad_()
    free, speed, out = theta.detach(), torch.zeros_like(reference), []
    for step, (w, l) in enumerate(zip(chosen.unbind(0), rejected.unbind(0), strict=True)):  # noqa: E741
        log_p = F.log_softmax(theta, 0)
        if step % every == 0:
            out.append(js(log_p.detach(), goal))
        h = log_p - reference
        loss = F.softplus(h.index_select(0, l) - h.index_select(0, w)).mean()
        (g,) = torch.autograd.grad(loss, theta)
        _update(free, speed, g)
    return np.array(out), free.numpy()


def closed(reference, goal, chosen, rejected, every):
    """DPO's gradient by hand."""
    theta, speed, out = reference.clone(), torch.zeros_like(reference), []
    batch = chosen.shape[1]
    with torch.inference_mode():
        for step, (w, l) in enumerate(zip(chosen.unbind(0), rejected.unbind(0), strict=True)):  # noqa: E741
            log_p = F.log_softmax(theta, 0)
            if step % every == 0:
                out.append(js(log_p, goal))
            h = log_p - reference
            d = torch.sigmoid(h.index_select(0, l) - h.index_select(0, w)).mul_(1 / batch)
            g = torch.zeros_like(theta).index_add_(0, w, d, alpha=-1).index_add_(0, l, d)
            _update(theta, speed, g)
    return np.array(out), theta.numpy()


LOOPS = {"textbook": textbook, "autograd": autograd, "closed": closed}
