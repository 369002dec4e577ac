"""Whole runs of Deforum's notebook, with the same formula in place of the model (tests/data/video, MIT)."""

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from closed_form import FormulaPainter, film_plan, store_at

from colabsd.artifacts import Frame
from colabsd.planning.video_plans import CameraValues, FrameTable
from colabsd.video.render import render

DATA = Path(__file__).parents[1] / "data" / "video"
OUTPUT_LEVELS = 1  # bilinear sampling in fp32 against OpenCV's
INIT = 2 / 127.5  # two levels


def reference(name: str) -> tuple[dict[str, Any], Any]:
    runs = json.loads((DATA / "loop_notebook.json").read_text())["runs"]
    return next(run for run in runs if run["name"] == name), np.load(DATA / "loop_notebook.npz")


def camera(index: int) -> CameraValues:
    return CameraValues(angle=1.0, zoom=1.02, translation_x=3 * math.sin(index))


@pytest.mark.parametrize("name", ["c1_none_nonoise", "c2_fixed_nonoise"])
def test_the_loop_draws_what_the_notebook_drew(name: str, tmp_path: Path) -> None:
    run, arrays = reference(name)
    cadence = int(run["settings"]["diffusion_cadence"])
    fixed = run["args"]["seed_behavior"] == "fixed"
    seeds = {"frame": lambda index: {"seed": 100 if fixed else 100 + index}}
    plan = film_plan(10, cadence=cadence, camera=camera, compat=("cadence_tail",), **seeds)
    if cadence > 1:  # the notebook draws no frame for the tail that it loses
        rows = [replace(frame, drawn=frame.index % cadence == 0) for frame in plan.frames]
        plan = replace(plan, frames=FrameTable.of(rows))
    painter, store = FormulaPainter(), store_at(tmp_path, plan)
    written = [event.index for event in render(painter, plan, store) if isinstance(event, Frame)]
    assert written == run["frames_written"]
    facts = [(frame, seed, strength, steps) for frame, seed, strength, steps, _ in painter.calls]
    calls = run["calls"][: len(facts)]  # of cadence 2 the notebook draws frame 8 too, and never shows it
    assert len(run["calls"]) - len(facts) == cadence - 1
    assert facts == [(call["frame"], call["seed"], call["strength"], call["t_enc"]) for call in calls]
    for call, (_, _, _, _, init) in zip(calls, painter.calls, strict=True):
        if call["init"] is not None:
            assert init is not None
            assert np.abs(init[0].float().numpy() - arrays[call["init"]].astype(np.float32)).max() <= INIT + 1e-3
    for index, array in enumerate(run["outputs"]):
        apart = np.abs(store.frames.read(index).astype(int) - arrays[array].astype(int))
        assert apart.max() <= OUTPUT_LEVELS, f"frame {index}"
