"""Pictures of other programs drawn again: the nearest plan, and in words what cannot be equal."""

import dataclasses
from collections.abc import Iterable
from pathlib import Path
from typing import TypeVar

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from colabsd.errors import DamagedManifestError, NoManifestError, UnknownModelError
from colabsd.library.library import KeptPicture
from colabsd.library.manifest import read_manifest
from colabsd.planning.plans import Note
from colabsd.settings.images import ImageSettings
from colabsd.studio import Comparison, Imported, Studio

pytestmark = pytest.mark.integration

Kind = TypeVar("Kind")
TEXT = (
    "red apple\nNegative prompt: blurry\nSteps: 2, Sampler: Euler a, Schedule type: Automatic, CFG scale: 5, "
    "Seed: 42, Size: 64x64, Model hash: 0123456789, Model: myOwnModel_v3, Clip skip: 2, ENSD: 31337, "
    "Hires upscale: 2, Version: v1.10.1"
)


def only(kind: type[Kind], events: Iterable[object]) -> list[Kind]:
    return [event for event in events if isinstance(event, kind)]


def keys(events: Iterable[object]) -> set[str]:
    return {note.key for note in only(Note, events)}


def pixels(path: Path) -> bytes:
    with Image.open(path) as image:
        return image.convert("RGB").tobytes()


def save(path: Path, source: Path | None = None, **texts: str) -> Path:
    """A PNG with texts, its pixels those of another picture or plain."""
    info = PngInfo()
    for keyword, text in texts.items():
        info.add_itxt(keyword, text)
    image = Image.new("RGB", (64, 64)) if source is None else Image.open(source)
    image.save(path, pnginfo=info)
    return path


def test_a_picture_of_a1111_is_drawn_from_what_it_says(
    studio: Studio, small_model_folder: Path, tmp_path: Path
) -> None:
    events = list(studio.again(str(save(tmp_path / "a.png", parameters=TEXT)), model=str(small_model_folder)))
    (imported,) = only(Imported, events)
    assert events[0] is imported
    assert (imported.program, imported.model) == ("A1111", "myOwnModel_v3")
    (kept,) = only(KeptPicture, events)
    drawing = read_manifest(kept.path).drawing
    told = (drawing.prompt, drawing.negative_prompt, drawing.seed, drawing.steps, drawing.guidance, drawing.clip_skip)
    assert told == ("red apple", "blurry", 42, 2, 5, 2)
    assert (drawing.sampler, drawing.noise, drawing.noise_seed_delta) == ("Euler a", "nv", 31337)
    assert keys(events) >= {"note.import.hires", "note.import.other_model", "note.import.rounding"}


def test_what_a_picture_says_decides_its_pixels(studio: Studio, small_model_folder: Path, tmp_path: Path) -> None:
    drawn = set()
    for change in (("", ""), ("ENSD: 31337, ", ""), ("Version", "RNG: CPU, Version"), ("Seed: 42", "Seed: 43")):
        path = save(tmp_path / "a.png", parameters=TEXT.replace(*change) if change[0] else TEXT)
        (kept,) = only(KeptPicture, studio.again(str(path), model=str(small_model_folder)))
        drawn.add(pixels(kept.path))
    assert len(drawn) == 4


def test_a_picture_of_ours_without_its_manifest_is_still_drawn_equal(
    studio: Studio, small_model_folder: Path, tmp_path: Path
) -> None:
    asked = ImageSettings(
        prompt="red apple",
        model=str(small_model_folder),
        steps=2,
        seed=7,
        width=64,
        height=64,
        noise="nv",
        noise_seed_delta=5,
        variation_seed=9,
        variation_strength=0.25,
    )
    (kept,) = only(KeptPicture, studio.draw(asked))
    with Image.open(kept.path) as image:
        path = save(tmp_path / "stripped.png", kept.path, parameters=image.info["parameters"])
    events = list(studio.again(str(path), model=str(small_model_folder)))
    (again,) = only(KeptPicture, events)
    assert only(Imported, events)[0].program == "colabsd"
    assert again.record.key == kept.record.key
    assert pixels(again.path) == pixels(kept.path)
    (comparison,) = only(Comparison, studio.again(str(path), model=str(small_model_folder), verify=True))
    assert comparison.equal


def test_a_model_that_is_not_known_is_asked_for_and_the_nearest_offered(studio: Studio, tmp_path: Path) -> None:
    path = save(tmp_path / "a.png", parameters=TEXT)
    events = studio.again(str(path))
    assert isinstance(next(events), Imported)
    with pytest.raises(UnknownModelError, match=r"myOwnModel_v3.*--model"):
        list(events)
    path = save(tmp_path / "b.png", parameters=TEXT.replace("Model hash: 0123456789, Model: myOwnModel_v3, ", ""))
    with pytest.raises(UnknownModelError, match="does not say which model"):
        list(studio.again(str(path)))


def test_a_picture_of_ours_can_be_drawn_with_another_model(
    studio: Studio, small_model_folder: Path, tmp_path: Path
) -> None:
    asked = ImageSettings(prompt="red apple", model=str(small_model_folder), steps=2, seed=7, width=64, height=64)
    (kept,) = only(KeptPicture, studio.draw(asked))
    events = list(studio.again(str(kept.path), model="starter"))
    (again,) = only(KeptPicture, events)
    assert again.picture.drawing.model == "starter"
    same = {"prompt", "seed", "steps", "sampler", "guidance", "width"}
    before, now = (dataclasses.asdict(picture.picture.drawing) for picture in (kept, again))
    assert {name: before[name] for name in same} == {name: now[name] for name in same}
    assert "note.import.other_model" in keys(events)


def test_a_damaged_manifest_is_not_passed_over_for_the_other_text(studio: Studio, tmp_path: Path) -> None:
    path = save(tmp_path / "a.png", parameters=TEXT, colabsd="{broken")
    with pytest.raises(DamagedManifestError):
        list(studio.again(str(path)))
    with pytest.raises(DamagedManifestError):
        studio.look(str(path))


def test_a_picture_that_says_nothing_is_refused(studio: Studio, tmp_path: Path) -> None:
    with pytest.raises(NoManifestError):
        list(studio.again(str(save(tmp_path / "a.png"))))


def test_looking_draws_and_keeps_nothing(studio: Studio, tmp_path: Path) -> None:
    imported = studio.look(str(save(tmp_path / "a.png", parameters=TEXT)))
    assert imported.settings["seed"] == 42
    assert not studio.workspace.pictures.exists()
