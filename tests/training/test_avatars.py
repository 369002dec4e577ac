"""Avatar packs: the order of things, which pictures are kept, what is packed, and that all can be forgotten."""

import io
import zipfile
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from colabsd.artifacts import Adapter, Picture
from colabsd.engine.scorers import Vectors
from colabsd.errors import UsageError
from colabsd.library.adapters import KeptAdapter
from colabsd.library.library import KeptPicture
from colabsd.planning.avatars import STARTER_STYLES, AvatarStyle, AvatarWishes
from colabsd.planning.plans import Drawing, Execution
from colabsd.progress import Note
from colabsd.training.avatars import Avatar, AvatarPack, avatar_pack, avatar_sheet, cull
from colabsd.training.photos import PhotoSet, read_photos

RED = (220, 40, 40)
WISHES = AvatarWishes(agreed=True, styles=("blue", "flat"), each=3, keep=2)


class ColourScorer:
    """What looks alike has alike mean colours."""

    name = "colours"

    def pictures(self, images: Sequence[Image.Image]) -> Vectors:
        rows = np.stack([np.asarray(image.convert("RGB"), np.float32).mean((0, 1)) for image in images])
        units: Vectors = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
        return units

    subjects = pictures

    def sentences(self, texts: Sequence[str]) -> Vectors:
        raise AssertionError("nobody asks")


def picture(seed: int, folder: Path, prompt: str = "") -> KeptPicture:
    """The larger the seed, the less red."""
    drawing = Drawing(
        prompt=prompt,
        negative_prompt="",
        model="m",
        model_sha256="0",
        width=64,
        height=64,
        sampler="DDIM",
        schedule="Automatic",
        steps=1,
        guidance=1.0,
        clip_skip=1,
        seed=seed,
    )
    image = Image.new("RGB", (64, 64), (max(220 - 40 * seed, 0), 40 + 30 * seed, 40))
    path = folder / f"{prompt[-20:].replace(' ', '-')}-{seed}.png"
    image.save(path)
    return KeptPicture(Picture(image=image, drawing=drawing, execution=Execution()), path, None)  # type: ignore[arg-type]


class FakeParts:
    """Parts that write down what is asked of them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.done: list[str] = []
        self.archive = b""

    def learn(self, photos: PhotoSet) -> Generator[Any, None, KeptAdapter]:
        self.done.append("learn")
        yield Note("note.training.preflight_begins", {})
        card = Adapter(
            name="ana",
            method="lora",
            family="sd1",
            base="starter",
            base_sha256="0",
            phrase="zwx woman",
            photos=len(photos.photos),
            photos_sha256=photos.sha256,
            made="2026-01-01T00:00:00",
        )
        return KeptAdapter("ana", self.folder / "ana.safetensors", card)

    def draw(self, adapter: KeptAdapter, prompt: str, count: int, seed: int) -> Iterator[Any]:
        self.done.append(f"draw {prompt}")
        for number in reversed(range(count)):
            yield picture(seed + number, self.folder, prompt)

    def keep(self, adapter: KeptAdapter, chosen: Sequence[Avatar], archive: bytes) -> Path:
        self.done.append("keep")
        self.archive = archive
        return self.folder / "ana.zip"

    def forget(self, photos: PhotoSet, adapter: KeptAdapter) -> None:
        self.done.append("forget")


@pytest.fixture
def photos(tmp_path: Path) -> PhotoSet:
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(4):
        red = Image.new("RGB", (256, 256), RED)
        red.paste((200 - 9 * number, 60, 40), (20 * number, 20, 128 + 20 * number, 200))
        red.save(folder / f"photo-{number}.png")
    return [event for event in read_photos([folder]) if isinstance(event, PhotoSet)][-1]


def run(photos: PhotoSet, parts: FakeParts, wishes: AvatarWishes = WISHES) -> list[Any]:
    return list(avatar_pack(photos, wishes, "starter", parts, ColourScorer(), "es"))


def test_a_pack_learns_draws_every_style_culls_and_keeps(photos: PhotoSet, tmp_path: Path) -> None:
    parts = FakeParts(tmp_path)
    events = run(photos, parts)
    prompts = ["draw zwx woman, 3d style, blue background", "draw zwx woman, flat style, white background"]
    assert parts.done == ["learn", *prompts, "keep"]
    pack = events[-1]
    assert isinstance(pack, AvatarPack) and not pack.forgotten
    assert len(pack.drawn) == 6 and len(pack.chosen) == 4
    assert [one.kept.picture.drawing.seed for one in pack.chosen] == [1, 2, 1, 2], "the reddest first"


def test_what_consent_means_is_said_before_anything_is_done(photos: PhotoSet, tmp_path: Path) -> None:
    events = run(photos, FakeParts(tmp_path))
    assert isinstance(events[0], Note) and events[0].key == "avatar.consent"


def test_without_consent_nothing_is_learnt(photos: PhotoSet, tmp_path: Path) -> None:
    parts = FakeParts(tmp_path)
    with pytest.raises(UsageError):
        run(photos, parts, AvatarWishes())
    assert parts.done == []


def test_photos_and_what_was_learnt_are_forgotten_on_request_and_last(photos: PhotoSet, tmp_path: Path) -> None:
    parts = FakeParts(tmp_path)
    events = run(photos, parts, AvatarWishes(agreed=True, styles=("blue",), each=1, keep=1, forget=True))
    assert parts.done[-2:] == ["keep", "forget"] and events[-1].forgotten
    assert any(isinstance(event, Note) and event.key == "note.avatars.forgotten" for event in events)


def test_the_archive_holds_the_chosen_files_as_they_are_and_the_sheet(photos: PhotoSet, tmp_path: Path) -> None:
    parts = FakeParts(tmp_path)
    pack = run(photos, parts)[-1]
    with zipfile.ZipFile(io.BytesIO(parts.archive)) as archive:
        assert sorted(archive.namelist()) == ["blue-01.png", "blue-02.png", "flat-01.png", "flat-02.png", "sheet.png"]
        assert archive.read("blue-01.png") == pack.chosen[0].kept.path.read_bytes()
        with Image.open(io.BytesIO(archive.read("sheet.png"))) as sheet:
            assert sheet.size == pack.sheet.size


def avatar(style: AvatarStyle, likeness: float, tmp_path: Path) -> Avatar:
    return Avatar(style, picture(0, tmp_path), likeness)


def test_a_failed_picture_is_dropped_even_where_its_style_has_then_fewer(tmp_path: Path) -> None:
    blue, flat = STARTER_STYLES[0], STARTER_STYLES[3]
    drawn = [avatar(blue, value, tmp_path) for value in (0.8, 0.82, 0.79, 0.81)]
    drawn += [avatar(flat, value, tmp_path) for value in (0.78, 0.1)]
    assert [one.likeness for one in cull(drawn, 2)] == [0.82, 0.81, 0.78]


def test_a_style_is_never_left_with_nothing(tmp_path: Path) -> None:
    blue, flat = STARTER_STYLES[0], STARTER_STYLES[3]
    drawn = [avatar(blue, 0.8, tmp_path)] * 5 + [avatar(flat, 0.1, tmp_path)]
    assert [one.style for one in cull(drawn, 1)] == [blue, flat]


def test_of_nothing_nothing_is_kept() -> None:
    assert cull([], 3) == []


def test_a_sheet_with_an_empty_place_is_drawn(tmp_path: Path) -> None:
    chosen = [avatar(STARTER_STYLES[0], 0.5, tmp_path)]
    assert avatar_sheet(chosen, STARTER_STYLES, 3, "ana", "colours", "es").width > 3 * 64
