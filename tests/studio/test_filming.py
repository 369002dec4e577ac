"""Films through the studio: drawn with an engine, left and gone on with, on this machine and on the next one."""

import json
import math
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from small_films import clicks, write_clip, write_sound

from colabsd.artifacts import Clip, Frame
from colabsd.environment.colab import Colab
from colabsd.environment.machine import look_at_machine
from colabsd.errors import (
    DamagedFilmError,
    FilmRunningError,
    MissingPackageError,
    NotAPictureError,
    UnknownFilmError,
    UnreadableVideoError,
)
from colabsd.library.films import Film, Films
from colabsd.library.library import open_library
from colabsd.models.cache import open_cache
from colabsd.progress import Note
from colabsd.settings.video import VideoSettings
from colabsd.storage.workspace import Workspace
from colabsd.studio import Studio
from colabsd.studio.place import Place

COUNT = 9
pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def base(small_model_folder: Path) -> dict[str, Any]:
    return {
        "prompts": ("0: an apple", f"{COUNT // 2}: a red apple"),
        "model": str(small_model_folder),
        "width": 64,
        "height": 64,
        "steps": 4,
        "max_frames": COUNT,
        "seed": 7,
        "zoom": "0: (1.03)",
        "diffusion_cadence": 2,
    }


def machine_with(local: Path, root: Path, *, remote: bool = False) -> Studio:
    environ = {"HOME": str(local), "XDG_CACHE_HOME": str(local / "cache")}
    local.mkdir(exist_ok=True)
    workspace = Workspace(root, local / "workspace", remote)
    return Studio(
        place=Place(workspace=workspace, colab=Colab(environ=environ)),
        library=open_library(workspace),
        cache=open_cache(workspace, environ),
        machine=look_at_machine(environ),
        language="en",
    )


def follow(events: Iterator[Any], stop_after: int | None = None) -> list[Any]:
    """All that is told, or until so many frames were written."""
    told, frames = [], 0
    for event in events:
        told.append(event)
        frames += isinstance(event, Frame)
        if frames == stop_after:
            events.close()  # type: ignore[attr-defined]
            break
    return told


def pixels(studio: Studio, name: str) -> list[Any]:
    from colabsd.video.frames import FrameFolder

    folder = Films(studio.workspace).local(name) / "frames"
    return [FrameFolder(folder).read(index) for index in range(COUNT)]


@pytest.fixture(scope="module")
def wanted(base: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> tuple[Studio, list[Any]]:
    """The film as it is when nobody stops it."""
    folder = tmp_path_factory.mktemp("whole")
    studio = machine_with(folder / "machine", folder / "workspace")
    with studio.library:
        told = follow(studio.film(VideoSettings(**base, name="whole", make_gif=True)))
    assert isinstance(told[-1], Clip)
    return studio, told


def test_a_film_is_drawn_encoded_and_kept(wanted: tuple[Studio, list[Any]]) -> None:
    import av

    studio, told = wanted
    assert [type(event) for event in told if isinstance(event, (Film, Clip))] == [Film, Clip]
    assert [event.index for event in told if isinstance(event, Frame)] == list(range(COUNT))
    assert [event.drawn for event in told if isinstance(event, Frame)] == [index % 2 == 0 for index in range(COUNT)]
    clip = told[-1]
    with av.open(str(clip.path)) as file:
        assert sum(1 for _ in file.decode(video=0)) == COUNT
        kept = json.loads(file.metadata["comment"])
    assert kept["settings"]["seed"] == 7
    assert kept["key"] == clip.key == studio.films()[0].plan.key
    assert clip.path == studio.workspace.root / "films/whole/whole.mp4"
    assert [path.suffix for path in clip.shorts] == [".gif"]
    assert [film.name for film in Films(studio.workspace).search("RED apple")] == ["whole"]
    assert Films(studio.workspace).search("pear") == []


def test_the_same_film_again_is_the_same_film_under_another_name(
    wanted: tuple[Studio, list[Any]], base: dict[str, Any]
) -> None:
    studio, _ = wanted
    told = follow(studio.film(VideoSettings(**base, name="whole", skip_video_creation=True)))
    assert next(event for event in told if isinstance(event, Film)).name == "whole-2"
    assert [event.key for event in told if isinstance(event, Note)][-1] == "note.film.frames_only"
    assert all(map(np.array_equal, pixels(studio, "whole"), pixels(studio, "whole-2")))


def test_a_stopped_film_is_gone_on_with_to_the_pixel(
    wanted: tuple[Studio, list[Any]], base: dict[str, Any], tmp_path: Path
) -> None:
    studio = machine_with(tmp_path / "machine", tmp_path / "workspace")
    with studio.library:
        follow(studio.film(VideoSettings(**base, name="stopped")), stop_after=3)
        assert [film.is_finished for film in studio.films()] == [False]
    again = machine_with(tmp_path / "machine", tmp_path / "workspace")
    with again.library:
        told = follow(again.resume_film())
        assert isinstance(told[-1], Clip)
        assert len([event for event in told if isinstance(event, Frame)]) == COUNT - 3
        assert all(map(np.array_equal, pixels(wanted[0], "whole"), pixels(again, "stopped")))
        notes = [event.key for event in follow(again.resume_film("stopped")) if isinstance(event, Note)]
        assert notes[-1] == "note.film.finished"
        assert [event.key for event in again.resume_film() if isinstance(event, Note)] == ["note.film.nothing_left"]


def test_a_new_machine_goes_on_from_what_is_on_drive(
    wanted: tuple[Studio, list[Any]], base: dict[str, Any], tmp_path: Path
) -> None:
    """The disk of the first machine is deleted in the middle; Drive has archives, and no single frames."""
    import shutil

    drive = tmp_path / "drive"
    drive.mkdir()
    first = machine_with(tmp_path / "first", drive / "colabsd", remote=True)
    with first.library:
        follow(first.film(VideoSettings(**base, name="ride")), stop_after=5)
    shutil.rmtree(tmp_path / "first")
    there = sorted(path.name for path in (drive / "colabsd/films/ride").iterdir())
    assert there == ["film.json", "part-00001.zip"]
    second = machine_with(tmp_path / "second", drive / "colabsd", remote=True)
    with second.library:
        assert [film.name for film in second.films()] == ["ride"]
        told = follow(second.resume_film("ride"))
        assert isinstance(told[-1], Clip)
        assert 0 < len([event for event in told if isinstance(event, Frame)]) <= COUNT - 4
        assert all(map(np.array_equal, pixels(wanted[0], "whole"), pixels(second, "ride")))
    there = sorted(path.name for path in (drive / "colabsd/films/ride").iterdir())
    assert there == ["film.json", "finished.json", "part-00001.zip", "part-00002.zip", "ride.mp4"]
    third = machine_with(tmp_path / "third", drive / "colabsd", remote=True)
    with third.library:
        assert third.films()[0].is_finished


def test_a_film_is_encoded_once_more_in_another_way(wanted: tuple[Studio, list[Any]]) -> None:
    studio, _ = wanted
    clip = follow(studio.encode_film("whole", fps=30, webp=True))[-1]
    assert (clip.fps, clip.path.name, [path.name for path in clip.shorts]) == (
        30,
        "whole-2.mp4",
        ["whole-2.gif", "whole-2.webp"],
    )
    path = Films(studio.workspace).local("whole") / "frames" / "0000004.png"
    path.rename(path.with_suffix(".away"))
    with pytest.raises(DamagedFilmError) as caught:
        follow(studio.encode_film("whole"))
    path.with_suffix(".away").rename(path)
    assert caught.value.facts["frame"] == 4


def test_a_missing_encoder_loses_nothing(base: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from colabsd.video import encode

    studio = machine_with(tmp_path / "machine", tmp_path / "workspace")
    settings = VideoSettings(**base | {"max_frames": 3}, name="short")
    with studio.library, monkeypatch.context() as without:
        without.setattr(encode, "find_spec", lambda name: None)
        with pytest.raises(MissingPackageError):
            follow(studio.film(settings))
    with studio.library:
        told = follow(studio.resume_film("short"))
        assert not [event for event in told if isinstance(event, Frame)]
        assert isinstance(told[-1], Clip)


def test_sound_is_muxed_and_moves_the_camera(base: dict[str, Any], tmp_path: Path) -> None:
    write_sound(tmp_path / "beats.wav", clicks([0.2, 0.4], 1))
    studio = machine_with(tmp_path / "machine", tmp_path / "workspace")
    asked = base | {"zoom": "0: (1 + 0.1 * beat)", "add_soundtrack": "File", "fps": 10, "max_frames": 6}
    settings = VideoSettings(**asked, soundtrack_path=str(tmp_path / "beats.wav"), name="beats")
    plan = studio.plan_video(settings)
    zooms = plan.frames.column("camera.zoom")
    assert zooms[2] == pytest.approx(1.1) and zooms[0] == 1
    assert math.isclose(max(zooms), 1.1)
    with studio.library:
        clip = follow(studio.film(settings))[-1]
    import av

    with av.open(str(clip.path)) as file:
        assert len(file.streams.audio) == 1
    assert clip.sound


def test_depth_from_a_map_and_a_film_that_comes_in(base: dict[str, Any], tmp_path: Path) -> None:
    Image.fromarray(np.tile(np.arange(64, dtype=np.uint8) * 4, (64, 1))).save(tmp_path / "depth.png")
    write_clip(tmp_path / "clip.mp4", [number / 10 for number in range(8)], 64, 64)
    studio = machine_with(tmp_path / "machine", tmp_path / "workspace")
    space = base | {"animation_mode": "3D", "translation_z": "0: (20)", "depth_algorithm": str(tmp_path / "depth.png")}
    restyled = base | {"animation_mode": "Video Input", "video_init_path": str(tmp_path / "clip.mp4")}
    with studio.library:
        for name, asked in (("space", space | {"max_frames": 3}), ("restyled", restyled | {"extract_nth_frame": 3})):
            told = follow(studio.film(VideoSettings(**asked, name=name)))
            assert isinstance(told[-1], Clip), name
        films = {film.name: film for film in studio.films()}
        assert len(films["restyled"].plan.frames) == 3
        assert len(list((studio.workspace.root / "inputs").iterdir())) == 2


def test_what_comes_in_and_is_missing_is_told_before_anything_is_drawn(base: dict[str, Any], tmp_path: Path) -> None:
    write_clip(tmp_path / "silent.mp4", [0, 0.1, 0.2], 64, 64)
    studio = machine_with(tmp_path / "machine", tmp_path / "workspace")
    wrong: list[tuple[dict[str, Any], type[Exception], str]] = [
        ({"animation_mode": "Video Input"}, UnreadableVideoError, "error.film.no_input"),
        ({"animation_mode": "Video Input", "video_init_path": "no.mp4"}, UnreadableVideoError, "error.video.missing"),
        ({"use_init": True, "init_image": "no.png"}, NotAPictureError, "error.picture.missing"),
        ({"add_soundtrack": "File"}, UnreadableVideoError, "error.film.no_sound_file"),
        (
            {"add_soundtrack": "Init Video", "video_init_path": str(tmp_path / "silent.mp4")},
            UnreadableVideoError,
            "error.video.no_sound",
        ),
    ]
    for changes, kind, key in wrong:
        with pytest.raises(kind) as caught:
            follow(studio.film(VideoSettings(**base | changes)))
        assert caught.value.message_key == key  # type: ignore[attr-defined]
    assert not (studio.workspace.root / "films").exists()


def test_a_film_that_somebody_draws_and_one_that_is_not_there_are_told(
    wanted: tuple[Studio, list[Any]], tmp_path: Path
) -> None:
    studio, _ = wanted
    known = Films(studio.workspace)
    with known.locked(known.find("whole")), pytest.raises(FilmRunningError):
        follow(studio.resume_film("whole"))
    with pytest.raises(UnknownFilmError, match="whole"):
        follow(studio.resume_film("hole"))
    empty = machine_with(tmp_path / "machine", tmp_path / "workspace")
    with pytest.raises(UnknownFilmError) as caught:
        follow(empty.resume_film("any"))
    assert caught.value.message_key == "error.film.none"


def test_between_two_prompts_and_seeds_the_pictures_go_over(base: dict[str, Any], tmp_path: Path) -> None:
    studio = machine_with(tmp_path / "machine", tmp_path / "workspace")
    asked = base | {"animation_mode": "Interpolation", "prompts": ("0: an apple", "4: a red apple AND a tree")}
    settings = VideoSettings(**asked | {"max_frames": 5, "color_coherence": "None"}, name="walk")
    with studio.library:
        follow(studio.film(settings))
    from colabsd.video.frames import FrameFolder

    folder = FrameFolder(Films(studio.workspace).local("walk") / "frames")
    frames = [folder.read(index).astype(float) for index in range(5)]
    steps = [np.abs(one - other).mean() for one, other in pairwise(frames)]
    assert min(steps) > 0
    assert max(steps) < np.abs(frames[0] - frames[4]).mean()


def test_the_noise_that_a_frame_is_drawn_from_can_be_multiplied(
    wanted: tuple[Studio, list[Any]], base: dict[str, Any], tmp_path: Path
) -> None:
    studio = machine_with(tmp_path / "machine", tmp_path / "workspace")
    settings = VideoSettings(**base, noise_multiplier_schedule="0: (1.2)", name="noisy", skip_video_creation=True)
    with studio.library:
        follow(studio.film(settings))
    plain, noisy = pixels(wanted[0], "whole"), pixels(studio, "noisy")
    assert np.array_equal(plain[0], noisy[0])  # from a sentence alone
    assert not np.array_equal(plain[2], noisy[2])
