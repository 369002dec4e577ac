"""Crops stay inside their photos, have the shape that was asked for, and keep what matters."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from photo_files import opened
from PIL import Image

from colabsd.errors import InvalidSettingError
from colabsd.geometry import Size
from colabsd.training.crops import Crop, Point, bucket_sizes, buckets
from colabsd.training.faces import Face
from colabsd.training.photo_looks import PhotoLook, salient_point
from colabsd.training.photos import choose_crop
from colabsd.training.shapes import shapes_of, size_of

sides = st.integers(1, 5000)
shares = st.floats(0, 1)
SQUARE = Size(1, 1)


@given(sides, sides, shares, shares, st.integers(1, 8), st.integers(1, 8), st.floats(0.05, 1))
@settings(max_examples=60, deadline=None)
def test_a_crop_lies_inside_its_photo_and_has_its_shape(width, height, x, y, across, down, share):
    crop = Crop.around(Size(width, height), Point(x, y), Size(across, down), share=share, by="salience")
    left, top, right, lower = crop.box
    assert 0 <= left < right <= width and 0 <= top < lower <= height
    wanted = across / down
    slack = 1 / crop.width + 1 / crop.height  # a side is off by at most half a pixel; sides of one pixel have no shape
    assert crop.width == 1 or crop.height == 1 or abs(crop.width / crop.height / wanted - 1) <= 2 * slack


def test_the_largest_crop_goes_as_far_as_it_can():
    assert Crop.around(Size(1600, 900), Point(0.9, 0.5), SQUARE, by="salience").box == (700, 0, 1600, 900)
    assert Crop.around(Size(1600, 900), Point(0.5, 0.5), Size(16, 9), by="salience").size == Size(1600, 900)


def test_of_a_crop_the_middle_is_taken_for_another_shape():
    crop = Crop(left=100, top=50, width=400, height=400, by="chosen")
    assert crop.fitted(Size(1, 2)).box == (200, 50, 400, 450)


@pytest.mark.parametrize("name", ["dog-00", "clock-00", "clock-01", "backpack-02"])
@pytest.mark.parametrize("place", [0, 1])
def test_the_crop_of_a_wide_photo_finds_the_thing_at_its_edge(name, place):
    photo = opened(name)
    edge = photo.crop((0, 0, 4, 384)).resize((384, 384), Image.Resampling.BILINEAR)  # background, without the thing
    wide = Image.new("RGB", (768, 384))
    wide.paste(edge, (0 if place else 384, 0))
    wide.paste(photo, (384 if place else 0, 0))
    point = salient_point(wide)
    assert (point.x > 0.5) == bool(place)


def test_a_face_is_in_the_crop_and_a_small_one_is_brought_nearer():
    small = PhotoLook(sharpness=1, fingerprint=0, faces=(Face(0.8, 0.4, 0.05, 0.08, 0.9),))
    crop = choose_crop(Size(4000, 3000), small, SQUARE, 512)
    assert crop.by == "face" and 512 <= crop.width < 1200
    assert crop.left <= 0.8 * 4000 and crop.left + crop.width >= 0.85 * 4000
    assert crop.top <= 0.4 * 3000 and crop.top + crop.height >= 0.48 * 3000
    large = PhotoLook(sharpness=1, fingerprint=0, faces=(Face(0.3, 0.2, 0.4, 0.5, 0.9),))
    assert choose_crop(Size(1000, 1000), large, SQUARE, 512).size == Size(1000, 1000)


@given(st.lists(st.tuples(sides, sides), min_size=1, max_size=5), st.sampled_from([(512, 64), (768, 64), (128, 16)]))
@settings(max_examples=40, deadline=None)
def test_a_bucket_keeps_within_the_area_and_its_sides_are_multiples(found, facts):
    side, multiple = facts
    for bucket in buckets([Size(*one) for one in found], side * side, multiple):
        assert bucket.width % multiple == 0 and bucket.height % multiple == 0
        assert bucket.pixels <= side * side
        assert max(bucket.width, bucket.height) <= 2 * min(bucket.width, bucket.height)


def test_a_photo_goes_into_the_bucket_of_its_own_shape():
    assert buckets([Size(1000, 1000)], 512 * 512, 64) == (Size(512, 512),)
    assert Size(512, 512) in bucket_sizes(512 * 512, 64)
    wide, tall = buckets([Size(3, 2), Size(2, 3)], 512 * 512, 64)
    assert (wide.width, wide.height) == (tall.height, tall.width) and wide.width > wide.height


def test_shapes_are_read_and_wrong_ones_are_our_error():
    sizes = [Size(1600, 900), Size(900, 1600)]
    assert shapes_of("3:4", sizes, 512) == (Size(3, 4),) * 2
    assert shapes_of("own", sizes, 512)[0].width > shapes_of("own", sizes, 512)[1].width
    for wrong in ("", "square", "1:9", "0:1", "1:0", "../x"):
        with pytest.raises(InvalidSettingError):
            shapes_of(wrong, sizes, 512)
    assert size_of(SQUARE, 512) == Size(512, 512) and size_of(Size(3, 4), 512) == Size(440, 592)
