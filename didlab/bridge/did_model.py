r"""A model that stands in for the distribution of differential information: Appendix K from one end to the other.

The prompts of a data set are split. For the first part the policy and the reference each draw a response; a copy of the
reference learns, with the reward :math:`r = \log\tilde\pi`, to prefer the policy's. For the second part, which it has
not seen, every model draws responses, and all of them are scored under every model: the table that `didlab diagnose`
measures.
"""

from __future__ import annotations

import copy
import json
import shutil
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ..arguments import whole
from ..engine.certificate import write_text
from ..errors import ArgumentError, BackendError, FileError
from .audit import audit
from .backend import Backend, Sampler
from .data import Pair, fingerprint, pairs, read_rows
from .huggingface import HuggingFaceBackend
from .log_pi import HISTORY, Training, train
from .sampling import Sampling, check_room, first_with_prompt
from .score import Plan, scorable, score
from .views import without_adapters

__all__ = ["Protocol", "did_model", "draw_pairs", "split"]

PART = 64  # prompts of one file of drawn pairs
STREAM = 0x446944  # sets the draws for training apart from those for scoring

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Protocol:
    """The whole of it.

    Attributes:
        training: how the stand-in learns.
        sampling: how the responses to unseen prompts are drawn; its length and seed hold for the training pairs too.
        held_out: prompts that are not trained on; None for a tenth, but at most 1,000, as in the paper.
        prompts: most prompts that are trained on; None for all.
        draws: pairs of each prompt.

    Raises:
        ArgumentError: a number below 1 (held_out: below 2).
    """

    training: Training = field(default_factory=Training)
    sampling: Sampling = field(default_factory=lambda: Sampling(4))
    held_out: int | None = None
    prompts: int | None = None
    draws: int = 1

    def __post_init__(self) -> None:
        whole("draws", self.draws, 1)
        for name, least in (("held_out", 2), ("prompts", 1)):
            if getattr(self, name) is not None:
                whole(name, getattr(self, name), least)
        if self.sampling.prompts is not None:
            raise ArgumentError("sampling", "for all held-out prompts", f"prompts={self.sampling.prompts}")


def did_model(
    data: Sequence[Pair], policy: Backend, reference: Backend, out: str | Path, *, protocol: Protocol | None = None,
    plan: Plan | None = None, insist: Sequence[str] = (), tokenizer: Any = None, progress: Progress | None = None,
) -> Path:
    """Train a stand-in for the DID from the reference to the policy, and score it on prompts it has not seen.

    Args:
        data: the pairs whose prompts are used; those of held-out prompts are scored too.
        policy: a model that can draw responses.
        reference: one of transformers: the stand-in starts as a copy of it, in float32.
        out: folder: `model`, `training.jsonl` (loss and likelihoods of each step), `scores.parquet`, `plan.json`;
            unfinished work is kept there too, and a run that was killed ends with the same bytes.
        protocol: how many prompts, draws and steps.
        plan: how the scoring is cut.
        insist: names of backends whose numbers are used although they fail the self-audit.
        tokenizer: saved with the model; None for none.
        progress: called with what is done and all, for pairs that are drawn, then steps, then responses.

    Returns:
        the path of the table.

    Raises:
        AuditError: a backend failed the self-audit and is not insisted on.
        BackendError: a policy that cannot draw, or a reference that cannot be trained.
        ArgumentError: too few prompts.
        FileError: the folder holds other work.

    Ref: Won et al. 2025, Appendix K.

    Convention: both responses are drawn at temperature 1, as the derivation needs; the paper's runs decode greedily.
    """
    how, folder = protocol or Protocol(), Path(out)
    if not isinstance(policy, Sampler):
        raise BackendError(f"{policy.name} cannot draw responses, and the stand-in learns from them")
    if not isinstance(reference, HuggingFaceBackend):
        raise BackendError(f"{reference.name} cannot be trained: the reference must be a model of transformers")
    scorable(data, {"policy": policy, "reference": reference})
    seen, unseen = split(data, how)
    check_room([policy, reference], [p.chosen.prompt for p in data], how.sampling)
    _same_work(folder, {
        "data": fingerprint(data), "policy": {"name": policy.name, **policy.fingerprint()},
        "reference": {"name": reference.name, **reference.fingerprint()}, "training": vars(how.training),
        "sampling": vars(how.sampling), "held_out": len({p.chosen.prompt for p in unseen}), "prompts": len(seen),
        "draws": how.draws,
    })
    probes = [item for pair in data for _, item in pair.items()]
    budget = (plan or Plan()).token_budget
    for backend in (policy, reference):
        audit(backend, probes, token_budget=budget).require(insist=backend.name in insist)
    student = _copy(reference)
    if not (folder / "model").exists():
        drawn = draw_pairs(seen, policy, reference, folder, how, progress)
        state = folder / "state.safetensors"
        history = train(student, drawn, how.training, state, progress=progress)
        rows = ({"step": n + 1, **dict(zip(HISTORY, map(float, r), strict=True))} for n, r in enumerate(history))
        write_text(folder / "training.jsonl", "".join(json.dumps(r) + "\n" for r in rows))
        _save(student, tokenizer, folder / "model")
        state.unlink(missing_ok=True)
    else:
        _read(student, folder / "model")
    student.model.requires_grad_(False)
    table = folder / "scores.parquet"
    if not table.exists():
        models: dict[str, Backend] = {"policy": policy, "reference": reference, "did_policy": student}
        allowed = [*insist, student.name] if reference.name in insist else insist
        score(unseen, models, table, plan=plan, sampling=how.sampling, insist=allowed, progress=progress)
    return table


def split(data: Sequence[Pair], how: Protocol) -> tuple[list[Pair], list[Pair]]:
    """One pair of every prompt that is trained on, and all pairs of those that are not.

    Raises:
        ArgumentError: fewer than three prompts, or none left to train on.
    """
    first = first_with_prompt(data)
    names = list(dict.fromkeys(first))
    held = how.held_out or min(1000, max(2, len(names) // 10))
    if len(names) <= held:
        raise ArgumentError("data", f"more than the {held} prompts that are held out", f"{len(names)} prompts")
    order = np.random.default_rng((STREAM, how.training.seed)).permutation(len(names))
    unseen = {names[k] for k in order[:held]}
    trained = {names[k] for k in sorted(order[held:])[: how.prompts]}
    return (
        [p for p in data if p.id in trained],
        [p for p, name in zip(data, first, strict=True) if name in unseen],
    )


def draw_pairs(
    prompts: Sequence[Pair], policy: Sampler, reference: Sampler, folder: Path, how: Protocol,
    progress: Progress | None = None,
) -> list[Pair]:
    """A response of the policy, chosen, against one of the reference, rejected; kept in files of the folder."""
    found: list[Pair] = []
    for start in range(0, len(prompts), PART):
        file = folder / "pairs" / f"part-{start // PART:06d}.jsonl"
        if not file.exists():
            rows: list[str] = []
            for n, p in enumerate(prompts[start : start + PART], start):
                ids = p.chosen.prompt
                both = [
                    m.sample(ids, how.draws, rng=_stream(how, n, k), length=how.sampling.length)
                    for k, m in enumerate((policy, reference))
                ]
                for k, (w, l) in enumerate(zip(*both, strict=True)):  # noqa: E741
                    row = {"prompt_ids": ids, "chosen_ids": w.response, "rejected_ids": l.response}
                    rows.append(json.dumps({"id": f"{p.id}:{k}", **row}) + "\n")
            write_text(file, "".join(rows))
        found += pairs(read_rows(file))
        if progress:
            progress(min(start + PART, len(prompts)), len(prompts))
    return found


def _stream(how: Protocol, prompt: int, model: int) -> np.random.Generator:
    return np.random.default_rng((STREAM, how.sampling.seed, prompt, model))


def _same_work(folder: Path, told: dict[str, Any]) -> None:
    """A folder may be gone on with only for the same models, data and protocol."""
    file, text = folder / "plan.json", json.dumps(told, sort_keys=True, indent=1) + "\n"
    if folder.exists() and not folder.is_dir():
        raise FileError(f"{folder} is a file; give a folder")
    if file.exists():
        if file.read_text(encoding="utf-8") != text:
            raise FileError(f"{folder} holds work with other data, models or settings; give another folder")
    elif folder.exists() and any(folder.iterdir()):
        raise FileError(f"{folder} is not empty and holds no such work; give another folder")
    else:
        write_text(file, text)


def _copy(reference: HuggingFaceBackend) -> HuggingFaceBackend:
    """The reference as a model of its own, in float32, without adapters: one that is on is merged into the weights."""
    base = reference.base()
    with without_adapters(base.model) if base else nullcontext():
        model: Any = copy.deepcopy(base.model if base else reference.model)
    if isinstance(reference.adapter, str):
        model.set_adapter(reference.adapter)
    if hasattr(model, "merge_and_unload"):
        model = model.merge_and_unload()
    if reference.dtype.itemsize < 4:
        model = model.float()
    return HuggingFaceBackend(model, name="stand-in for the DID", padding=reference.padding)


def _save(student: HuggingFaceBackend, tokenizer: Any, path: Path) -> None:
    temporary = path.with_name(f".{path.name}.tmp")
    shutil.rmtree(temporary, ignore_errors=True)
    student.model.save_pretrained(temporary)
    if tokenizer is not None:
        tokenizer.save_pretrained(temporary)
    temporary.rename(path)


def _read(student: HuggingFaceBackend, path: Path) -> None:
    """Put the weights of a finished training into the copy of the reference."""
    from .load import load_backend

    kept = load_backend(str(path), dtype=str(student.dtype).removeprefix("torch."))
    assert isinstance(kept, HuggingFaceBackend)
    student.model.load_state_dict(kept.model.state_dict())
