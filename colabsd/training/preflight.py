"""Before a training: one step, one sample, one state kept and read back, so that what fails fails now. Then as before.

Most trainings that die do so at the first sample or at the first save (facts of many trainers' issues), hours in.
"""

import shutil
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch

from colabsd.progress import Note
from colabsd.training.checkpoints import Checkpoints, find_checkpoints, is_whole
from colabsd.training.optimizers import build_optimizer
from colabsd.training.reports import Preflight, Watcher

if TYPE_CHECKING:
    from colabsd.training.loop import Run

FOLDER = "preflight"


def preflight(run: "Run", watcher: Watcher) -> Iterator[Any]:
    """Try everything once, take it back, and tell what it took. What the watcher yields goes on, as always.

    Raises: what a step, a sample or a save raise.
    """
    yield Note("note.training.preflight_begins", {})
    _forget_peak(run.base.device)
    before = {name: tensor.detach().to("cpu", copy=True) for name, tensor in run.trainable.state_dict().items()}
    run.advance()
    step_s = _seconds_of_a_step(run)
    try:
        save_s, size = _try_to_keep(run)
    finally:
        run.trainable.load_state_dict(before)
        _start_anew(run)
    started = time.perf_counter()
    yield from watcher.look(run.moment("preflight"))
    found = Preflight(
        step_s=step_s,
        save_s=save_s,
        sample_s=time.perf_counter() - started,
        state_bytes=size,
        device_bytes=_peak(run.base.device),
    )
    yield found
    facts = {
        "seconds": f"{step_s:.2f}",
        "minutes": f"{found.minutes(run.plan):.0f}",
        "megabytes": f"{size / 1e6:,.1f}",
        "vram_gb": f"{found.device_bytes / 2**30:.1f}",
    }
    yield Note("note.training.preflight_gpu" if found.device_bytes else "note.training.preflight", facts)


def _seconds_of_a_step(run: "Run") -> float:
    """The second step's time: in the first one much is done for the first time."""
    started = time.perf_counter()
    run.advance()
    if run.base.device == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - started


def _try_to_keep(run: "Run") -> tuple[float, int]:
    """Keep a state in a folder of its own, read it back and take it away; seconds and bytes."""
    places = run.checkpoints.places
    trial = Checkpoints(replace(places, local=places.local / FOLDER, publish=None, remove=None), keep=1)
    started = time.perf_counter()
    try:
        saved = trial.save(run.state())
        assert all(is_whole(one) for one in find_checkpoints([trial.places.local])), "publishing reads back"
    finally:
        shutil.rmtree(trial.places.local, ignore_errors=True)
    return time.perf_counter() - started, saved.bytes


def _start_anew(run: "Run") -> None:
    """As before the first step: the optimizer knows nothing, and the scale of half precision is the first."""
    stepper = run.stepper
    stepper.optimizer = build_optimizer(run.plan, stepper.groups)
    stepper.restart_scaler()
    stepper.skipped = 0
    run.step, run.saved_step = 0, None
    run.losses.clear()


def _forget_peak(device: str) -> None:
    if device == "cuda":
        torch.cuda.reset_peak_memory_stats()


def _peak(device: str) -> int:
    return torch.cuda.max_memory_allocated() if device == "cuda" else 0
