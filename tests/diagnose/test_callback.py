"""The callback on a real DPO run of TRL: it logs what the scores say, and changes nothing of the run."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch

from didlab.bridge.data import pairs
from didlab.bridge.huggingface import HuggingFaceBackend
from didlab.diagnose.callback import ProbeCallback
from didlab.errors import ArgumentError
from tests.bridge.architectures import build
from tests.bridge.conftest import rows, tokenizer  # noqa: F401  (fixtures)

trl = pytest.importorskip("trl")
pytestmark = pytest.mark.filterwarnings("ignore")  # trainers warn about their own dependencies


def trained(folder, tokenizer, rows, probe):  # noqa: F811
    from datasets import Dataset
    from transformers import set_seed

    set_seed(0)
    model = build("gpt2", 1, spread=1.0)
    start = copy.deepcopy(model)
    tokenizer.pad_token = "<eos>"
    settings = trl.DPOConfig(
        output_dir=str(folder), max_steps=6, per_device_train_batch_size=4, learning_rate=1e-2, logging_steps=2,
        report_to=[], save_strategy="no", use_cpu=True, beta=0.1, bf16=False, gradient_checkpointing=False,
        disable_tqdm=True, seed=0,
    )
    data = Dataset.from_list([{k: r[k] for k in ("prompt", "chosen", "rejected")} for r in rows])
    trainer = trl.DPOTrainer(
        model, ref_model=copy.deepcopy(model), args=settings, train_dataset=data, processing_class=tokenizer
    )
    callback = ProbeCallback(trainer, probe, every=3, gradients=2) if probe else None
    trainer.train()
    return start, trainer.model, trainer.state.log_history, callback


def test_a_real_run_is_logged_and_not_touched(tmp_path, tokenizer, rows):  # noqa: F811
    probe = pairs(rows, tokenizer)[:8]
    start, with_probe, logs, _ = trained(tmp_path / "a", tokenizer, rows, probe)
    _, without, _, _ = trained(tmp_path / "b", tokenizer, rows, None)
    for p, q in zip(with_probe.parameters(), without.parameters(), strict=True):
        assert torch.equal(p, q)
    seen = [line for line in logs if "didlab/margin.gain" in line]
    assert [line["step"] for line in seen] == [0, 3, 6]
    assert seen[0]["didlab/displacement.chosen"] == 0
    assert np.isclose(seen[0]["didlab/loss.value"], np.log(2), atol=1e-12)
    assert -1 <= seen[-1]["didlab/gradients.cosine"] <= 1
    now, then = HuggingFaceBackend(with_probe), HuggingFaceBackend(start)
    change = [
        now.token_log_probs([p.chosen])[0].sum() - then.token_log_probs([p.chosen])[0].sum() for p in probe
    ]
    slack = 2 * 20 * now.rounding
    assert abs(seen[-1]["didlab/displacement.chosen"] - np.mean(change)) <= slack
    assert abs(np.mean(change)) > 10 * slack


def test_bad_input():
    with pytest.raises(ArgumentError, match="at least two"):
        ProbeCallback(None, [])
