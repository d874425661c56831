"""The table that the app shows where nobody gives it one: `python docs/example_table.py` makes it (about a minute).

Everything is made here: a small transformer learns a small language of statements with a sentiment, then to answer
what that sentiment is (the reference), then from pairs of a right and a wrong answer by DPO (the policy); a third model
learns the wrong answers (the one that wrote the rejected responses). `didlab score` then writes the table. Training is
in double precision on one thread; another processor may still give other last digits.
"""

from __future__ import annotations

import copy
import json
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from didlab.experiments.transformer.batches import ask, pairs
from didlab.experiments.transformer.corpus import statements
from didlab.experiments.transformer.protocol import PROTOCOL
from didlab.experiments.transformer.run import World
from didlab.experiments.transformer.styles import STYLES, pair
from didlab.experiments.transformer.tokenizer import ASK, START
from didlab.experiments.transformer.training import learn, prefer
from didlab.objectives import get

OUT = Path(__file__).parents[1] / "didlab/explore/examples/statements.parquet"
SEED, PROMPTS, EACH = 11, 24, 8
SAMPLES, LENGTH = 4, 16


def main() -> None:
    """Train the three models and score the pairs."""
    world = World(SEED, replace(PROTOCOL, texts=2000))
    rng = np.random.default_rng([SEED, 9])
    tokenizer, p = world.tokenizer, world.protocol

    def answers(label: int) -> Any:
        return pair(STYLES[int(rng.integers(1, 3))], label, rng, varied=True, ended=True)

    right = [answers(s.label).chosen for s in world.examples]
    reference = learn(
        copy.deepcopy(world.model), ask(tokenizer, world.examples, right), rng, steps=[300], batch=p.tuning_batch,
        rate=p.tuning_rate,
    )[300]
    prompts = {" ".join(s.words): s for s in statements(rng, 4 * PROMPTS, agreement=p.agreement)}
    asked = [s for s in list(prompts.values())[:PROMPTS] for _ in range(EACH)]
    responses = [answers(s.label) for s in asked]
    policy = copy.deepcopy(reference)
    data = pairs(tokenizer, asked, responses)
    prefer(
        policy, get("dpo", beta=0.1), data, rng, steps=60, batch=p.pair_batch, rate=3e-4, every=10**6,
        record=lambda: None,
    )
    wrong = ask(tokenizer, asked, [r.rejected for r in responses])
    source = learn(copy.deepcopy(reference), wrong, rng, steps=[100], batch=p.tuning_batch, rate=1e-3)[100]
    rows = [
        {
            "id": f"{' '.join(s.words)} ({n % EACH + 1})",
            "prompt_ids": tokenizer.encode((START, *s.words, ASK)),
            "chosen_ids": tokenizer.encode(r.chosen),
            "rejected_ids": tokenizer.encode(r.rejected),
        }
        for n, (s, r) in enumerate(zip(asked, responses, strict=True))
    ]
    with tempfile.TemporaryDirectory() as folder:
        models = {"policy": policy, "reference": reference, "rejected-policy": source}
        for name, model in models.items():
            model.save_pretrained(Path(folder, name))
        Path(folder, "pairs.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows), encoding="utf-8")
        named = [text for name in models for text in (f"--{name}", name)]
        subprocess.run(
            [sys.executable, "-m", "didlab", "score", *named, "--data", "pairs.jsonl", "--dtype", "float64",
             "--samples", str(SAMPLES), "--sample-length", str(LENGTH), "--out", "table.parquet"],
            check=True, cwd=folder,
        )
        OUT.parent.mkdir(exist_ok=True)
        OUT.write_bytes(Path(folder, "table.parquet").read_bytes())
    print(f"{OUT.name}: {OUT.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
