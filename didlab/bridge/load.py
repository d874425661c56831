"""Models by the name a command line gives them: a folder (or hub name) of transformers, or MODULE:FUNCTION."""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path
from typing import Any

from ..errors import BackendError, FileError
from .backend import Backend, CallableBackend

__all__ = ["adapter_off", "load_backend", "load_tokenizer"]

DTYPES = ("float32", "bfloat16", "float16", "float64")
NEEDS = "reading a model needs transformers: pip install 'didlab[bridge]'"


def load_backend(name: str, *, dtype: str = "float32", device: str = "cpu", padding: str = "right") -> Backend:
    """A backend by name.

    Args:
        name: `package.module:function` for a callable `(prompt_ids, response_ids) -> log-probabilities` (or a ready
            backend); otherwise a folder or hub name of a causal model, or of a PEFT adapter. Only safetensors are
            read, and code that comes with a model is never run.
        dtype: of the weights.
        device: cpu, cuda, cuda:1, ...
        padding: side of the padding.

    Raises:
        BackendError: no such function or model, or one that cannot be read.
    """
    if ":" in name and not Path(name).exists() and not name.startswith(("/", ".")):
        return _function(name)
    if dtype not in DTYPES:
        raise BackendError(f"dtype must be one of {', '.join(DTYPES)}; got {dtype!r}")
    try:
        import torch
        import transformers
    except ImportError as e:
        raise BackendError(NEEDS) from e
    from .huggingface import HuggingFaceBackend

    folder = Path(name)
    options: dict[str, Any] = {"dtype": getattr(torch, dtype), "use_safetensors": True, "trust_remote_code": False}
    if any(folder.glob("adapter_model*.bin")) and not any(folder.glob("adapter_model*.safetensors")):
        raise BackendError(f"{name} has its adapter as a pickle, which is not opened; save it as safetensors")
    try:
        if (folder / "adapter_config.json").is_file():
            peft: Any = importlib.import_module("peft")
            model: Any = peft.AutoPeftModelForCausalLM.from_pretrained(name, **options)
        else:
            model = transformers.AutoModelForCausalLM.from_pretrained(name, **options)
    except ImportError as e:
        raise BackendError(f"{name} is a PEFT adapter; reading it needs peft: pip install peft") from e
    except (OSError, ValueError) as e:
        raise BackendError(f"{name} cannot be read as a causal language model: {e}") from e
    try:
        return HuggingFaceBackend(model.to(device), name=name, padding=padding)
    except RuntimeError as e:
        raise BackendError(f"device {device!r} cannot be used: {e}") from e


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
        return transformers.AutoTokenizer.from_pretrained(name, trust_remote_code=False)
    except (OSError, ValueError) as e:
        raise BackendError(f"{name} has no tokenizer that can be read; name one with --tokenizer: {e}") from e


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
