"""Kept pictures are enlarged: the original stays, what it says goes on, and it can be drawn and enlarged again."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from typing import TypeVar

import numpy as np
import pytest
from hub_server import HubServer
from PIL import Image
from small_upscalers import compact, esrgan, write_upscaler

from colabsd.errors import (
    DownloadError,
    InvalidSettingError,
    UnknownPictureError,
    UnknownUpscalerError,
    UsageError,
)
from colabsd.library.library import KeptPicture
from colabsd.library.manifest import parse_manifest, read_manifest, write_manifest
from colabsd.models import upscalers
from colabsd.planning import enlarge as planning
from colabsd.planning.plans import Note
from colabsd.progress import Progress
from colabsd.settings.images import ImageSettings
from colabsd.studio import Comparison, Pair, Studio, enlarging, open_studio

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(find_spec("spandrel") is None, reason="spandrel is not installed"),
]

Kind = TypeVar("Kind")
NOWHERE = "http://127.0.0.1:9"


@pytest.fixture
def studio(tmp_path: Path) -> Iterator[Studio]:
    """A studio that can reach nothing, with one upscaler in its folder."""
    environ = {"XDG_CACHE_HOME": str(tmp_path / "cache"), "HOME": str(tmp_path), "HF_ENDPOINT": NOWHERE}
    opened = open_studio(tmp_path / "workspace", language="en", environ=environ)
    opened.cache = replace(opened.cache, hub=replace(opened.cache.hub, releases=NOWHERE))
    write_upscaler(folder_of(opened) / "mine.pth", compact(), "params")
    with opened.library:
        yield opened


@pytest.fixture
def original(studio: Studio, small_model_folder: Path) -> KeptPicture:
    return drawn(studio, small_model_folder)[0]


def folder_of(studio: Studio) -> Path:
    return studio.workspace.root / "models" / "upscalers"


def drawn(studio: Studio, model: Path, count: int = 1) -> list[KeptPicture]:
    settings = ImageSettings(prompt="red apple", model=str(model), steps=2, seed=7, count=count, batch=2)
    return only(KeptPicture, studio.draw(settings))


def only(kind: type[Kind], events: Iterable[object]) -> list[Kind]:
    return [event for event in events if isinstance(event, kind)]


def pixels(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


@pytest.mark.parametrize("factor", [2, 4, 8])
def test_a_picture_is_enlarged_and_the_original_stays(studio: Studio, original: KeptPicture, factor: int) -> None:
    before = original.path.read_bytes()
    events = list(studio.enlarge([original.path.name], factor=factor))
    (larger,) = only(KeptPicture, events)
    assert any(event.stage == "enlarge" for event in only(Progress, events))
    assert pixels(larger.path).shape == (64 * factor, 64 * factor, 3)
    assert (larger.record.width, larger.record.height) == (64 * factor, 64 * factor)
    assert original.path.read_bytes() == before
    manifest, first = read_manifest(larger.path), read_manifest(original.path)
    assert manifest.parents == (original.record.key,) and manifest.model_files == first.model_files
    assert replace(manifest.drawing, enlargements=()) == first.drawing
    assert manifest.settings["prompt"] == "red apple"
    (ran,) = manifest.extras["enlarging"]
    assert ran in ({"device": "cpu", "precision": "fp32"}, {"device": "cuda", "precision": "fp16"})
    assert studio.library.search(f"size:{64 * factor}x{64 * factor}") == [larger.record]


def test_other_programs_read_the_prompt_and_what_enlarged_it(studio: Studio, original: KeptPicture) -> None:
    (larger,) = only(KeptPicture, studio.enlarge([original.path.name]))
    with Image.open(larger.path) as image:
        text = image.info["parameters"]
    assert text.startswith("red apple") and "Size: 64x64" in text and "Seed: 7" in text
    assert "Postprocess upscale by: 4, Postprocess upscaler: mine" in text


def test_an_enlarged_picture_drawn_again_is_enlarged_again_and_equal(studio: Studio, small_model_folder: Path) -> None:
    original = drawn(studio, small_model_folder, 2)[1]  # it shared its batch
    (larger,) = only(KeptPicture, studio.enlarge([original.path.name], factor=2))
    (comparison,) = only(Comparison, studio.again(larger.path.name, verify=True))
    assert comparison.equal
    original.path.unlink()
    (again,) = only(KeptPicture, studio.again(larger.path.name))
    assert again.record.key == larger.record.key
    assert np.abs(pixels(again.path).astype(int) - pixels(larger.path)).max() <= 2  # drawn alone, not in its batch
    assert read_manifest(again.path).parents == (original.record.key,)


def test_with_another_model_it_is_drawn_small_and_that_is_told(studio: Studio, original: KeptPicture) -> None:
    (larger,) = only(KeptPicture, studio.enlarge([original.path.name], factor=2))
    model = str(read_manifest(original.path).settings["model"])
    events = list(studio.again(larger.path.name, model=model))
    assert "note.import.enlarged" in {note.key for note in only(Note, events)}
    (again,) = only(KeptPicture, events)
    assert again.picture.image.size == (64, 64)


def test_the_key_knows_the_factor_and_the_file_of_the_upscaler(studio: Studio, original: KeptPicture) -> None:
    write_upscaler(folder_of(studio) / "other.safetensors", esrgan())
    keys = {original.record.key}
    for factor, name in ((2, "mine"), (4, "mine"), (4, "other"), (4, "lanczos")):
        (larger,) = only(KeptPicture, studio.enlarge([original.path.name], factor=factor, upscaler=name))
        keys.add(larger.record.key)
    assert len(keys) == 5


def test_an_enlarged_picture_is_enlarged_once_more(studio: Studio, original: KeptPicture) -> None:
    (two,) = only(KeptPicture, studio.enlarge([original.path.name], factor=2))
    (four,) = only(KeptPicture, studio.enlarge([two.path.name], factor=2, upscaler="lanczos"))
    assert pixels(four.path).shape == (256, 256, 3)
    manifest = read_manifest(four.path)
    assert manifest.parents == (two.record.key,)
    assert [one.upscaler for one in manifest.drawing.enlargements] == ["mine", "lanczos"]
    (comparison,) = only(Comparison, studio.again(four.path.name, verify=True))
    assert comparison.equal


def test_a_stopped_enlargement_goes_on_with_every_picture_that_was_named(
    studio: Studio, small_model_folder: Path
) -> None:
    originals = drawn(studio, small_model_folder, 3)
    events = studio.enlarge([one.path.name for one in originals])
    first = next(event for event in events if isinstance(event, KeptPicture))
    events.close()  # type: ignore[attr-defined]
    left = list(studio.resume())
    kept = [first, *only(KeptPicture, left)]
    assert [read_manifest(one.path).parents for one in kept] == [(one.record.key,) for one in originals]
    assert not studio.unfinished() and not only(Pair, left)


def test_what_is_left_is_drawn_and_enlarged_when_its_original_is_gone(studio: Studio, small_model_folder: Path) -> None:
    originals = drawn(studio, small_model_folder, 2)
    events = studio.enlarge([one.path.name for one in originals], factor=2)
    next(event for event in events if isinstance(event, KeptPicture))
    events.close()  # type: ignore[attr-defined]
    originals[1].path.unlink()
    (larger,) = only(KeptPicture, studio.resume())
    assert pixels(larger.path).shape == (128, 128, 3) and not studio.unfinished()


def test_an_upscaler_of_somewhere_else_is_found_again(studio: Studio, original: KeptPicture, tmp_path: Path) -> None:
    path = write_upscaler(tmp_path / "elsewhere" / "net.pth", esrgan())
    (larger,) = only(KeptPicture, studio.enlarge([original.path.name], factor=2, upscaler=str(path)))
    (comparison,) = only(Comparison, studio.again(larger.path.name, verify=True))
    assert comparison.equal
    path.rename(folder_of(studio) / "renamed.pth")
    (comparison,) = only(Comparison, studio.again(larger.path.name, verify=True))
    assert comparison.equal
    (folder_of(studio) / "renamed.pth").unlink()
    with pytest.raises(UnknownUpscalerError) as caught:
        list(studio.again(larger.path.name, verify=True))
    assert caught.value.message_key == "error.upscaler.changed"


def test_another_file_of_the_same_name_is_noticed(studio: Studio, original: KeptPicture) -> None:
    (larger,) = only(KeptPicture, studio.enlarge([original.path.name], factor=2))
    write_upscaler(folder_of(studio) / "mine.pth", compact(convolutions=3))
    with pytest.raises(UnknownUpscalerError):
        list(studio.again(larger.path.name))


def test_without_a_network_and_without_a_file_it_is_said_what_to_do(studio: Studio, original: KeptPicture) -> None:
    (folder_of(studio) / "mine.pth").unlink()
    events, told = studio.enlarge([original.path.name]), []
    with pytest.raises(DownloadError) as caught:
        for event in events:
            told.append(event)
    assert any(isinstance(event, Note) and "realesrgan-x4plus" in str(event.facts) for event in told)  # the reason
    assert str(folder_of(studio)) in str(caught.value) and "lanczos" in caught.value.tell("es")
    (larger,) = only(KeptPicture, studio.enlarge([original.path.name], upscaler="Lanczos"))
    assert pixels(larger.path).shape == (256, 256, 3)
    (comparison,) = only(Comparison, studio.again(larger.path.name, verify=True))
    assert comparison.equal


def test_an_upscaler_of_the_catalog_is_brought_once_and_checked(
    studio: Studio, original: KeptPicture, hub_server: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = write_upscaler(tmp_path / "net.pth", compact(), "params_ema").read_bytes()
    address = "/xinntao/Real-ESRGAN/releases/download/v0.1.0/RealESRGAN_x4plus.pth"
    hub_server.releases[address] = data
    row = upscalers.find_enlarger("R-ESRGAN 4x+")
    assert row is not None and row.name == upscalers.DEFAULT
    small = replace(row, files=(replace(row.files[0], bytes=len(data), sha256=sha256(data).hexdigest()),))
    monkeypatch.setattr(upscalers, "find_addon", lambda _name: small)
    studio.cache = replace(studio.cache, hub=replace(studio.cache.hub, releases=hub_server.url))
    for _ in range(2):
        (larger,) = only(KeptPicture, studio.enlarge([original.path.name], upscaler="realesrgan-x4plus"))
        assert larger.picture.drawing.enlargements[0].upscaler == "realesrgan-x4plus"
    assert hub_server.sent(address) == len(data)


def test_what_cannot_be_enlarged_is_told_before_anything_is_kept(
    studio: Studio, original: KeptPicture, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = original.path.name
    with pytest.raises(UnknownUpscalerError) as caught:
        list(studio.enlarge([name], upscaler="realesrgan-x4pluss"))
    assert "realesrgan-x4plus" in str(caught.value)
    with pytest.raises(InvalidSettingError):
        list(studio.enlarge([name], factor=3))
    with pytest.raises(UnknownPictureError):
        list(studio.enlarge([name, "nothing-of-this-name"]))
    monkeypatch.setattr(enlarging, "MOST_MEGAPIXELS", 0.1)
    with pytest.raises(UsageError) as too_large:
        list(studio.enlarge([name], factor=8))
    assert too_large.value.message_key == "error.enlarge.too_large" and planning.MOST_MEGAPIXELS == 100
    assert len(studio.library.list()) == 1 and not studio.unfinished()


def test_a_manifest_with_enlargements_is_read_as_it_was_written_and_lies_are_refused(
    studio: Studio, original: KeptPicture
) -> None:
    (larger,) = only(KeptPicture, studio.enlarge([original.path.name], factor=2))
    manifest = read_manifest(larger.path)
    text = write_manifest(manifest)
    assert parse_manifest(text, larger.path) == manifest
    for lie in ({"factor": 1}, {"factor": 10**9}, {"upscaler": "a\nb"}, {"sha256": "short"}, {"more": 1}):
        data = json.loads(text)
        data["drawing"]["enlargements"][0] |= lie
        with pytest.raises(UsageError):
            parse_manifest(json.dumps(data), larger.path)
