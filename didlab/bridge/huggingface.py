r"""Causal language models of Hugging Face transformers as a backend.

The trunk runs once for a padded batch; the head then runs on the positions that predict response tokens, in blocks and
in float32, so that a (batch, time, vocabulary) tensor never exists:

.. math:: \log\pi(y_t \mid x, y_{<t}) = z_{y_t} - \log\sum_v e^{z_v}, \qquad z = \mathrm{head}(h_t)

Position ids are written out, so that padding on the left or right gives the same numbers.
"""

from __future__ import annotations

import contextlib
import copy
import hashlib
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch

from ..arguments import whole
from ..errors import ArgumentError, BackendError
from .backend import Item
from .head import log_probs
from .views import NARROW, in_float32, with_adapter, without_adapters

__all__ = ["HuggingFaceBackend"]

SAMPLED = 1 << 16  # entries of each weight that go into the fingerprint
PLAIN = 1 << 26  # logits that exist at once in float64 where scores are compared with the model's own: 512 MiB

View = Callable[[Any], contextlib.AbstractContextManager[None]]


class HuggingFaceBackend:
    """A causal model (`AutoModelForCausalLM`, or a PEFT model around one) that is loaded already.

    Args:
        model: the model; it is put into evaluation mode.
        name: for reports; the configured name otherwise.
        pad: id that fills up short rows; it is masked out, so any id of the vocabulary will do.
        padding: "right" or "left".
        adapter: False scores with the adapters of a PEFT model disabled: the usual reference of LoRA training. A name
            scores with that adapter, as trainers keep a reference beside the policy; True with what is active.

    Raises:
        ArgumentError: not such a model, or a wrong option.
    """

    def __init__(
        self, model: Any, *, name: str | None = None, pad: int = 0, padding: str = "right",
        adapter: bool | str = True,
    ) -> None:
        head = getattr(model, "get_output_embeddings", None)
        if not isinstance(model, torch.nn.Module) or head is None:
            raise ArgumentError("model", "a causal language model of transformers", type(model).__name__)
        if not isinstance(getattr(head(), "weight", None), torch.Tensor):
            raise ArgumentError("model", "a model with a language-modelling head, a matrix", type(model).__name__)
        if any(p.is_meta for p in model.parameters()):
            hint = "Load it onto the devices themselves, in half precision where room is short."
            raise ArgumentError("model", "in memory with all its weights", "weights that are kept elsewhere", hint)
        config = getattr(model, "config", None)
        if getattr(config, "is_encoder_decoder", False):
            raise ArgumentError("model", "a causal language model, without an encoder", type(model).__name__)
        whole("pad", pad, 0, head().weight.shape[0])
        if padding not in ("left", "right"):
            raise ArgumentError("padding", "'left' or 'right'", repr(padding))
        if not adapter and not hasattr(model, "disable_adapter"):
            raise ArgumentError("adapter", "True for a model without adapters", "False")
        if isinstance(adapter, str) and adapter not in (names := getattr(model, "peft_config", ())):
            raise ArgumentError("adapter", f"True, False or one of the model's ({', '.join(names) or 'none'})", adapter)
        if adapter is not True and any(getattr(m, "merged_adapters", ()) for m in model.modules()):
            hint = "Call `unmerge_adapter()` first, or name the base model as the reference."
            raise ArgumentError("adapter", "True while the adapters are merged into the weights", "False", hint)
        self.model: Any = model.eval()
        self.pad, self.padding, self.adapter = pad, padding, adapter
        self._views: tuple[View, ...] = ()
        self._name = name or getattr(config, "_name_or_path", "") or type(model).__name__
        self._takes = set(inspect.signature(self._inner().forward).parameters)
        self._after = _after_head(config)

    def _inner(self) -> Any:
        return self.model.get_base_model() if hasattr(self.model, "get_base_model") else self.model

    @property
    def name(self) -> str:
        """The name for reports; one whose adapter is off, or another than the active one, says so."""
        return self._name if self.adapter is True else f"{self._name} (adapter {self.adapter or 'off'})"

    @property
    def dtype(self) -> torch.dtype:
        """Of the narrowest weights, which decide how the numbers are rounded."""
        found = {p.dtype for p in self.model.parameters() if p.is_floating_point()}
        narrowest = max(found, key=lambda d: torch.finfo(d).eps)
        return torch.float32 if in_float32 in self._views and narrowest in NARROW else narrowest

    @property
    def vocabulary(self) -> int:
        """Number of token ids the model can score."""
        return int(self.model.get_output_embeddings().weight.shape[0])

    @property
    def context(self) -> int | None:
        """Most tokens that the model reads at once; None where its configuration does not say."""
        return _context(getattr(self.model, "config", None))

    def refusal(self, item: Item) -> str | None:
        """Why the model cannot score an item; None where it can."""
        if not item.prompt:
            return "without a prompt the first token has none before it; put the beginning-of-text token there"
        if (largest := max(item.prompt + item.response)) >= self.vocabulary:
            return f"it knows token ids below {self.vocabulary}; {largest} is of a tokenizer of another model"
        if self.context is not None and item.tokens > self.context:
            return f"it reads at most {self.context} tokens at once, and here are {item.tokens}"
        return None

    @property
    def rounding(self) -> float:
        """How far two correct runs of this model may lie apart, in nats per token.

        Each layer rounds twice, relative to u = eps / 2, and the errors add up as a random walk; logits are of order
        16; five standard errors.
        """
        layers = getattr(getattr(self.model, "config", None), "num_hidden_layers", 32)
        return 5 * 16 * float(torch.finfo(self.dtype).eps) / 2 * float(np.sqrt(2 * layers))

    def fingerprint(self) -> Mapping[str, str]:
        """Class, dtype, and a hash over names, shapes and evenly spaced entries of all weights."""
        digest = hashlib.blake2b(digest_size=12)
        with self._as_scored(), torch.inference_mode():
            for key, tensor in sorted(self.model.state_dict().items()):
                if not self.adapter and "lora_" in key:
                    continue
                flat = tensor.detach().reshape(-1)
                step = max(1, flat.numel() // SAMPLED)
                digest.update(f"{key}{tuple(tensor.shape)}".encode())
                digest.update(flat[::step].to("cpu", torch.float32).numpy().tobytes())
        import transformers

        return {
            "kind": "huggingface",
            "class": type(self._inner()).__name__,
            "weights": digest.hexdigest(),
            "dtype": str(self.dtype).removeprefix("torch."),
            "adapter": {True: "on", False: "off"}.get(self.adapter, self.adapter),  # type: ignore[arg-type]
            "torch": torch.__version__,
            "transformers": transformers.__version__,
        }

    def token_log_probs(self, items: Sequence[Item]) -> list[np.ndarray]:
        """See :class:`~didlab.bridge.Backend`; the items are one padded batch."""
        if not items:
            return []
        for item in items:
            if said := self.refusal(item):
                raise BackendError(f"{self.name} cannot score a response: {said}")
        with self._reading(f"a batch of {len(items)} times {max(i.tokens for i in items)} tokens"):
            flat = self._values(items).double().cpu().numpy()
        ends = np.cumsum([len(i.response) for i in items])
        return [x.copy() for x in np.split(flat, ends[:-1])]

    def differentiable(self, item: Item) -> torch.Tensor:
        """Log-probabilities of one response's tokens that gradients flow through, nats, shape (tokens,)."""
        return self._values([item])

    def differentiable_sums(self, items: Sequence[Item]) -> torch.Tensor:
        """log pi(y | x) of each item of a padded batch, that gradients flow through, nats, shape (items,)."""
        parts = self._values(items).split([len(i.response) for i in items])
        return torch.stack([part.sum() for part in parts])

    def _values(self, items: Sequence[Item]) -> torch.Tensor:
        """Log-probabilities of all response tokens of a batch, one item behind the other."""
        ids, mask, rows, places, targets = (x.to(self._device) for x in self._batch(items))
        with self._as_scored():
            return self._log_probs(self._hidden(ids, mask)[rows, places], targets)

    def sample(self, prompt: tuple[int, ...], count: int, *, rng: np.random.Generator, length: int) -> list[Item]:
        """See :class:`~didlab.bridge.backend.Sampler`.

        Tokens are drawn here and not by the model's `generate`, whose settings may come with the model and change the
        distribution: each token is the inverse of the cumulated probabilities, in float64, at a number from `rng`.
        """
        if said := self.refusal(Item(prompt, (0,) * length)):
            raise BackendError(f"{self.name} cannot draw {length} tokens: {said}")
        ends = self._ends()
        ids = torch.tensor([prompt] * count, device=self._device)
        drawn = np.zeros((count, 0), dtype=np.int64)
        live = np.ones(count, dtype=bool)
        cache: Any = None
        last = {"logits_to_keep": 1} if "logits_to_keep" in self._takes else {}
        with self._reading(f"{count} draws of {length} tokens"), self._as_scored():
            while live.any() and drawn.shape[1] < length:
                out = self.model(input_ids=ids, past_key_values=cache, use_cache=True, **last)
                cache = getattr(out, "past_key_values", None)  # models of other kinds have none: they read all again
                total = out.logits[:, -1].double().softmax(-1).cumsum(-1).cpu().numpy()
                at = rng.random(count) * total[:, -1]
                token = np.array([np.searchsorted(t, a, side="right") for t, a in zip(total, at, strict=True)])
                drawn = np.concatenate([drawn, token[:, None]], 1)
                live &= ~np.isin(token, ends)
                new = torch.tensor(token[:, None], device=self._device)
                ids = torch.cat([ids, new], 1) if cache is None else new
        return [Item(prompt, _until(row, ends)) for row in drawn]

    def _ends(self) -> list[int]:
        """Ids that end a response."""
        found: set[int] = set()
        for settings in (getattr(self.model, "generation_config", None), getattr(self.model, "config", None)):
            end = getattr(settings, "eos_token_id", None)
            found |= {end} if isinstance(end, int) else set(end or ())
        return sorted(found)

    def _batch(self, items: Sequence[Item]) -> tuple[torch.Tensor, ...]:
        """Padded ids and mask, and for every response token its row, the position before it, and its id."""
        width = max(i.tokens for i in items)
        ids = torch.full((len(items), width), self.pad, dtype=torch.long)
        mask = torch.zeros((len(items), width), dtype=torch.long)
        rows: list[int] = []
        places: list[int] = []
        targets: list[int] = []
        for n, item in enumerate(items):
            start = 0 if self.padding == "right" else width - item.tokens
            ids[n, start : start + item.tokens] = torch.tensor(item.prompt + item.response)
            mask[n, start : start + item.tokens] = 1
            first = start + len(item.prompt) - 1
            rows += [n] * len(item.response)
            places += range(first, first + len(item.response))
            targets += item.response
        return ids, mask, torch.tensor(rows), torch.tensor(places), torch.tensor(targets)

    def _hidden(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """What the head is given, (batch, time, width); the head itself runs on one position only."""
        caught: list[torch.Tensor] = []

        def catch(module: Any, args: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
            caught.append(args[0])
            return (args[0][:, :1], *args[1:])

        if self.padding == "right":  # nothing before the padding sees it, and attention without a mask is faster
            mask = torch.ones_like(mask)
        options: dict[str, Any] = {"attention_mask": mask}
        if "use_cache" in self._takes:
            options["use_cache"] = False
        if "position_ids" in self._takes:
            options["position_ids"] = (mask.cumsum(-1) - 1).clamp(min=0)
        handle = self.model.get_output_embeddings().register_forward_pre_hook(catch)
        try:
            self.model(input_ids=ids, **options)
        finally:
            handle.remove()
        if len(caught) != 1 or caught[0].shape[:2] != ids.shape:
            raise BackendError(
                f"{self.name} does not pass its hidden states through its head once; score it through a callable"
            )
        return caught[0]

    def _log_probs(self, hidden: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """log-probabilities of the targets in float32 (float64 for float64 models)."""
        return log_probs(self.model.get_output_embeddings(), self._after, hidden, targets)

    @property
    def _device(self) -> torch.device:
        return self.model.get_output_embeddings().weight.device

    def _adapters(self) -> contextlib.AbstractContextManager[None]:
        if isinstance(self.adapter, str):
            return with_adapter(self.model, self.adapter)
        return contextlib.nullcontext() if self.adapter else self.model.disable_adapter()

    @contextlib.contextmanager
    def _reading(self, what: str = "a response") -> Iterator[None]:
        """Without gradients and without dropout, whatever mode the model was put into since."""
        training = [m for m in self.model.modules() if m.training]
        try:
            for m in training:
                m.training = False
            with torch.inference_mode():
                yield
        except torch.OutOfMemoryError as e:
            raise BackendError(
                f"{self.name} has no memory for {what}; make batches smaller (--token-budget), draw fewer responses at "
                f"once (--samples), or leave long pairs out: {e}"
            ) from e
        finally:
            for m in training:
                m.training = True

    @contextlib.contextmanager
    def _as_scored(self) -> Iterator[None]:
        """The model as this backend sees it: its adapters on or off, then the views of the audit."""
        with contextlib.ExitStack() as stack:
            stack.enter_context(self._adapters())
            for view in self._views:
                stack.enter_context(view(self.model))
            yield

    def hidden(self, item: Item) -> torch.Tensor:
        """What the head is given where it predicts the response's tokens, shape (tokens, width)."""
        ids, mask, rows, places, _ = (x.to(self._device) for x in self._batch([item]))
        with self._reading(), self._as_scored():
            return self._hidden(ids, mask)[rows, places]

    # what the self-audit compares with

    def next_tokens(self, prompt: tuple[int, ...]) -> np.ndarray:
        """log pi of every token of the vocabulary after a prompt, through the trunk, head and normaliser of scoring."""
        ids, mask, rows, places, _ = (x.to(self._device) for x in self._batch([Item(prompt, (0,))]))
        every = torch.arange(self.vocabulary, device=self._device)
        with self._reading(), self._as_scored():
            return self._log_probs(self._hidden(ids, mask)[rows, places], every[None])[0].double().cpu().numpy()

    def in_float32(self) -> HuggingFaceBackend | None:
        """The same model seen in float32; None where it is that wide already."""
        return self._like(_views=(*self._views, in_float32)) if self.dtype in NARROW else None

    def _like(self, **changed: Any) -> HuggingFaceBackend:
        """The same backend, mistakes included, with some attributes changed."""
        made = copy.copy(self)
        vars(made).update(changed)
        return made

    def with_padding(self, side: str) -> HuggingFaceBackend:
        """The same model with padding on the other side."""
        return self._like(padding=side)

    def base(self) -> HuggingFaceBackend | None:
        """Where the adapter is off: the base model, its adapter's modules taken out."""
        if self.adapter:
            return None
        return self._like(model=self._inner(), adapter=True, _views=(without_adapters, *self._views))

    def plain(self, item: Item) -> np.ndarray:
        """The same numbers the obvious way: one response, no padding, the model's own logits, log-softmax in float64.

        This is what the head in blocks and the padding are audited against.
        """
        ids = torch.tensor([item.prompt + item.response], device=self._device)
        places = torch.arange(len(item.prompt) - 1, item.tokens - 1, device=self._device)
        values: list[torch.Tensor] = []
        with self._reading(), self._as_scored():
            for some in places.split(max(1, PLAIN // self.vocabulary)):
                rows = self._own_logits(ids, some).double().log_softmax(-1)
                values.append(rows.gather(-1, ids[0, some + 1][:, None])[:, 0])
        return torch.cat(values).cpu().numpy()

    def _own_logits(self, ids: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
        """As the model gives them, at some places of a row."""
        if "logits_to_keep" in self._takes:
            return self.model(input_ids=ids, logits_to_keep=places).logits[0]
        return self.model(input_ids=ids).logits[0, places]


def _until(row: np.ndarray, ends: Sequence[int]) -> tuple[int, ...]:
    """The tokens up to the first that ends a response, and that one."""
    hits = np.flatnonzero(np.isin(row, ends))
    return tuple(int(t) for t in (row[: hits[0] + 1] if len(hits) else row))


def _context(config: Any) -> int | None:
    """The number of positions, as far as a scaling of rotary positions stretches them."""
    text = getattr(config, "get_text_config", lambda: config)()
    limit = getattr(text, "max_position_embeddings", None)
    if limit is None:
        return None
    found: Any = getattr(text, "rope_parameters", None) or getattr(text, "rope_scaling", None) or {}
    kinds = [found, *(v for v in found.values() if isinstance(v, Mapping))]  # some families have one for each layer
    stretched = [(k.get("factor") or 1) * (k.get("original_max_position_embeddings") or limit) for k in kinds]
    return int(max(limit, *stretched))


def _after_head(config: Any) -> Any:
    """What some architectures do to logits after the head: a scale, and a soft cap."""
    text = getattr(config, "get_text_config", lambda: config)()
    cap = getattr(text, "final_logit_softcapping", None)
    factor = getattr(text, "logit_scale", None)
    divisor = getattr(text, "logits_scaling", None)

    def after(z: torch.Tensor) -> torch.Tensor:
        if factor:
            z = z * factor
        if divisor:
            z = z / divisor
        return torch.tanh(z / cap) * cap if cap else z

    return after
