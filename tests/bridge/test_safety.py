"""Nothing that comes with a model is run: no pickle, no remote code."""

from __future__ import annotations

import json

import pytest

from didlab.bridge.load import load_backend, load_tokenizer
from didlab.errors import BackendError

from .architectures import build

TRAP = "import pathlib; pathlib.Path(__file__).with_name('ran').touch()\n"


class Touch:
    """Unpickling it would make a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        import pathlib

        return pathlib.Path.touch, (self.path,)


def test_pickled_weights_are_refused_and_not_opened(tmp_path):
    import pickle

    model = build("gpt2")
    model.save_pretrained(tmp_path / "model")
    for f in (tmp_path / "model").glob("*.safetensors"):
        f.unlink()
    (tmp_path / "model" / "pytorch_model.bin").write_bytes(pickle.dumps(Touch(tmp_path / "ran")))
    with pytest.raises(BackendError, match="cannot be read"):
        load_backend(str(tmp_path / "model"))
    assert not (tmp_path / "ran").exists()
    pickle.loads((tmp_path / "model" / "pytorch_model.bin").read_bytes())
    assert (tmp_path / "ran").exists()  # the trap would have shown


@pytest.mark.filterwarnings("ignore::FutureWarning")  # peft asks transformers for an old name
def test_pickled_adapters_are_refused(tmp_path):
    peft = pytest.importorskip("peft")
    import pickle

    base = build("llama")
    base.save_pretrained(tmp_path / "base")
    model = peft.get_peft_model(base, peft.LoraConfig(r=2, target_modules=["q_proj"], task_type="CAUSAL_LM"))
    model.peft_config["default"].base_model_name_or_path = str(tmp_path / "base")
    model.save_pretrained(tmp_path / "adapter")
    (tmp_path / "adapter" / "adapter_model.safetensors").unlink()
    (tmp_path / "adapter" / "adapter_model.bin").write_bytes(pickle.dumps(Touch(tmp_path / "ran")))
    with pytest.raises(BackendError, match="pickle"):
        load_backend(str(tmp_path / "adapter"))
    assert not (tmp_path / "ran").exists()


def test_code_that_comes_with_a_model_is_not_run(tmp_path):
    folder = tmp_path / "model"
    build("gpt2").save_pretrained(folder)
    config = json.loads((folder / "config.json").read_text())
    config |= {
        "model_type": "unheard-of", "architectures": ["Own"],
        "auto_map": {"AutoConfig": "own.OwnConfig", "AutoModelForCausalLM": "own.Own", "AutoTokenizer": "own.Own"},
    }
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "own.py").write_text(TRAP)
    for read in (load_backend, load_tokenizer):
        with pytest.raises(BackendError):
            read(str(folder))
    assert not (folder / "ran").exists()
