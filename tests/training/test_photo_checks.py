"""What is wrong with photos is found on real ones that were spoilt, and not found on those that were not."""

import io
from dataclasses import replace

import pytest
from photo_files import REAL, opened
from PIL import Image, ImageFilter

from colabsd.errors import MissingPackageError
from colabsd.language import say
from colabsd.training.crops import Crop
from colabsd.training.faces import Face
from colabsd.training.photo_checks import ALIKE_BITS, COPY_BITS, LEAST_SHARPNESS, check_photos, set_problems
from colabsd.training.photo_looks import PhotoLook, difference, fingerprint_of, sharpness_of
from colabsd.training.photos import Photo, PhotoSet

NAMES = sorted(path.stem for path in REAL.glob("*.jpg"))
FACE = Face(0.4, 0.3, 0.2, 0.2, 0.95)


def made(count: int, kind: str = "object", **facts) -> PhotoSet:
    """Photos of which nothing is wrong, each like no other."""
    fingerprints = [(0x9E3779B97F4A7C15 * (number + 1)) % 2**64 for number in range(count)]
    photos = [
        Photo(
            path=REAL / f"{number}.jpg",
            name=f"{number}.jpg",
            sha256=f"{number:064x}",
            width=900,
            height=900,
            crop=Crop(left=0, top=0, width=900, height=900),
            look=PhotoLook(**{"sharpness": 0.8, "fingerprint": bits, "faces": (FACE,)} | facts),
        )
        for number, bits in enumerate(fingerprints)
    ]
    return PhotoSet(photos=tuple(photos), kind=kind)


def keys(chosen: PhotoSet) -> list[str]:
    return [note.key for note in check_photos(chosen)]


@pytest.mark.parametrize("name", NAMES)
def test_real_photos_are_sharp_and_spoilt_ones_are_not(name):
    photo = opened(name)
    assert sharpness_of(photo) > LEAST_SHARPNESS + 0.1
    assert sharpness_of(photo.filter(ImageFilter.GaussianBlur(2))) < LEAST_SHARPNESS
    assert sharpness_of(photo.filter(ImageFilter.GaussianBlur(8))) < 0.25
    assert sharpness_of(photo.resize((96, 96)).resize((384, 384), Image.Resampling.BICUBIC)) < LEAST_SHARPNESS


def test_a_sharp_thing_before_a_soft_background_is_sharp():
    photo = opened("clock-00").filter(ImageFilter.GaussianBlur(6))
    photo.paste(opened("clock-00").crop((110, 120, 220, 260)), (110, 120))
    assert sharpness_of(photo) > LEAST_SHARPNESS


def test_nothing_is_said_of_photos_without_an_edge():
    assert sharpness_of(Image.new("RGB", (300, 300), "grey")) == 1.0
    assert sharpness_of(opened("dog-00").resize((40, 40))) == 1.0  # too few pixels to tell


def jpeg(image: Image.Image) -> Image.Image:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=30)
    return Image.open(file)


@pytest.mark.parametrize("name", NAMES)
def test_copies_have_nearly_the_same_fingerprint(name):
    photo = opened(name)
    copies = (jpeg(photo), photo.resize((150, 150)), photo.point(lambda value: min(255, int(value * 1.1))))
    for copy in (*copies, photo.crop((5, 5, 379, 379))):
        assert difference(fingerprint_of(photo), fingerprint_of(copy)) <= COPY_BITS


def test_different_photos_of_one_thing_are_not_taken_for_copies():
    found = [fingerprint_of(opened(name)) for name in NAMES]
    pairs = [difference(one, other) for place, one in enumerate(found) for other in found[:place]]
    assert min(pairs) > ALIKE_BITS > COPY_BITS


def test_of_good_photos_nothing_is_said():
    for kind, count in (("object", 5), ("person", 12), ("style", 30)):
        assert keys(made(count, kind)) == []


def test_a_small_crop_is_told_with_its_side():
    chosen = made(5)
    small = replace(chosen.photos[2], crop=Crop(left=0, top=0, width=300, height=300))
    note = next(note for note in check_photos(chosen.with_photo(small)) if note.key == "note.photos.small")
    assert note.facts == {"name": "2.jpg", "side": 300, "wanted": 512}
    assert not [note for note in check_photos(replace(chosen.with_photo(small), side=256))]


def test_blurred_photos_and_copies_are_told_by_name():
    chosen = made(5)
    first, second = chosen.photos[:2]
    assert second.look is not None and first.look is not None
    blurred = chosen.with_photo(replace(second, look=replace(second.look, sharpness=0.2)))
    assert keys(blurred) == ["note.photos.blurred"]
    twin = replace(second, look=replace(second.look, fingerprint=first.look.fingerprint ^ 0b111))
    assert keys(chosen.with_photo(twin)) == ["note.photos.alike"]
    assert keys(chosen.with_photo(replace(second, sha256=first.sha256))) == ["note.photos.same"]
    assert [len(photo.problems) for photo in chosen.with_photo(twin).photos] == [0, 1, 0, 0, 0]


def test_a_person_needs_one_face_on_each_photo():
    assert set(keys(made(9, "person", faces=()))) == {"note.photos.no_face"}
    assert set(keys(made(9, "person", faces=(FACE, FACE)))) == {"note.photos.faces"}
    chosen = made(9, "person", faces=(FACE, Face(0.05, 0.3, 0.1, 0.1, 0.9)))
    right = [replace(photo, crop=Crop(left=300, top=100, width=600, height=600)) for photo in chosen.photos]
    assert keys(replace(chosen, photos=tuple(right))) == []  # the other one is cut off
    left = [replace(photo, crop=Crop(left=0, top=0, width=520, height=200)) for photo in chosen.photos]
    assert "note.photos.no_face" in keys(replace(chosen, photos=tuple(left)))
    assert keys(made(9, "person", faces=None)) == ["note.photos.faces_not_sought"]
    assert keys(made(9, "object", faces=())) == []


def test_too_few_too_many_and_one_alone_are_told():
    assert [note.key for note in set_problems(made(1))] == ["note.photos.one"]
    assert [note.key for note in set_problems(made(2))] == ["note.photos.few"]
    assert [note.key for note in set_problems(made(500))] == ["note.photos.many"]
    assert [note.key for note in set_problems(made(5, "person"))] == ["note.photos.few"]


def test_photos_of_one_place_from_one_side_are_told():
    chosen = made(6)
    photos = [
        replace(photo, look=PhotoLook(sharpness=0.8, fingerprint=(0x1F << (5 * place)) | 1 << 63))
        for place, photo in enumerate(chosen.photos)
    ]
    assert "note.photos.all_alike" in keys(replace(chosen, photos=tuple(photos)))


def test_every_sentence_can_be_said_in_both_languages():
    chosen = made(500, "person", sharpness=0.1, faces=())
    for note in (*check_photos(chosen)[:3], *set_problems(chosen), *set_problems(made(1)), *set_problems(made(2))):
        for language in ("en", "es"):
            assert say(note.key, language, **note.facts)


def test_the_detector_is_our_error_where_opencv_is_not(monkeypatch, tmp_path):
    from colabsd.training import faces

    monkeypatch.setattr(faces, "can_find_faces", lambda: False)
    with pytest.raises(MissingPackageError, match="opencv"):
        faces.load_faces(tmp_path / "yunet.onnx")
