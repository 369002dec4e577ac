"""The studio: what was asked is drawn, kept, drawn again and continued."""

import dataclasses
import json
from collections.abc import Iterable
from pathlib import Path
from typing import TypeVar

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from colabsd.errors import (
    DamagedManifestError,
    DamagedWeightsError,
    InvalidSettingError,
    NoManifestError,
    NotAPictureError,
    UnknownModelError,
    UnknownPictureError,
)
from colabsd.library.library import KeptPicture
from colabsd.library.manifest import read_manifest
from colabsd.planning.plans import Note
from colabsd.progress import Progress
from colabsd.settings.images import ImageSettings
from colabsd.studio import Comparison, Studio

Kind = TypeVar("Kind")


@pytest.fixture
def asked(small_model_folder: Path) -> ImageSettings:
    return ImageSettings(prompt="red apple", model=str(small_model_folder), steps=2, seed=7, width=64, height=64)


def only(kind: type[Kind], events: Iterable[object]) -> list[Kind]:
    return [event for event in events if isinstance(event, kind)]


def pixels(path: Path) -> bytes:
    with Image.open(path) as image:
        return image.convert("RGB").tobytes()


def save_changed(
    path: Path, target: Path, pixel: tuple[int, int] | None = None, text: tuple[str, str] = ("", "")
) -> None:
    """A copy of a picture with one pixel or one piece of its text changed, as another program might save it."""
    with Image.open(path) as image:
        image.load()
        info = PngInfo()
        for name, value in image.info.items():
            info.add_itxt(name, value.replace(*text) if text[0] else value)
        if pixel:
            image.putpixel(pixel, (1, 2, 3))
        image.save(target, pnginfo=info)


def test_a_request_yields_progress_then_a_picture_that_lies_in_the_workspace(
    studio: Studio, asked: ImageSettings
) -> None:
    events = list(studio.draw(asked))
    (kept,) = only(KeptPicture, events)
    assert kept.path.is_relative_to(studio.workspace.root)
    assert {event.stage for event in only(Progress, events)} >= {"load", "denoise", "decode"}
    manifest = read_manifest(kept.path)
    assert manifest.settings["prompt"] == "red apple"
    assert manifest.drawing == kept.picture.drawing
    assert manifest.model_files
    assert studio.library.list()[0].key == kept.picture.drawing.key
    assert not studio.unfinished()


def test_the_name_of_a_picture_says_nothing_of_its_prompt(studio: Studio, asked: ImageSettings) -> None:
    (kept,) = only(KeptPicture, studio.draw(dataclasses.replace(asked, prompt="../../etc/passwd secretword")))
    assert "secretword" not in str(kept.path)
    assert kept.path.resolve().is_relative_to(studio.workspace.root.resolve())


@pytest.mark.parametrize("image_format", ["png", "jpeg", "webp"])
def test_drawn_again_it_is_equal_and_verify_says_so(studio: Studio, asked: ImageSettings, image_format: str) -> None:
    (kept,) = only(KeptPicture, studio.draw(asked, image_format=image_format))  # type: ignore[arg-type]
    (again,) = only(KeptPicture, studio.again(str(kept.path)))
    assert again.path != kept.path
    assert again.path.suffix == kept.path.suffix
    assert pixels(again.path) == pixels(kept.path)
    (comparison,) = only(Comparison, studio.again(str(kept.path), verify=True))
    assert comparison.equal


def test_verify_replays_the_whole_batch_of_a_picture(studio: Studio, asked: ImageSettings) -> None:
    pictures = only(KeptPicture, studio.draw(dataclasses.replace(asked, count=3, batch=3)))
    for kept in pictures:
        (comparison,) = only(Comparison, studio.again(kept.record.key[:12], verify=True))
        assert comparison.equal
    assert len(studio.library.list()) == 3


def test_verify_finds_a_pixel_that_was_changed(studio: Studio, asked: ImageSettings) -> None:
    (kept,) = only(KeptPicture, studio.draw(asked))
    changed = kept.path.with_name("changed.png")
    save_changed(kept.path, changed, pixel=(3, 4))
    (comparison,) = only(Comparison, studio.again(str(changed), verify=True))
    assert not comparison.equal
    assert comparison.differing_pixels == 1
    assert comparison.largest_difference > 0


def test_a_request_that_was_stopped_is_resumed_with_equal_pictures(studio: Studio, asked: ImageSettings) -> None:
    wanted = dataclasses.replace(asked, count=5, batch=2)
    whole = {kept.record.key: pixels(kept.path) for kept in only(KeptPicture, studio.draw(wanted))}
    events = studio.draw(wanted)
    first = next(event for event in events if isinstance(event, KeptPicture))
    events.close()  # type: ignore[attr-defined]
    (job,) = studio.unfinished()
    assert job.kept == {0}
    resumed = only(KeptPicture, studio.resume())
    assert [kept.picture.index for kept in resumed] == [1, 2, 3, 4]
    assert {kept.record.key: pixels(kept.path) for kept in [first, *resumed]} == whole
    assert not studio.unfinished()
    assert not list(studio.resume())


def test_a_picture_lost_from_a_stopped_request_is_drawn_again(studio: Studio, asked: ImageSettings) -> None:
    events = studio.draw(dataclasses.replace(asked, count=3))
    first = next(event for event in events if isinstance(event, KeptPicture))
    events.close()  # type: ignore[attr-defined]
    first.path.unlink()
    assert [kept.picture.index for kept in only(KeptPicture, studio.resume())] == [0, 1, 2]


def test_a_changed_model_is_said_before_a_picture_is_drawn_again(
    studio: Studio, asked: ImageSettings, small_model_folder: Path, tmp_path: Path
) -> None:
    import shutil

    copy = tmp_path / "model"
    shutil.copytree(small_model_folder, copy)
    (kept,) = only(KeptPicture, studio.draw(dataclasses.replace(asked, model=str(copy))))
    config = json.loads((copy / "scheduler/scheduler_config.json").read_text())
    (copy / "scheduler/scheduler_config.json").write_text(json.dumps(config | {"beta_end": 0.02}))
    notes = only(Note, studio.again(str(kept.path)))
    assert "note.model_changed" in {note.key for note in notes}


def test_damaged_weights_are_told_and_lose_nothing(
    studio: Studio, asked: ImageSettings, small_model_folder: Path, tmp_path: Path
) -> None:
    import shutil

    copy = tmp_path / "model"
    shutil.copytree(small_model_folder, copy)
    list(studio.draw(asked))
    weights = copy / "unet/diffusion_pytorch_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(DamagedWeightsError) as caught:
        list(studio.draw(dataclasses.replace(asked, model=str(copy))))
    assert str(weights) in caught.value.tell("es")
    assert len(studio.library.list()) == 1


def test_nothing_is_started_for_a_request_that_cannot_be(studio: Studio, asked: ImageSettings) -> None:
    with pytest.raises(InvalidSettingError):
        list(studio.draw(dataclasses.replace(asked, steps=0)))
    with pytest.raises(UnknownModelError):
        list(studio.draw(dataclasses.replace(asked, model="sdlx")))
    assert not studio.unfinished()
    assert not studio.library.list()


def test_what_cannot_be_drawn_again_says_why(studio: Studio, asked: ImageSettings, tmp_path: Path) -> None:
    with pytest.raises(UnknownPictureError):
        list(studio.again("nothing-here"))
    plain, text, lying = tmp_path / "plain.png", tmp_path / "text.png", tmp_path / "lying.png"
    Image.new("RGB", (8, 8)).save(plain)
    with pytest.raises(NoManifestError):
        list(studio.again(str(plain)))
    text.write_text("I am no picture")
    with pytest.raises(NotAPictureError):
        list(studio.again(str(text)))
    (kept,) = only(KeptPicture, studio.draw(asked))
    save_changed(kept.path, lying, text=('"seed":7', '"seed":8'))
    with pytest.raises(DamagedManifestError):
        list(studio.again(str(lying)))


def test_the_engine_is_loaded_once_for_requests_of_one_model(studio: Studio, asked: ImageSettings) -> None:
    first = list(studio.draw(asked))
    second = list(studio.draw(dataclasses.replace(asked, seed=8)))
    assert any(event.stage == "load" for event in only(Progress, first))
    assert not any(event.stage == "load" for event in only(Progress, second))


def test_a_folder_named_like_a_model_does_not_hide_the_model(
    studio: Studio, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "starter").mkdir()
    monkeypatch.chdir(tmp_path)
    (kept,) = only(KeptPicture, studio.draw(ImageSettings(prompt="a red apple", model="starter", steps=1, seed=1)))
    assert read_manifest(kept.path).settings["model"] == "starter"


def test_a_folder_given_by_a_short_path_is_found_again_from_elsewhere(
    studio: Studio, asked: ImageSettings, small_model_folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(small_model_folder.parent)
    short = f"./{small_model_folder.name}"
    (kept,) = only(KeptPicture, studio.draw(dataclasses.replace(asked, model=short)))
    monkeypatch.chdir(tmp_path)
    (comparison,) = only(Comparison, studio.again(str(kept.path), verify=True))
    assert comparison.equal
