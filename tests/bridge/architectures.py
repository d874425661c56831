"""Models of real architectures with random weights."""

from __future__ import annotations


def config(kind: str, vocabulary: int = 64, **changed):
    """`-tied` and `-untied` after a name say whether the head is the embedding; without, it is as the family has it."""
    import transformers as t

    kind, _, ties = kind.partition("-")
    made = _config(t, kind, vocabulary, changed)
    if ties:
        made.tie_word_embeddings = ties == "tied"
    return made


def _config(t, kind, vocabulary, changed):
    wide = {
        "vocab_size": vocabulary, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2,
        "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 64, "bos_token_id": 1,
        "eos_token_id": 2, "pad_token_id": 0, **changed,
    }
    return {
        "gpt2": lambda: t.GPT2Config(
            vocab_size=vocabulary, n_layer=2, n_head=4, n_embd=changed.get("hidden_size", 32), n_positions=64,
            bos_token_id=1, eos_token_id=2,
        ),
        "llama": lambda: t.LlamaConfig(**wide),
        "mistral": lambda: t.MistralConfig(**{"sliding_window": None, **wide}),
        "qwen2": lambda: t.Qwen2Config(**wide, tie_word_embeddings=False),
        "gemma": lambda: t.GemmaConfig(**wide, head_dim=8),
        "gemma2": lambda: t.Gemma2Config(**wide, head_dim=8, final_logit_softcapping=5.0),
        "cohere": lambda: t.CohereConfig(**wide, logit_scale=0.25),
        "granite": lambda: t.GraniteConfig(**wide, logits_scaling=3.0),
        "mamba": lambda: t.MambaConfig(
            vocab_size=vocabulary, hidden_size=32, num_hidden_layers=2, state_size=8, eos_token_id=2
        ),
        "neox": lambda: t.GPTNeoXConfig(**{k: v for k, v in wide.items() if k != "num_key_value_heads"}),
    }[kind]()


def build(kind: str, seed: int = 0, dtype=None, spread: float = 5.0, **changed):
    """A model whose logits are far from flat, so that mistakes show."""
    import torch
    from transformers import AutoModelForCausalLM

    torch.manual_seed(seed)
    model = AutoModelForCausalLM.from_config(config(kind, **changed)).to(dtype or torch.float32)
    with torch.no_grad():
        for p in model.parameters():
            if p.ndim > 1:
                p.mul_(spread)
    return model
