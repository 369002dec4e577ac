"""The progress line: what it says, when it redraws, what it forecasts."""

import io

import pytest

from colabsd.cli.progress import CLEAR, Forecaster, ProgressLine, can_redraw
from colabsd.progress import Progress


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def denoise(done: int, item: int = 0, items: int = 1) -> Progress:
    return Progress(stage="denoise", done=done, total=10, item=item, items=items)


def told(clock: Clock, redraw: bool, *reports: tuple[float, Progress], language: str = "en") -> str:
    stream = io.StringIO()
    line = ProgressLine(language, stream, redraw, 80, clock)  # type: ignore[arg-type]
    for now, report in reports:
        clock.now = now
        line.show(report)
    line.clear()
    return stream.getvalue()


def test_the_time_left_for_a_picture_follows_from_its_steps():
    clock = Clock()
    forecaster = Forecaster(clock)
    forecaster.note(denoise(0))
    clock.now = 2.0
    forecaster.note(denoise(4))
    assert forecaster.stage_left(denoise(4)) == pytest.approx(3.0)


def test_nothing_is_forecast_before_the_first_step():
    forecaster = Forecaster(Clock())
    forecaster.note(denoise(0))
    assert forecaster.stage_left(denoise(0)) is None


def test_the_time_left_for_all_follows_from_the_finished_pictures():
    clock = Clock()
    forecaster = Forecaster(clock)
    forecaster.note(denoise(0, item=0, items=4))
    assert forecaster.all_left(denoise(0, item=0, items=4)) is None
    clock.now = 10.0
    forecaster.note(denoise(0, item=1, items=4))
    assert forecaster.all_left(denoise(0, item=1, items=4)) == pytest.approx(30.0)


def test_a_resumed_run_forecasts_from_its_own_pictures_only():
    clock = Clock()
    forecaster = Forecaster(clock)
    forecaster.note(denoise(0, item=7, items=10))
    clock.now = 10.0
    forecaster.note(denoise(0, item=8, items=10))
    assert forecaster.all_left(denoise(0, item=8, items=10)) == pytest.approx(20.0)


def test_the_first_picture_does_not_count_once_a_second_one_is_finished():
    clock = Clock()
    forecaster = Forecaster(clock)
    for now, item in ((0.0, 0), (50.0, 1), (60.0, 2)):
        clock.now = now
        forecaster.note(denoise(0, item=item, items=4))
    assert forecaster.all_left(denoise(0, item=2, items=4)) == pytest.approx(20.0)


def test_loading_does_not_count():
    clock = Clock()
    forecaster = Forecaster(clock)
    forecaster.note(Progress(stage="load", done=0, total=3))
    for now, item in ((100.0, 0), (110.0, 1)):
        clock.now = now
        forecaster.note(denoise(0, item=item, items=2))
    assert forecaster.all_left(denoise(0, item=1, items=2)) == pytest.approx(10.0)


def test_on_a_terminal_one_line_is_redrawn_and_taken_away_at_the_end():
    text = told(Clock(), True, (0.0, denoise(0)), (1.0, denoise(5)))
    assert text == f"{CLEAR}Drawing · step 0/10{CLEAR}Drawing · step 5/10 · 1 s left{CLEAR}"


def test_on_a_terminal_fast_steps_do_not_flood():
    reports = [(0.001 * step, denoise(step)) for step in range(10)]
    assert told(Clock(), True, *reports).count("Drawing") == 1


def test_in_a_pipe_a_picture_is_one_line():
    finishing = Progress(stage="decode", done=0, total=1)
    text = told(Clock(), False, (0.0, denoise(0)), (1.0, denoise(5)), (2.0, denoise(10)), (2.1, finishing))
    assert text == "Drawing · step 0/10\n"


def test_in_a_pipe_many_quick_pictures_do_not_flood():
    reports = [(0.5 * item, denoise(0, item, 100)) for item in range(100)]
    assert len(told(Clock(), False, *reports).splitlines()) == 5


def test_in_a_pipe_a_slow_picture_gives_a_sign_of_life():
    text = told(Clock(), False, (0.0, denoise(0)), (60.0, denoise(5)))
    assert text.splitlines() == ["Drawing · step 0/10", "Drawing · step 5/10 · 1 min 00 s left"]


def test_several_pictures_are_counted_and_forecast_in_spanish():
    text = told(
        Clock(), False, (0.0, denoise(0, 0, 3)), (10.0, denoise(0, 1, 3)), (22.0, denoise(5, 1, 3)), language="es"
    )
    assert text.splitlines()[-1] == "Dibujando · imagen 2 de 3 · paso 5/10 · quedan 12 s · todas: quedan 22 s"


def test_a_download_is_told_in_megabytes():
    report = Progress(stage="download", done=500_000_000, total=2_000_000_000)
    assert "Downloading · 500 MB / 2,000 MB" in told(Clock(), False, (0.0, report))


def test_a_dumb_terminal_is_no_terminal():
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    assert can_redraw(Terminal(), {"TERM": "xterm"})
    assert not can_redraw(Terminal(), {"TERM": "dumb"})
    assert not can_redraw(io.StringIO(), {"TERM": "xterm"})
