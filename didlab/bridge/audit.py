r"""The self-audit: what must be true of any honest source of token log-probabilities, checked before it is believed.

The chain rule does most of the work: scoring :math:`y` after :math:`x` and scoring :math:`y_{>k}` after
:math:`x\,y_{\le k}` are the same numbers, and so are those of a response that was cut short. A shift between logits
and labels, a leak from the padding or from a packed neighbour, or a mask over the wrong tokens breaks it.

Half precision would hide mistakes below its own rounding, about half a nat on a token. So every check of such a model
is made in float32 as well, at the rounding of float32: on the same model, whose weights are in float32 only while an
operation reads them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .. import objectives
from ..arguments import instance, one_whole, several
from ..errors import ArgumentError, AuditError
from .backend import Backend, Item, checked

__all__ = ["Audit", "Finding", "audit"]

EXACT = 1e-9  # what a backend without a stated rounding must keep to, in nats per token
PROBES = 6
WHOLE = 1024  # vocabularies up to this size are summed over in full
SHORT = 16  # tokens of context for the sum over the vocabulary, which is scored once for each of its tokens
SINGLE = "one token as among all"
DIFFERENT = 8  # values are needed to tell half precision from round numbers


@dataclass(frozen=True)
class Finding:
    """One check: what was compared, the largest difference in nats per token, the bound, and whether it was kept.

    `bound` is None where the difference is reported and not judged, `difference` where the backend has nothing to
    compare.
    """

    check: str
    difference: float | None
    bound: float | None
    passed: bool
    words: str

    @property
    def run(self) -> bool:
        """Whether there was anything to check."""
        return self.difference is not None


@dataclass(frozen=True)
class Audit:
    """The findings about one backend."""

    backend: str
    findings: tuple[Finding, ...]

    @property
    def passed(self) -> bool:
        """Whether no check failed."""
        return all(f.passed for f in self.findings)

    def require(self, *, insist: bool = False) -> None:
        """Refuse a backend that failed.

        Args:
            insist: use its numbers all the same.

        Raises:
            AuditError: naming every failed check.
        """
        failed = [f for f in self.findings if not f.passed]
        if failed and not insist:
            said = "; ".join(f"{f.check}: {f.words}" for f in failed)
            raise AuditError(
                f"{self.backend} failed the self-audit, so its numbers are not used ({said}). Mend the backend, or "
                "insist on it by its name"
            )


@dataclass(frozen=True)
class _Subject:
    """A backend and the batches it is audited in, which hold as many padded tokens as those it is to score."""

    backend: Any
    budget: int

    def __call__(self, items: Sequence[Item], at_once: int = PROBES) -> list[np.ndarray]:
        """The rows of the items, which are batched in the order they come in."""
        parts: list[list[Item]] = []
        for item in items:
            last = [*parts[-1], item] if parts else []
            if last and len(last) <= at_once and len(last) * max(i.tokens for i in last) <= self.budget:
                parts[-1] = last
            else:
                parts.append([item])
        name, score = self.backend.name, self.backend.token_log_probs
        return [row for part in parts for row in checked(name, part, score(part))]

    def seen(self, view: str, *args: Any) -> _Subject | None:
        """Another view of the backend; None where it has none."""
        other = getattr(self.backend, view)(*args) if hasattr(self.backend, view) else None
        return None if other is None else replace(self, backend=other)


def audit(backend: Backend, items: Sequence[Item], *, token_budget: int = 4096) -> Audit:
    """Check a backend on a few of the responses it is to score.

    Args:
        backend: what is to be believed.
        items: at least two responses; the longest, the shortest and some between are used.
        token_budget: padded tokens in a batch; a response that is longer is a batch of its own.

    Returns:
        the findings; `audit(...).require()` raises where one failed.

    Raises:
        ArgumentError: not a backend, fewer than two responses, or no room in a batch.
        BackendError: what the backend gave cannot be log-probabilities at all.

    >>> from didlab.bridge import CallableBackend
    >>> honest = CallableBackend(lambda x, y: [-3.0] * len(y))
    >>> items = [Item((1,), (2, 3)), Item((1, 2), (3, 4, 5))]
    >>> audit(honest, items).passed
    True
    >>> shifted = CallableBackend(lambda x, y: [-3.0 - i for i in range(len(y))])
    >>> [f.check for f in audit(shifted, items).findings if not f.passed]
    ['chain rule']
    """
    instance("backend", backend, Backend, "a backend, with name, fingerprint and token_log_probs")
    items = several("items", items, Item, "responses, each an Item")
    one_whole("token_budget", token_budget, 1)
    if len(items) < 2:
        raise ArgumentError("items", "at least two responses", str(len(items)))
    order = sorted(range(len(items)), key=lambda i: items[i].tokens)
    picked = sorted({order[int(i)] for i in np.linspace(0, len(order) - 1, PROBES)})
    probes = [items[i] for i in picked]
    narrow = _Subject(backend, token_budget)
    rows = narrow(probes)
    wide = narrow.seen("in_float32")
    findings = [*_checks(narrow, probes, rows), _precision(wide, probes, rows)]
    if wide is not None:
        findings += [replace(f, check=f"{f.check}, in float32") for f in _checks(wide, probes, wide(probes))]
    return Audit(backend.name, tuple(findings))


def _checks(subject: _Subject, probes: Sequence[Item], rows: Sequence[np.ndarray]) -> list[Finding]:
    """Everything that is judged, at the rounding of the backend's own numbers."""
    bound = float(getattr(subject.backend, "rounding", EXACT))
    return [
        _signs(rows, bound),
        _grid(rows),
        _same("same twice", rows, subject(probes), 0.0, "two runs on the same batch differ by {}"),
        _log_two(rows, subject(probes)),
        _same(
            "one at a time", rows, [subject([i])[0] for i in probes], bound,
            "a response scored alone and in a batch differ by {}",
        ),
        _same(
            "order of the batch", rows, subject(probes[::-1])[::-1], bound,
            "values depend on the order of the batch, or belong to other responses, by {}",
        ),
        _chain(subject, probes, rows, bound),
        _cut(subject, probes, rows, bound),
        _sees(subject, probes, rows, bound),
        *_normalised(subject, probes, bound),
        _padding(subject, probes, rows, bound),
        _plain(subject, probes, rows, bound),
        _adapter(subject, probes, rows, bound),
    ]


def _signs(rows: Sequence[np.ndarray], bound: float) -> Finding:
    """log pi <= 0, and finite."""
    values = np.concatenate(list(rows))
    if np.isnan(values).any() or (values == np.inf).any():
        return Finding("no positive log-probability", np.inf, bound, False, "some are NaN or infinite")
    worst = max(0.0, float(values.max()))
    words = "the largest is above 0" if worst > bound else "none is above 0"
    return Finding("no positive log-probability", worst, bound, worst <= bound, words)


def _same(
    check: str, first: Sequence[np.ndarray], second: Sequence[np.ndarray], bound: float, words: str
) -> Finding:
    worst = max(_gap(a, b) for a, b in zip(first, second, strict=True))
    return Finding(check, worst, bound, worst <= bound, words.format(f"{worst:.2g} nats") if worst > bound else "agree")


def _gap(a: np.ndarray, b: np.ndarray) -> float:
    """Largest difference; two values of -inf agree, and a NaN agrees with nothing."""
    if a.shape != b.shape:
        return float(np.inf)
    with np.errstate(invalid="ignore"):
        d = np.abs(np.where(a == b, 0.0, a - b))
    return float(np.where(np.isnan(d), np.inf, d).max(initial=0.0))


def _log_two(first: Sequence[np.ndarray], second: Sequence[np.ndarray]) -> Finding:
    """Policy = reference: every log-ratio is 0 and DPO's loss is log 2."""
    chosen, rejected = np.array([r.sum() for r in first]), np.array([r.sum() for r in first[::-1]])
    ref_chosen, ref_rejected = np.array([r.sum() for r in second]), np.array([r.sum() for r in second[::-1]])
    if not np.isfinite(np.concatenate([chosen, rejected, ref_chosen, ref_rejected])).all():
        return Finding("policy = reference", np.inf, 0.0, False, "some log-probability is not finite")
    loss = objectives.get("dpo").value(chosen, rejected, ref_chosen, ref_rejected)
    worst = float(np.abs(loss - np.log(2)).max())
    words = "DPO's loss is log 2" if worst <= 1e-12 else f"DPO's loss is off log 2 by {worst:.2g}"
    return Finding("policy = reference", worst, 1e-12, worst <= 1e-12, words)


def _compare(
    check: str, subject: _Subject, cases: Sequence[tuple[Item, np.ndarray, Callable[[np.ndarray], np.ndarray]]],
    bound: float, words: str,
) -> Finding:
    if not cases:
        return Finding(check, None, bound, True, "no response of two tokens to try it on")
    scored = subject([item for item, _, _ in cases])
    worst = max(_gap(view(row), wanted) for row, (_, wanted, view) in zip(scored, cases, strict=True))
    return Finding(check, worst, bound, worst <= bound, words.format(f"{worst:.2g} nats") if worst > bound else "agree")


def _chain(subject: _Subject, probes: Sequence[Item], rows: Sequence[np.ndarray], bound: float) -> Finding:
    """Moving the first tokens of the response to the prompt leaves the others' values."""
    cases: list[tuple[Item, np.ndarray, Any]] = []
    for item, row in zip(probes, rows, strict=True):
        for k in sorted({1, len(item.response) // 2, len(item.response) - 1}):
            if 0 < k < len(item.response):
                moved = Item(item.prompt + item.response[:k], item.response[k:])
                cases.append((moved, row[k:], lambda x: x))
    return _compare(
        "chain rule", subject, cases, bound,
        "tokens are scored differently after the same text when more of it counts as prompt, by {}",
    )


def _cut(subject: _Subject, probes: Sequence[Item], rows: Sequence[np.ndarray], bound: float) -> Finding:
    """A response that is cut short keeps the values of what is left: nothing looks ahead."""
    cases: list[tuple[Item, np.ndarray, Any]] = []
    for item, row in zip(probes, rows, strict=True):
        for k in sorted({1, len(item.response) // 2}):
            if 0 < k < len(item.response):
                cases.append((Item(item.prompt, item.response[:k]), row[:k], lambda x: x))
    return _compare("nothing looks ahead", subject, cases, bound, "a token's value depends on later tokens, by {}")


def _sees(subject: _Subject, probes: Sequence[Item], rows: Sequence[np.ndarray], bound: float) -> Finding:
    """A model that depends on the prompt depends on its last token: labels that lag behind by one do not show it."""
    check = "sees the token before"
    tokens = sorted({t for i in probes for t in (*i.prompt, *i.response)})
    moved: list[list[float]] = [[], []]
    for place, gaps in zip((-1, -2), moved, strict=True):
        changed: list[Item] = []
        wanted: list[np.ndarray] = []
        for item, row in zip(probes, rows, strict=True):
            others = [t for t in tokens if len(item.prompt) >= 2 and t != item.prompt[place]]
            for t in others[:: max(1, len(others) // 3)]:
                prompt = list(item.prompt)
                prompt[place] = t
                changed.append(Item(tuple(prompt), item.response[:1]))
                wanted.append(row[:1])
        if changed:
            gaps += [_gap(a, b) for a, b in zip(subject(changed), wanted, strict=True)]
    if not moved[0] or not moved[1]:
        return Finding(check, None, bound, True, "no prompt of two tokens to try it on")
    last, before = max(moved[0]), max(moved[1])
    blind = last <= bound < before
    words = "depends on the prompt, but not on its last token" if blind else "does, or depends on no prompt at all"
    return Finding(check, before if blind else 0.0, bound, not blind, words)


def _normalised(subject: _Subject, probes: Sequence[Item], bound: float) -> list[Finding]:
    """Probabilities of different next tokens add up to 1 over the vocabulary, and never to more over a part of it.

    A backend that gives all of them at once is asked for them, and a sample is scored as any response is, to see that
    these are the numbers it scores with. For others the sum is complete where the vocabulary is small.
    """
    size = getattr(subject.backend, "vocabulary", None)
    prompt = min((i.prompt for i in probes), key=len)[-SHORT:]
    whole = isinstance(size, int) and size <= WHOLE
    if whole:
        tokens = list(range(size))  # type: ignore[arg-type]
    else:
        seen = sorted({t for i in probes for t in (*i.prompt, *i.response)})
        spread = range(0, size, max(1, size // 256)) if isinstance(size, int) else ()
        tokens = sorted({*seen[:: 1 + len(seen) // 256], *spread})
    alone = np.concatenate(subject([Item(prompt, (t,)) for t in tokens], 64))
    if not hasattr(subject.backend, "next_tokens"):
        idle = Finding(SINGLE, None, bound, True, "the backend gives no more than it is asked for")
        return [_sum(alone, bound, whole), idle]
    every = subject.backend.next_tokens(prompt)
    words = "a token scored as a response and among all differ by {}"
    return [_sum(every, bound, True), _same(SINGLE, [alone], [every[tokens]], bound, words)]


def _sum(values: np.ndarray, bound: float, whole: bool) -> Finding:
    """Of probabilities, over the whole vocabulary or over a part of it."""
    total = float(np.exp(values).sum())
    off = abs(total - 1) if whole else max(0.0, total - 1)
    said = f"next-token probabilities add up to {total:.6g}"
    if not whole:
        said += f" over {len(values)} tokens; that all add up to 1 cannot be seen from them"
    return Finding("next tokens add up", off, bound + 1e-6, off <= bound + 1e-6, said)


def _padding(subject: _Subject, probes: Sequence[Item], rows: Sequence[np.ndarray], bound: float) -> Finding:
    padding = getattr(subject.backend, "padding", None)
    other = subject.seen("with_padding", "left" if padding == "right" else "right")
    if other is None:
        return Finding("padding left = right", None, bound, True, "the backend does not pad")
    return _same("padding left = right", rows, other(probes), bound, "the side of the padding changes values by {}")


def _plain(subject: _Subject, probes: Sequence[Item], rows: Sequence[np.ndarray], bound: float) -> Finding:
    if not hasattr(subject.backend, "plain"):
        return Finding("the model's own logits", None, bound, True, "the backend has no other way to score")
    wanted = [subject.backend.plain(i) for i in probes]
    return _same("the model's own logits", rows, wanted, bound, "values differ from the plain log-softmax by {}")


def _grid(rows: Sequence[np.ndarray]) -> Finding:
    """Log-probabilities computed in float32 are not all numbers of 8 or 11 significant bits."""
    values = np.unique(np.concatenate(list(rows)))
    check = "log-softmax in float32"
    with np.errstate(over="ignore"):
        half = np.float16(values).astype(float) == values
    mantissa = np.frexp(values)[0] * 2**8  # bfloat16 keeps 8 bits
    if len(values) < DIFFERENT:
        return Finding(check, None, 0.0, True, f"fewer than {DIFFERENT} different values, which may be round by chance")
    if half.all() or (mantissa == np.round(mantissa)).all():
        return Finding(check, np.inf, 0.0, False, "every value is a number of half precision")
    return Finding(check, 0.0, 0.0, True, "not rounded to half precision")


def _precision(wide: _Subject | None, probes: Sequence[Item], rows: Sequence[np.ndarray]) -> Finding:
    """What the working dtype costs: reported, not judged."""
    check = "float32 against the working dtype"
    if wide is None:
        return Finding(check, None, None, True, "the backend works in float32 or wider")
    worst = max(_gap(a, b) for a, b in zip(rows, wide(probes), strict=True))
    return Finding(check, worst, None, True, f"they differ by {worst:.2g} nats on a token at most")


def _adapter(subject: _Subject, probes: Sequence[Item], rows: Sequence[np.ndarray], bound: float) -> Finding:
    """A reference with its adapter off is the base model: its weights, scored without the adapter's code."""
    check = "adapter off = base model"
    base = subject.seen("base")
    if base is None:
        return Finding(check, None, bound, True, "no adapter is switched off")
    return _same(check, rows, base(probes), bound, "the disabled adapter still moves values by {}")
