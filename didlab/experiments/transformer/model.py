"""The model: the architecture of GPT-2, small, from random weights."""

from __future__ import annotations

import os
from typing import Any

from ...errors import FileError
from .protocol import Protocol

__all__ = ["new_model"]


def new_model(protocol: Protocol, vocabulary: int, seed: int) -> Any:
    """A `GPT2LMHeadModel` in double precision, without dropout, its weights drawn from the seed.

    Double precision: what platforms round differently stays far below what is reported.

    Raises:
        FileError: `transformers` is not installed.
    """
    import torch

    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    try:
        from transformers import GPT2Config, GPT2LMHeadModel
        from transformers.utils import logging
    except ImportError:
        raise FileError("the experiment needs `transformers`: pip install 'didlab[bridge]'") from None
    logging.set_verbosity_error()
    plain: dict[str, Any] = {"attn_implementation": "eager"}  # per-sample gradients need plain operations
    config = GPT2Config(
        vocab_size=vocabulary,
        n_positions=protocol.positions,
        n_embd=protocol.width,
        n_layer=protocol.layers,
        n_head=protocol.heads,
        resid_pdrop=0.0,
        embd_pdrop=0.0,
        attn_pdrop=0.0,
        initializer_range=protocol.spread,
        bos_token_id=1,
        eos_token_id=3,
        use_cache=False,
        **plain,
    )
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return GPT2LMHeadModel(config).double()
