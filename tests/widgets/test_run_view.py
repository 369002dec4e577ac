"""Long work on the page: progress, results as they come, stopped, failed, told."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from colabsd.errors import UnknownModelError
from colabsd.progress import Note, Progress
from colabsd.widgets.run_view import MOST_NOTES, RunView, share_done


def work_of(*events: Any) -> Iterator[Any]:
    yield from events


def followed(events: Iterator[Any]) -> tuple[RunView, Any, list[Any]]:
    view, results = RunView("es"), []
    return view, view.follow(events, results.append), results


def test_results_come_as_they_are_finished_and_progress_is_shown() -> None:
    seen: list[float] = []
    view = RunView("en", clock=iter(range(1000)).__next__)

    def work() -> Iterator[Any]:
        yield Progress(stage="denoise", done=5, total=10, items=2, preview=np.zeros((8, 8, 3), np.uint8))
        seen.append(view._bar.value)
        assert view._running.layout.display is None and view._preview.value
        yield "a picture"

    outcome = view.follow(work(), lambda result: seen.append(result))
    assert seen == [0.25, "a picture"]
    assert outcome.results == ["a picture"] and not outcome.stopped and outcome.error is None
    assert view._running.layout.display == "none"


def test_being_stopped_closes_the_work_and_says_what_was_kept() -> None:
    closed = []

    def work() -> Iterator[Any]:
        try:
            yield "first"
            raise KeyboardInterrupt
        finally:
            closed.append(True)

    view, outcome, _ = followed(work())
    assert closed and outcome.stopped and outcome.results == ["first"]
    assert "colabsd-warning" in view._told.value


def test_stopping_while_a_result_is_shown_closes_the_work_too() -> None:
    closed = []

    def work() -> Iterator[Any]:
        try:
            yield from range(10)
        finally:
            closed.append(True)

    def shown(result: Any) -> None:
        raise KeyboardInterrupt

    assert RunView("en").follow(work(), shown).stopped
    assert closed


def test_our_errors_are_told_in_the_language_and_not_raised() -> None:
    def work() -> Iterator[Any]:
        raise UnknownModelError(name="<i>sdlx", nearest="sdxl")
        yield

    view, outcome, _ = followed(work())
    assert isinstance(outcome.error, UnknownModelError)
    assert "colabsd-error" in view._told.value and "&lt;i&gt;sdlx" in view._told.value


def test_other_errors_are_told_and_raised() -> None:
    def work() -> Iterator[Any]:
        raise ZeroDivisionError("<b>")
        yield

    view = RunView("en")
    with pytest.raises(ZeroDivisionError):
        view.follow(work(), print)
    assert "ZeroDivisionError" in view._told.value and "<b>" not in view._told.value
    assert view._running.layout.display == "none"


def test_a_note_is_told_once_and_not_without_end() -> None:
    notes = [Note("page.gallery.none_found", {"query": str(number % 20)}) for number in range(40)]
    view, _, _ = followed(work_of(*notes))
    assert view._told.value.count("colabsd-info") == MOST_NOTES


def test_new_work_takes_away_what_was_told_of_the_last() -> None:
    view, _, _ = followed(work_of(Note("page.empty", {})))
    assert view._told.value
    view.follow(work_of(), print)
    assert view._told.value == ""


@pytest.mark.parametrize(
    ("progress", "share"),
    [
        (Progress(stage="denoise", done=5, total=10), 0.5),
        (Progress(stage="denoise", done=5, total=10, item=1, items=2), 0.75),
        (Progress(stage="decode", done=0, total=1, item=1, items=2), 1.0),
        (Progress(stage="download", done=30, total=0), 0.0),
        (Progress(stage="load", done=3, total=4, items=9), 0.75),
    ],
)
def test_the_bar_says_how_much_of_everything_is_done(progress: Progress, share: float) -> None:
    assert share_done(progress) == share
