"""The page for films: what is asked, told, imported, drawn, stopped and gone on with. Without a browser."""

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from widget_tree import shown_html

from colabsd.artifacts import Clip, Frame
from colabsd.geometry import Size
from colabsd.settings.video import VideoSettings
from colabsd.studio import Studio
from colabsd.widgets.film_view import FilmView, player
from colabsd.widgets.films_here import film_here, follow_film_here
from colabsd.widgets.following import ToldError
from colabsd.widgets.video_page import VideoPage

HOSTILE = '<img src=x onerror="alert(1)">'


@pytest.fixture
def page(studio: Studio, small_model_folder: Path) -> VideoPage:
    """The page, with the small model and two frames of two steps."""
    made = VideoPage(studio)
    made.form.controls["model"] = _typed(made, str(small_model_folder))
    made.form.fill(VideoSettings(prompts=("0: red apple",), max_frames=2, steps=2, seed=7, zoom="0: (1.02)"))
    return made


def _typed(page: VideoPage, model: str) -> Any:
    """A control that always gives this model: the menu has those with a name only."""
    import dataclasses

    return dataclasses.replace(page.form.controls["model"], read=lambda: model, fill=lambda value: None)


def test_it_opens_with_two_prompts_a_zoom_curves_and_a_forecast(studio: Studio) -> None:
    page = VideoPage(studio)
    settings = page.form.read()
    assert len(settings.prompts) == 2 and settings.zoom == "0: (1.02)"
    assert page._curves.value[:2] == b"\xff\xd8" and "60" in page._forecast.value


def test_opening_it_loads_no_torch(tmp_path: Path) -> None:
    import subprocess
    import sys

    program = (
        "import sys; from pathlib import Path; from colabsd.studio import open_studio;"
        "from colabsd.widgets.video_page import VideoPage;"
        f"studio = open_studio(Path({str(tmp_path)!r}) / 'w', environ={{'HOME': {str(tmp_path)!r}}});"
        "page = VideoPage(studio); page.form.use_move('spiral');"
        "sys.exit(any(name in sys.modules for name in ('torch', 'diffusers', 'transformers')))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_camera_move_fills_in_schedules_which_may_be_changed(page: VideoPage) -> None:
    page.form.use_move("orbit")
    settings = page.form.read()
    assert settings.animation_mode == "3D" and settings.rotation_3d_y == "0: (-0.7)"
    assert page.form.controls["rotation_3d_y"].box.layout.display != "none"
    assert page.form.controls["zoom"].box.layout.display == "none"
    page.form.use_move("zoom in", 2.0)
    page.form.controls["zoom"].input.value = "0: (1.5)"
    assert page.form.read().zoom == "0: (1.5)" and page.form.read().animation_mode == "2D"


def test_prompts_are_a_table_of_frames_and_texts(page: VideoPage) -> None:
    table = page.form.prompts
    table.fill(("0: red apple", "max_f/2: blue ball"))
    table.add("9", "a house")
    table.rows[0][1].value = "green apple"
    assert table.read() == ("0: green apple", "max_f/2: blue ball", "9: a house")
    table._remove(table.rows[1])
    assert page.form.read().prompts == ("0: green apple", "9: a house")


def test_wrong_schedules_are_told_at_once_and_nothing_is_drawn(page: VideoPage) -> None:
    page.form.controls["zoom"].input.value = "0: (1+"
    page.form.controls["angle"].input.value = f"0: ({HOSTILE})"
    told = page._remarks.value
    assert "colabsd-error" in told and "zoom" in told and "angle" in told and "<img" not in told
    outcome = page.render()
    assert outcome.error is not None and outcome.results == []


def test_a_settings_file_fills_the_form_and_says_what_became_of_it(page: VideoPage) -> None:
    data = {"W": 64, "H": 64, "max_frames": 3, "zoom": "0:(1.1)", "prompts": {"0": "house"}, HOSTILE: 1, "tiling": True}
    assert page.use_file("a.txt", json.dumps(data).encode()) is not None
    settings = page.form.read()
    assert (settings.width, settings.zoom, settings.prompts) == (64, "0:(1.1)", ("0: house",))
    assert "tiling" in page._file.value and "colabsd-warning" in page._file.value and "<img" not in page._file.value
    assert page.use_file("b.txt", b"{") is None and "colabsd-error" in page._file.value


@pytest.mark.integration
def test_the_button_draws_a_film_that_plays_and_the_camera_is_tried_on_a_grid(page: VideoPage) -> None:
    page.show_camera()
    assert page._grid.layout.display != "none"
    outcome = page.render()
    assert outcome.error is None and isinstance(outcome.results[-1], Clip)
    assert "<video" in page.view._player.value
    assert page.studio.films()[-1].is_finished and page._left.layout.display == "none"


@pytest.mark.integration
def test_a_film_that_was_stopped_is_offered_and_goes_on(page: VideoPage, monkeypatch: pytest.MonkeyPatch) -> None:
    take = page.view.take

    def stopping(event: object) -> None:
        take(event)
        if isinstance(event, Frame):
            raise KeyboardInterrupt

    monkeypatch.setattr(page.view, "take", stopping)
    assert page.render().stopped
    assert page._left.layout.display != "none" and "red apple" in shown_html(page._left)
    monkeypatch.undo()
    outcome = page.resume(page.studio.films()[-1].name)
    assert isinstance(outcome.results[-1], Clip) and page._left.layout.display == "none"


@pytest.mark.integration
def test_a_plain_cell_draws_the_same_film(
    studio: Studio, small_model_folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[Clip] = []
    monkeypatch.setattr("colabsd.widgets.films_here._display", shown.append)
    facts: dict[str, Any] = {"model": str(small_model_folder), "max_frames": 2, "steps": 2, "seed": 7}
    clip = film_here(studio, "0: red apple | 1: blue ball", "spiral", **facts)
    assert clip is not None and shown == [clip] and clip.name in capsys.readouterr().out
    assert studio.films()[-1].plan.frames[1].camera.angle == 1.5
    with pytest.raises(ToldError):
        film_here(studio, "a", "no such move")
    with pytest.raises(ToldError):
        film_here(studio, "a", fps=-1)


def test_a_stopped_cell_says_how_many_frames_are_kept(studio: Studio, capsys: pytest.CaptureFixture[str]) -> None:
    def events() -> Iterator[Any]:
        yield Frame(index=0, path=Path("a.png"), key="a")
        raise KeyboardInterrupt

    assert follow_film_here(studio, events()) is None
    assert "1" in capsys.readouterr().out


def test_the_clip_grows_frame_by_frame(tmp_path: Path) -> None:
    from PIL import Image

    view = FilmView("en", clock=iter(range(1000)).__next__)
    for index, colour in enumerate(("red", "lime", "blue")):
        path = tmp_path / f"{index}.png"
        Image.new("RGB", (16, 16), colour).save(path)
        view.take(Frame(index=index, path=path, key=str(index)))
    with Image.open(io.BytesIO(view._growing.value)) as grown:
        assert getattr(grown, "n_frames", 1) == 3
    assert "3" in view._count.value


def test_what_is_no_mp4_is_named_and_not_played(tmp_path: Path) -> None:
    path = tmp_path / f"{HOSTILE.replace('/', '')}.gif"
    path.write_bytes(b"GIF89a")
    clip = Clip(name="x", path=path, frames=2, fps=10, size=Size(8, 8), key="k")
    assert "<video" not in player(clip, "es") and "<img" not in player(clip, "es")
