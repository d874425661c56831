"""Models that cannot be read, or not as a whole: nothing random is scored, and nobody sees a traceback."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from safetensors.torch import load_file, save_file

from didlab.bridge.load import _own, load_backend, load_tokenizer, other_token
from didlab.errors import BackendError

from .architectures import build


@pytest.fixture
def saved(tmp_path):
    def save(kind="llama-untied"):
        build(kind).save_pretrained(tmp_path / kind)
        return tmp_path / kind

    return save


@pytest.mark.parametrize("kind", ["gpt2", "gpt2-untied", "llama-tied", "llama-untied", "gemma2", "qwen2-tied"])
def test_a_whole_model_is_read_without_a_word(saved, kind):
    assert load_backend(str(saved(kind))).vocabulary == 64


@pytest.mark.parametrize("lost", ["lm_head.weight", "model.layers.1.mlp.up_proj.weight"])
def test_weights_that_a_file_lacks_are_not_drawn_at_random(saved, lost):
    folder = saved()
    tensors = load_file(folder / "model.safetensors")
    del tensors[lost]
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(BackendError, match=f"lacks 1 of its weights, which would be random: {lost}"):
        load_backend(str(folder))


@pytest.mark.filterwarnings("ignore::FutureWarning")  # peft asks transformers for an old name
def test_an_adapter_is_read_as_a_whole_too(saved, tmp_path):
    peft = pytest.importorskip("peft")
    folder = saved()
    settings = peft.LoraConfig(r=2, target_modules=["q_proj"], task_type="CAUSAL_LM")
    made = peft.get_peft_model(load_backend(str(folder)).model, settings)
    made.save_pretrained(tmp_path / "adapter")
    assert "lora" in " ".join(n for n, _ in load_backend(str(tmp_path / "adapter")).model.named_parameters())
    file = tmp_path / "adapter" / "adapter_model.safetensors"
    tensors = load_file(file)
    name = next(n for n in tensors if "lora_B" in n)
    save_file({n: t for n, t in tensors.items() if n != name}, file, metadata={"format": "pt"})
    with pytest.raises(BackendError, match="lacks weights of its adapter"):
        load_backend(str(tmp_path / "adapter"))
    save_file(tensors, file, metadata={"format": "pt"})
    of_base = load_file(folder / "model.safetensors")
    del of_base["lm_head.weight"]
    save_file(of_base, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(BackendError, match="lacks 1 of its weights"):
        load_backend(str(tmp_path / "adapter"))
    told = json.loads((tmp_path / "adapter" / "adapter_config.json").read_text())
    (tmp_path / "adapter" / "adapter_config.json").write_text(json.dumps({**told, "base_model_name_or_path": None}))
    with pytest.raises(BackendError, match="does not name its base model"):
        load_backend(str(tmp_path / "adapter"))


def cut(folder):
    file = folder / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-100])


def of_another_shape(folder):
    tensors = load_file(folder / "model.safetensors")
    tensors["lm_head.weight"] = tensors["lm_head.weight"][:-1].clone()
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})


def garbled(folder):
    (folder / "config.json").write_text("{cut")


def without_weights(folder):
    (folder / "model.safetensors").unlink()


@pytest.mark.parametrize("spoil", [cut, of_another_shape, garbled, without_weights])
def test_files_that_are_no_model(saved, spoil):
    folder = saved()
    spoil(folder)
    with pytest.raises(BackendError, match="cannot be read as a causal language model"):
        load_backend(str(folder))


@pytest.mark.parametrize("kind", ["gpt2", "llama", "qwen2", "gemma2"])
def test_a_folder_without_a_tokenizer_has_none(saved, kind):
    with pytest.raises(BackendError, match=r"has no tokenizer.*--tokenizer"):
        load_tokenizer(str(saved(kind)))


def test_tokenizers_are_compared_on_the_tokens_that_the_data_has(tokenizer, tmp_path):
    one, two, none = (tmp_path / n for n in ("one", "two", "none"))
    tokenizer.save_pretrained(one)
    tokenizer.save_pretrained(two)
    file = two / "tokenizer.json"
    told = json.loads(file.read_text())
    words = told["model"]["vocab"]
    words["good"], words["bad"] = words["bad"], words["good"]
    file.write_text(json.dumps(told))
    odd = min(words["good"], words["bad"])
    assert f"token {odd} is" in other_token(str(one), str(two), range(25))
    assert other_token(str(one), str(two), set(range(25)) - {words["good"], words["bad"]}) is None
    assert other_token(str(one), str(one), range(60)) is None  # ids that no tokenizer has
    assert other_token(str(one), str(none), range(25)) is None


def test_a_device_that_is_not_there(saved):
    folder = str(saved())
    for device in ("cuda:99", "toaster"):
        with pytest.raises(BackendError, match=f"device '{device}' cannot be used"):
            load_backend(folder, device=device)


def test_processes_of_one_machine_have_a_device_each(monkeypatch):
    assert _own("cuda", 4) == "cuda"
    for rank, own in (("0", "cuda:0"), ("3", "cuda:3"), ("5", "cuda:1")):
        monkeypatch.setenv("LOCAL_RANK", rank)
        assert _own("cuda", 4) == own
        assert [_own(d, 4) for d in ("cpu", "cuda:2")] == ["cpu", "cuda:2"]
        assert _own("cuda", 0) == "cuda"  # no device: loading says so


def test_a_model_that_is_not_causal(tmp_path):
    import transformers

    wide = {"vocab_size": 64, "d_model": 16, "d_kv": 4, "d_ff": 16, "num_layers": 1, "num_heads": 2}
    transformers.T5ForConditionalGeneration(transformers.T5Config(**wide)).save_pretrained(tmp_path / "t5")
    with pytest.raises(BackendError, match="cannot be read as a causal language model"):
        load_backend(str(tmp_path / "t5"))


def test_what_is_no_model_is_said_without_asking_the_network(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text("")
    with pytest.raises(BackendError, match=r"\./nothing is not a folder"):
        load_backend("./nothing")
    with pytest.raises(BackendError, match=r"name a function in it: mine:FUNCTION"):
        load_backend("mine")


def test_a_command_that_is_piped_says_what_it_wrote_and_nothing_else(saved, tmp_path):
    (tmp_path / "d.jsonl").write_text('{"prompt_ids": [3], "chosen_ids": [4, 5], "rejected_ids": [6]}\n' * 3)
    options = ["--policy", str(saved("gpt2")), "--data", "d.jsonl", "--out", "t"]
    command = [sys.executable, "-m", "didlab", "score", *options]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True, timeout=120)
    assert (done.stdout, done.stderr) == ("wrote t: 6 responses of 3 pairs, policy\n", "")
