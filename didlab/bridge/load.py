"""Models by the name a command line gives them: a folder (or hub name) of transformers, or MODULE:FUNCTION."""

from __future__ import annotations

import importlib
import os
import sys
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ..errors import BackendError, FileError
from .backend import Backend, CallableBackend

__all__ = ["adapter_off", "load_backend", "load_tokenizer", "other_token"]

DTYPES = ("float32", "bfloat16", "float16", "float64")
NEEDS = "reading a model needs transformers: pip install 'didlab[bridge]'"


def load_backend(name: str, *, dtype: str = "float32", device: str = "cpu", padding: str = "right") -> Backend:
    """A backend by name.

    Args:
        name: `package.module:function` for a callable `(prompt_ids, response_ids) -> log-probabilities` (or a ready
            backend); otherwise a folder or hub name of a causal model, or of a PEFT adapter. Only safetensors are
            read, and code that comes with a model is never run.
        dtype: of the weights.
        device: cpu, cuda, cuda:1, ...; among processes that share a machine, cuda is the device of each one's own.
        padding: side of the padding.

    Raises:
        BackendError: no such function or model, or one that cannot be read, or not as a whole.
    """
    if ":" in name and not Path(name).exists() and not name.startswith(("/", ".")):
        return _function(name)
    if name.startswith(("/", "./", "../")) and not Path(name).is_dir():
        raise BackendError(f"{name} is not a folder; give the folder of a model, its name, or MODULE:FUNCTION")
    if Path(f"{name}.py").is_file() and not Path(name).is_dir():
        raise BackendError(f"{name}.py holds no weights; name a function in it: {name}:FUNCTION")
    if dtype not in DTYPES:
        raise BackendError(f"dtype must be one of {', '.join(DTYPES)}; got {dtype!r}")
    try:
        import torch
        from safetensors import SafetensorError
    except ImportError as e:
        raise BackendError(NEEDS) from e
    from .huggingface import HuggingFaceBackend

    options: dict[str, Any] = {"dtype": getattr(torch, dtype), "use_safetensors": True, "trust_remote_code": False}
    try:
        model = (_adapted if (Path(name) / "adapter_config.json").is_file() else _whole)(name, **options)
    except ImportError as e:
        raise BackendError(NEEDS) from e
    except (OSError, ValueError, RuntimeError, SafetensorError) as e:
        raise BackendError(f"{name} cannot be read as a causal language model: {e}") from e
    try:
        return HuggingFaceBackend(model.to(_own(device, torch.cuda.device_count())), name=name, padding=padding)
    except (RuntimeError, AssertionError) as e:
        raise BackendError(f"device {device!r} cannot be used: {e}") from e


def _own(device: str, count: int) -> str:
    """The device of this process among those that torchrun or accelerate started on a machine."""
    local = os.environ.get("LOCAL_RANK", "")
    return f"cuda:{int(local) % count}" if device == "cuda" and local.isdecimal() and count else device


def _whole(name: str, **options: Any) -> Any:
    """A model with all its weights: what a file lacks would be drawn at random."""
    from transformers import AutoModelForCausalLM

    found: Any = AutoModelForCausalLM.from_pretrained(name, output_loading_info=True, **options)
    model, told = found
    if lacking := sorted(told["missing_keys"]):
        raise BackendError(
            f"{name} lacks {len(lacking)} of its weights, which would be random: {', '.join(lacking[:3])}, ...; save "
            "the whole model, with its head"
        )
    return model


def _adapted(name: str, **options: Any) -> Any:
    """A PEFT adapter around its base model, which it names."""
    folder = Path(name)
    if any(folder.glob("adapter_model*.bin")) and not any(folder.glob("adapter_model*.safetensors")):
        raise BackendError(f"{name} has its adapter as a pickle, which is not opened; save it as safetensors")
    try:
        peft: Any = importlib.import_module("peft")
    except ImportError as e:
        raise BackendError(f"{name} is a PEFT adapter; reading it needs peft: pip install peft") from e
    config = peft.PeftConfig.from_pretrained(name)
    if not config.base_model_name_or_path:
        raise BackendError(f"{name} is an adapter that does not name its base model; put it into adapter_config.json")
    if config.revision:
        options["revision"] = config.revision
    model = _whole(config.base_model_name_or_path, **options)
    if (folder / "tokenizer_config.json").is_file():  # it may have been trained with tokens of its own
        size = len(load_tokenizer(name))
        if size > model.get_input_embeddings().weight.shape[0]:
            model.resize_token_embeddings(size)
    with warnings.catch_warnings():
        warnings.filterwarnings("error", ".*missing adapter keys")
        try:
            return peft.PeftModel.from_pretrained(model, name)
        except UserWarning as e:
            raise BackendError(f"{name} lacks weights of its adapter, which would be random: {e}") from e


def adapter_off(backend: Backend) -> Backend:
    """The base model of a PEFT backend: the usual reference of LoRA training.

    Raises:
        BackendError: a model without adapters.
    """
    model = getattr(backend, "model", None)
    if model is None or not hasattr(model, "disable_adapter"):
        raise BackendError(f"{backend.name} has no adapter to switch off; name the reference model instead")
    from .huggingface import HuggingFaceBackend

    return HuggingFaceBackend(model, name=backend.name, padding=backend.padding, adapter=False)  # type: ignore[attr-defined]


def load_tokenizer(name: str) -> Any:
    """The tokenizer of a model.

    Raises:
        BackendError: none there.
    """
    try:
        import transformers
    except ImportError as e:
        raise BackendError(NEEDS) from e
    try:
        found: Any = transformers.AutoTokenizer.from_pretrained(name, trust_remote_code=False)
    except (OSError, ValueError) as e:
        raise BackendError(f"{name} has no tokenizer that can be read; name one with --tokenizer: {e}") from e
    if set(found.get_vocab().values()) <= set(found.all_special_ids):  # made up for some families
        raise BackendError(f"{name} has no tokenizer, only a configuration; name one with --tokenizer")
    return found


def other_token(first: str, second: str, ids: Iterable[int]) -> str | None:
    """Which of the ids is another token in the second tokenizer, in words; None where all are the same."""
    try:
        a, b = (load_tokenizer(name) for name in (first, second))
    except BackendError:
        return None
    some = sorted(ids)
    for i, x, y in zip(some, a.convert_ids_to_tokens(some), b.convert_ids_to_tokens(some), strict=True):
        if x is not None and y is not None and x != y:
            return f"token {i} is {x!r} in {first} and {y!r} in {second}"
    return None


def _function(name: str) -> Backend:
    module, _, attribute = name.partition(":")
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    try:
        found: Any = importlib.import_module(module)
        for part in attribute.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError) as e:
        raise FileError(f"{name} is not there: {e}") from e
    if isinstance(found, Backend):
        return found
    if not callable(found):
        raise BackendError(f"{name} is neither a function of (prompt_ids, response_ids) nor a backend")
    return CallableBackend(found, name=name)
