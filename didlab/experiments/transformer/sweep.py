"""Runs of several seeds in two processes; a killed sweep goes on from the seeds that are done."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

import numpy as np

from ...dynamics.checkpoint import read_checkpoint, write_checkpoint
from .protocol import Protocol

__all__ = ["Runs", "sweep"]

Runs = dict[int, dict[str, np.ndarray]]


def sweep(
    job: Callable[[int, Protocol], dict[str, np.ndarray]],
    seeds: Sequence[int],
    protocol: Protocol,
    checkpoint: Callable[[str], Path],
    say: Callable[[str, float], object],
    *,
    workers: int = 2,
) -> Runs:
    """A run for each seed.

    Args:
        job: what is run, a function of a module.
        seeds: of the runs.
        protocol: of all of them.
        checkpoint: the file in which the part of this name is kept.
        say: called with a text and the share of the seeds that is done.
        workers: processes, each with one thread.

    Returns:
        the runs in the order of the seeds, the same whatever the number of processes.

    Raises:
        FileError: a checkpoint of another protocol, or no `transformers`.
    """
    mark = f"{job.__module__}.{job.__qualname__} {protocol.fingerprint()}"
    paths = {s: checkpoint(f"{job.__name__}-{s}") for s in seeds}
    done = {s: read_checkpoint(paths[s], mark)[1] for s in seeds if paths[s].exists()}
    left = [s for s in seeds if s not in done]
    say(f"{len(done)} of {len(seeds)} seeds", len(done) / max(len(seeds), 1))
    # A fresh process: a fork of one that has used its threads can hang.
    with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool:
        running = {pool.submit(job, s, protocol): s for s in left}
        try:
            for future in as_completed(running):
                seed = running[future]
                done[seed] = future.result()
                write_checkpoint(paths[seed], mark, 0, done[seed])
                say(f"{len(done)} of {len(seeds)} seeds", len(done) / len(seeds))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return {s: done[s] for s in seeds}
