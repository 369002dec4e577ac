"""Sets of photos: read in one order, hashed with their crops and captions, cropped, and never changed on the disk."""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from photo_files import REAL, opened, quarters, real
from PIL import Image

from colabsd.errors import MissingPackageError, NotAPictureError
from colabsd.geometry import Size
from colabsd.progress import Note, Progress
from colabsd.training.crops import Crop
from colabsd.training.faces import Face
from colabsd.training.photos import PhotoSet, read_photos


def read(*paths: Path, **facts) -> tuple[list[Note], PhotoSet]:
    *events, chosen = read_photos(paths, **facts)
    assert isinstance(chosen, PhotoSet)
    return [event for event in events if isinstance(event, Note)], chosen


@pytest.fixture(scope="module")
def six() -> PhotoSet:
    return read(REAL, side=256)[1]


def test_photos_come_sorted_with_progress_and_then_the_set():
    events = list(read_photos([real("dog-02"), real("backpack-02"), real("dog-00")], side=256))
    assert [event.done for event in events if isinstance(event, Progress)] == [0, 1, 2]
    assert [photo.name for photo in events[-1].photos] == ["backpack-02.jpg", "dog-00.jpg", "dog-02.jpg"]


def test_reading_photos_needs_no_torch():
    from subprocess import run

    code = (
        "import sys; from pathlib import Path; from colabsd.training.photos import read_photos; "
        f"list(read_photos([Path({str(REAL)!r})])); sys.exit('torch' in sys.modules)"
    )
    assert run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_sets_digest_is_of_files_crops_captions_and_order(six):
    again = read(REAL, side=256)[1]
    assert again.sha256 == six.sha256
    first = six.photos[0]
    others = [
        six.with_photo(replace(first, caption="a backpack")),
        six.with_photo(replace(first, crop=replace(first.crop, left=0, width=100))),
        six.without(first.name),
        replace(six, photos=six.photos[::-1]),
        replace(six, kind="style"),
    ]
    assert len({six.sha256, *(other.sha256 for other in others)}) == 6
    moved = replace(six, photos=tuple(replace(photo, path=Path("/else") / photo.name) for photo in six.photos))
    assert moved.sha256 == six.sha256


def test_the_facts_are_what_planning_asks_for(six):
    facts = six.facts
    assert (facts.count, facts.smallest_side, facts.is_square, facts.kind) == (6, 384, True, "object")
    assert facts.sha256 == six.sha256 and facts.bytes == sum(path.stat().st_size for path in REAL.glob("*.jpg"))
    assert replace(six, photos=()).facts.smallest_side == 0


def test_a_crop_is_cut_out_of_the_upright_photo_at_the_size_asked_for(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    quarters(400, 200).transpose(Image.Transpose.ROTATE_90).save(tmp_path / "a.png", exif=exif)
    photo = read(tmp_path, side=64)[1].photos[0]
    assert photo.size == Size(400, 200)
    green = replace(photo, crop=Crop(left=200, top=0, width=200, height=100, by="chosen"))
    assert np.asarray(green.image(Size(64, 32))).reshape(-1, 3)[100].tolist() == [0, 255, 0]
    square = np.asarray(green.image(Size(32, 32)))
    assert square.shape == (32, 32, 3) and (square == [0, 255, 0]).all()


def test_a_large_photo_is_scaled_as_a_small_copy_of_it_would_be(tmp_path):
    opened("dog-00").resize((3000, 3000), Image.Resampling.BICUBIC).save(tmp_path / "a.jpg", quality=95)
    image = read(tmp_path, side=128)[1].photos[0].image(Size(128, 128))
    wanted = opened("dog-00").resize((128, 128), Image.Resampling.LANCZOS)
    assert np.abs(np.asarray(image, int) - np.asarray(wanted, int)).mean() < 4  # of 255: two scalings and a JPEG


def test_a_small_photo_is_made_larger_and_that_is_told(six):
    assert six.photos[0].image(Size(512, 512)).size == (512, 512)
    assert {note.key for photo in replace(six, side=512).checked().photos for note in photo.problems} == {
        "note.photos.small"
    }


def test_what_cannot_be_read_is_told_and_the_rest_is_taken(tmp_path):
    (tmp_path / "text.jpg").write_text("hello")
    (tmp_path / "cut.jpg").write_bytes(real("dog-00").read_bytes()[:9000])
    (tmp_path / "film.mov").write_bytes(b"film")
    (tmp_path / "good.jpg").write_bytes(real("dog-00").read_bytes())
    notes, chosen = read(tmp_path, side=256)
    assert [photo.name for photo in chosen.photos] == ["good.jpg"]
    keys = [note.key for note in notes]
    assert keys[0] == "note.photos.left_out"
    assert {"error.photos.unreadable", "error.picture.truncated", "note.photos.one"} <= set(keys)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cut.jpg", "film.mov", "good.jpg", "text.jpg"]


def test_no_photo_at_all_is_our_error(tmp_path):
    with pytest.raises(NotAPictureError, match="no photos"):
        read(tmp_path)
    (tmp_path / "a.jpg").write_text("a")
    with pytest.raises(NotAPictureError, match="not a photo"):
        read(tmp_path)
    (tmp_path / "b.jpg").write_text("b")
    with pytest.raises(NotAPictureError, match="None of the 2"):
        read(tmp_path)


def test_where_all_photos_need_a_package_it_is_named(tmp_path, monkeypatch):
    from colabsd.training import photos

    def needs(path):
        raise MissingPackageError("error.photos.heic", path=path, name="pillow-heif", command="pip install pillow-heif")

    monkeypatch.setattr(photos, "read_photo_file", needs)
    for name in ("a.heic", "b.heic"):
        (tmp_path / name).write_bytes(b"")
    with pytest.raises(MissingPackageError, match="pillow-heif"):
        read(tmp_path)


def test_five_hundred_photos_are_read_one_at_a_time(tmp_path):
    small = opened("dog-00").resize((72, 72))
    for number in range(500):
        small.putpixel((0, 0), (number % 256, number // 256, 0))
        small.save(tmp_path / f"{number:03d}.png", compress_level=0)
    notes, chosen = read(tmp_path, side=64)
    assert chosen.facts.count == 500
    assert "note.photos.many" in [note.key for note in notes] and "note.photos.all_alike" in [n.key for n in notes]


def test_two_photos_of_one_name_from_two_folders_stay_apart(tmp_path):
    for folder, name in (("a", "dog-00"), ("b", "dog-02")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "photo.jpg").write_bytes(real(name).read_bytes())
    chosen = read(tmp_path / "a", tmp_path / "b", side=256)[1]
    assert [photo.name for photo in chosen.photos] == ["photo.jpg", "photo-2.jpg"]
    with pytest.raises(NotAPictureError):
        chosen.find("photo-3.jpg")


def test_captions_beside_photos_are_read_and_others_proposed(tmp_path):
    (tmp_path / "my red-backpack.jpg").write_bytes(real("backpack-02").read_bytes())
    (tmp_path / "b.jpg").write_bytes(real("backpack-03").read_bytes())
    (tmp_path / "b.txt").write_text("a backpack in the wood\n")
    first, second = read(tmp_path, side=256)[1].photos
    assert (first.caption, second.caption, second.proposed) == ("a backpack in the wood", "", "my red backpack")


class OneFace:
    """A detector that finds the face where it was told to."""

    def find(self, image: Image.Image) -> tuple[Face, ...]:
        return (Face(0.7, 0.1, 0.2, 0.3, 0.95),)


def test_crops_go_around_faces_where_there_is_a_detector(tmp_path):
    wide = Image.new("RGB", (1600, 800), "grey")
    wide.paste(opened("dog-00").resize((800, 800)), (0, 0))
    wide.save(tmp_path / "a.jpg")
    look = read(tmp_path, side=256, kind="person", faces=OneFace())[1].photos[0]
    assert look.crop.by == "face" and look.crop.left >= 700
    assert read(tmp_path, side=256)[1].photos[0].crop.left < 200


def test_another_shape_gives_other_crops_and_keeps_the_photos(six):
    tall = six.cropped([Size(3, 4)] * 6)
    assert {photo.crop.size for photo in tall.photos} == {Size(288, 384)}
    assert [photo.sha256 for photo in tall.photos] == [photo.sha256 for photo in six.photos]
