"""Gradient inner products of the shared last layer for 1,000 pairs: didlab against autograd, by loop and by vmap.

    python benchmarks/gradients.py [--rounds 15] [--json FILE]

V = 32 tokens, hidden states of 32 dimensions, responses of 64 and of 8 tokens, float64, one thread each. All three
start from the same hidden states and give the two squared norms and the inner product of every pair. Baselines: a loop
over pairs of one `torch.autograd.grad` for each response (with `cross_entropy`, `backward` or flattened gradients in
its place the loop takes 3 to 12% less), and `torch.func.vmap` of `torch.func.grad` over all pairs at once. Rounds are
interleaved, so that each finds the caches as the others left them; a ratio is the median over rounds of time(baseline)
/ time(didlab) within the round, times being of the processor.

`bare` is the limit: the NumPy calls that the closed form cannot do without (two products of matrices, the
exponentials, three inner products), on the same arrays in blocks that suit the cache, and nothing else: no check, no
normalisation, no tokens. time(loop) / time(bare) is the most that a machine allows.

What is found depends on the kernels of NumPy's OpenBLAS, which takes those that suit the processor unless the variable
OPENBLAS_CORETYPE forbids it; the JSON keeps one run for each. On an AMD EPYC of family 26 (Zen 5, AVX-512), the loop
costs what Python and autograd take for each call: 60 us for a response of 64 tokens, 40 us for one of 8. There `bare`
allows 11 and 44 times with the kernels for AVX-512, 7 and 27 times with those for AVX2 (`OPENBLAS_CORETYPE=Haswell`):
40 times for 8 tokens would leave the checks and the normalisation of 16,000 rows 0.2 ms.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import os
import platform
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"

import numpy as np  # noqa: E402
import torch  # noqa: E402

from didlab.sequences.last_layer import last_layer_gram  # noqa: E402

PAIRS, V, D, LENGTHS = 1000, 32, 32, (64, 8)
BLOCK = 64  # pairs that `bare` works on at once


def setting(length: int, seed: int = 0) -> tuple[np.ndarray, ...]:
    """Parameters, and the hidden states and tokens of chosen and rejected responses."""
    rng = np.random.default_rng(seed)
    sides = [(rng.normal(size=(PAIRS, length, D)), rng.integers(0, V, (PAIRS, length))) for _ in range(2)]
    return 2 * rng.normal(size=(D, V)) / np.sqrt(D), *sides[0], *sides[1]


def log_likelihood(theta: torch.Tensor, hidden: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
    """Of one response."""
    return torch.log_softmax(hidden @ theta, -1).gather(-1, tokens[:, None]).sum()


def looped(theta: torch.Tensor, h_w: Any, w: Any, h_l: Any, l: Any) -> torch.Tensor:  # noqa: E741
    """One backward pass for each response."""
    theta = theta.detach().requires_grad_()
    out = []
    for i in range(len(h_w)):
        a, b = (torch.autograd.grad(log_likelihood(theta, h[i], y[i]), theta)[0] for h, y in ((h_w, w), (h_l, l)))
        out.append(torch.stack(((a * a).sum(), (a * b).sum(), (b * b).sum())))
    return torch.stack(out, -1)


PER_RESPONSE = torch.func.vmap(torch.func.grad(log_likelihood), in_dims=(None, 0, 0))


def mapped(theta: torch.Tensor, h_w: Any, w: Any, h_l: Any, l: Any) -> torch.Tensor:  # noqa: E741
    """All backward passes at once."""
    a, b = PER_RESPONSE(theta, h_w, w), PER_RESPONSE(theta, h_l, l)
    return torch.stack([(x * y).sum((1, 2)) for x, y in ((a, a), (a, b), (b, b))])


def bare(theta: np.ndarray, h_w: np.ndarray, w: np.ndarray, h_l: np.ndarray, l: np.ndarray) -> None:  # noqa: E741
    """What the closed form cannot do without: logits, exponentials, gradients, inner products."""
    z, gradients = np.empty((BLOCK, h_w.shape[1], V)), np.empty((2, BLOCK, D, V))
    for start in range(0, len(h_w), BLOCK):
        for h, g in zip((h_w, h_l), gradients, strict=True):
            part = h[start : start + BLOCK]
            weights = z[: len(part)]
            np.matmul(part.reshape(-1, D), theta, out=weights.reshape(-1, V))
            np.exp(weights, out=weights)
            np.matmul(part.swapaxes(1, 2), weights, out=g[: len(part)])
        a, b = gradients[:, : len(part)].reshape(2, len(part), -1)
        np.vecdot(a, a), np.vecdot(a, b), np.vecdot(b, b)


def seconds(call: Callable[[], Any]) -> float:
    """Of the processor, so that what else runs on the machine counts less."""
    start = time.process_time()
    call()
    return time.process_time() - start


def measure(length: int, rounds: int) -> dict[str, Any]:
    """Milliseconds, ratios, and the largest difference in units of the product of the norms."""
    arrays = setting(length)
    tensors = [torch.from_numpy(x) for x in arrays]
    calls = {"didlab": lambda: last_layer_gram(*arrays), "loop": lambda: looped(*tensors),
             "vmap": lambda: mapped(*tensors)}
    found = {name: np.asarray(call()) for name, call in calls.items()}
    ww, _, ll = found["loop"]
    scale = np.stack((ww, np.sqrt(ww * ll), ll))
    error = max(float((abs(found["didlab"] - found[name]) / scale).max()) for name in ("loop", "vmap"))
    calls["bare"] = lambda: bare(*arrays)
    times = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            times[name].append(seconds(call))
    ratio = {n: float(np.median(np.divide(times["loop"], times[n]))) for n in ("didlab", "bare")}
    return {"length": length, "milliseconds": {n: round(1e3 * float(np.median(t)), 2) for n, t in times.items()},
            "ratio_loop": round(ratio["didlab"], 1), "ratio_loop_at_most": round(ratio["bare"], 1),
            "ratio_vmap": round(float(np.median(np.divide(times["vmap"], times["didlab"]))), 2),
            "largest_relative_difference": error}


def machine() -> dict[str, str]:
    """The processor, and what NumPy multiplies matrices and takes exponentials with."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    about = dict((part.strip() for part in line.split(":", 1)) for line in lines if ":" in line)
    corename = getattr(ctypes.CDLL(np._core._multiarray_umath.__file__), "scipy_openblas_get_corename64_", None)
    if corename is not None:  # it is there in NumPy's own wheels for most platforms
        corename.restype = ctypes.c_char_p
    config: Any = np.show_config(mode="dicts")
    blas = config["Build Dependencies"]["blas"]
    return {
        "processor": about.get("model name", platform.processor()), "family": about.get("cpu family", "unknown"),
        "numpy": np.__version__, "numpy_simd": " ".join(config["SIMD Extensions"]["found"]),
        "blas": f"{blas['name']} {blas['version']}", "kernels": corename().decode() if corename else "unknown",
        "kernels_chosen_by": "OPENBLAS_CORETYPE" if "OPENBLAS_CORETYPE" in os.environ else "the library",
        "torch": torch.__version__, "torch_simd": torch.backends.cpu.get_cpu_capability(),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--json", type=Path, default=Path("benchmarks/gradients.json"))
    args = parser.parse_args()
    torch.set_num_threads(1)
    about = machine()
    print(f"{about['processor']}, family {about['family']}; {about['blas']} with the kernels {about['kernels']}, "
          f"chosen by {about['kernels_chosen_by']}")
    rows = [measure(length, args.rounds) for length in LENGTHS]
    for r in rows:
        ms = r["milliseconds"]
        print(f"L = {r['length']:>2}: didlab {ms['didlab']:.2f} ms, loop {ms['loop']:.1f} ms ({r['ratio_loop']:.1f}x, "
              f"at most {r['ratio_loop_at_most']:.1f}x), vmap {ms['vmap']:.1f} ms ({r['ratio_vmap']:.2f}x), equal to "
              f"{r['largest_relative_difference']:.1e}")
    setup = {"schema": "didlab/gradients/2", "pairs": PAIRS, "vocabulary": V, "dimension": D, "threads": 1,
             "dtype": "float64"}
    before = json.loads(args.json.read_text()) if args.json.exists() else {}
    others = [run for run in before.get("runs", []) if run["machine"]["kernels"] != about["kernels"]]
    runs = [*others, {"machine": about, "rounds": args.rounds, "results": rows}]
    args.json.write_text(json.dumps({**setup, "runs": runs}, indent=1) + "\n")


if __name__ == "__main__":
    main()
