"""An avatar pack from the studio: photos of a folder in, an archive and starred pictures out, and all forgotten."""

import zipfile
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageDraw

from colabsd.errors import UsageError
from colabsd.library.adapters import kept_adapters
from colabsd.library.library import KeptPicture
from colabsd.planning.avatars import AvatarWishes
from colabsd.settings.training import TrainingSettings
from colabsd.studio import Studio

pytestmark = pytest.mark.integration


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "somebody"
    folder.mkdir()
    for number in range(3):
        photo = Image.new("RGB", (96, 96), (40 * number, 90, 120))
        ImageDraw.Draw(photo).ellipse((20 + number, 20, 70, 70 + number), "white", "red", 4)
        photo.save(folder / f"{number}.png")
    return folder


def settings_of(photos: Path, model: Path) -> TrainingSettings:
    return TrainingSettings(
        photos=str(photos),
        subject="roj",
        class_word="apple",
        kind="object",
        model=str(model),
        name="roj",
        method="lora",
        steps=2,
        rank=2,
        resolution=64,
        prior="off",
        sample_every=0,
        seed=3,
        device="cpu",
    )


WISHES = AvatarWishes(agreed=True, styles=("oil", "comic"), each=2, keep=1)


def test_a_pack_is_made_gone_on_with_and_forgotten(studio: Studio, photos: Path, small_model_folder: Path) -> None:
    settings = settings_of(photos, small_model_folder)
    first = list(studio.make_avatars(settings, WISHES))
    pack: Any = first[-1]
    drawn = [event for event in first if isinstance(event, KeptPicture)]
    assert len(drawn) == 4 and len(pack.chosen) == 2
    assert all("<lora" in one.picture.drawing.prompt or one.picture.drawing.loras for one in drawn)
    assert pack.archive.parent == studio.workspace.root / "avatars"
    with zipfile.ZipFile(pack.archive) as archive:
        assert sorted(archive.namelist()) == ["comic-01.png", "oil-01.png", "sheet.png"]
    starred = {record.path for record in studio.library.search("starred")}
    assert starred == {one.kept.record.path for one in pack.chosen}

    again: Any = list(studio.make_avatars(settings, WISHES))[-1]
    assert [one.kept.record.key for one in again.drawn] == [one.kept.record.key for one in pack.drawn]
    assert studio.library.count() == 4, "nothing was drawn twice"
    assert again.archive != pack.archive, "a name is never used twice"

    forgetting = AvatarWishes(agreed=True, styles=("oil",), each=1, keep=1, forget=True)
    last: Any = list(studio.make_avatars(settings, forgetting))[-1]
    assert last.forgotten and not kept_adapters(studio.workspace) and not studio.training_runs()
    left = [path for path in studio.workspace.root.rglob("*") if path.suffix in (".safetensors", ".webp")]
    assert left == [] and not list(studio.workspace.root.glob("training/*/*"))
    assert studio.library.count() == 4 and len(list(photos.iterdir())) == 3


def test_nothing_is_read_without_consent(studio: Studio, photos: Path, small_model_folder: Path) -> None:
    with pytest.raises(UsageError, match="consent"):
        next(studio.make_avatars(settings_of(photos, small_model_folder), AvatarWishes()))
    assert not (studio.workspace.root / "training").exists()
