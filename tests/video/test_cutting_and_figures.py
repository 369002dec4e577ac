"""Frames put between, texts of films, figures over time."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from closed_form import FormulaPainter, film_plan, store_at
from small_films import frame, frames

from colabsd.planning.video_plans import FilmFile
from colabsd.progress import Note
from colabsd.video.cutting import cut_film, film_texts, in_other_ways, with_between
from colabsd.video.encode import count_frames, read_texts
from colabsd.video.figures import temporal_figures
from colabsd.video.render import render


def test_frames_between_lie_between_and_the_drawn_ones_stay() -> None:
    given = list(frames(4))
    made = list(with_between(iter(given), 3))
    assert len(made) == 10
    assert all(np.array_equal(one, other) for one, other in zip(made[::3], given, strict=True))
    assert 0 < np.abs(made[1].astype(int) - given[0]).mean() < np.abs(given[1].astype(int) - given[0]).mean() + 1
    assert [len(list(with_between(frames(5), 1))), len(list(with_between(iter([]), 2)))] == [5, 0]


def test_a_film_with_frames_between_is_smoother_or_slower(tmp_path: Path) -> None:
    plan = film_plan(5, file=FilmFile(between="RIFE", times=2, webp=True))
    store = store_at(tmp_path, plan)
    list(render(FormulaPainter(), plan, store))

    def cut(file: FilmFile) -> tuple[list[str], float, int, list[str]]:
        work = cut_film(replace(plan, file=file), store.frames, 5, tmp_path, "film", None, {"seed": 1})
        notes = []
        while True:
            try:
                event = next(work)
            except StopIteration as end:
                found = end.value
                break
            notes += [event.key] if isinstance(event, Note) else []
        return notes, found.fps, count_frames(found.files[0]), [path.name for path in found.files]

    assert cut(plan.file) == (["note.film.no_rife"], 30, 9, ["film.mp4", "film.webp"])
    assert cut(FilmFile(between="Flow", times=3, slow=True)) == ([], 15, 13, ["film.mp4"])
    assert json.loads(read_texts(tmp_path / "film.mp4")["comment"])["settings"] == {"seed": 1}


def test_texts_that_no_encoder_takes_are_left_out() -> None:
    plan = film_plan(1)
    long = json.loads(film_texts(plan, {"zoom": "1" * 200_000})["comment"])
    assert long == {"format": "colabsd.film", "key": plan.key, "settings": None}
    assert in_other_ways(plan, 24, True, False).fps == 24
    assert in_other_ways(plan, None, True, False).file.gif


def test_figures_tell_change_and_drift() -> None:
    still = temporal_figures([frame(1)] * 5)
    assert (still.frames, still.change, still.jump, still.drift) == (5, 0, 0, 0)
    darker = temporal_figures(np.full((8, 8, 3), 200 - 10 * number, np.uint8) for number in range(10))
    assert (darker.change, darker.jump) == (10, 10)
    assert darker.drift == pytest.approx(70 * 3**0.5)
    assert temporal_figures([]).frames == 0
