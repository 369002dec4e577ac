"""Axes as they are typed: lists, ranges, words, and every mistake with a way out."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from colabsd.errors import InvalidGridError, InvalidSettingError
from colabsd.settings.axes import AXES, Axis, check_axis, read_axis, without
from colabsd.settings.fields import field_specs
from colabsd.settings.images import ImageSettings


@pytest.mark.parametrize(
    ("text", "setting", "values"),
    [
        ("steps=10,20,30", "steps", (10, 20, 30)),
        ("steps = 4-12:4", "steps", (4, 8, 12)),
        ("steps=12-4:4,20", "steps", (12, 8, 4, 20)),
        ("guidance=1-2:0.5", "guidance", (1.0, 1.5, 2.0)),
        ("guidance=7,5|8", "guidance", (7.5, 8.0)),
        ("seed=7-9", "seed", (7, 8, 9)),
        ("seed=-1,-1", "seed", (-1, -1)),
        ("noise-seed-delta=-3--1", "noise_seed_delta", (-3, -2, -1)),
        ("Sampler=Euler a, DPM++ 2M", "sampler", ("Euler a", "DPM++ 2M")),
        ("prompt=a cat, red|a dog, blue", "prompt", ("a cat, red", "a dog, blue")),
        ("words=cat|dog|", "words", ("cat", "dog", "")),
        ("style=|ink", "style", ((), ("ink",))),
        ("size=512x512,512x768", "size", ("512x512", "512x768")),
        ("safety=OFF,blur", "safety", ("off", "blur")),
        ("model=sd15,", "model", ("sd15", None)),
    ],
)
def test_an_axis_is_read_as_typed(text: str, setting: str, values: tuple[object, ...]) -> None:
    axis = read_axis(text)
    assert axis == Axis(setting, values)
    check_axis(axis)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 500), st.integers(1, 500), st.integers(1, 50))
def test_a_range_has_its_ends_and_its_step(first: int, last: int, step: int) -> None:
    values = read_axis(f"steps={first}-{last}:{step}").values
    assert values[0] == first
    assert all(abs(after - before) == step for before, after in pairwise(values))
    assert min(first, last) <= min(values) and max(values) <= max(first, last)
    assert abs(last - values[-1]) < step


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("steps", "error.grid.axis_form"),
        ("=1", "error.grid.axis_form"),
        ("stps=1,2", "error.grid.setting"),
        ("count=1,2", "error.grid.setting"),
        ("steps=1-5:0", "error.grid.range"),
        ("steps=1-100000", "error.grid.many_values"),
        ("steps=ten", "error.setting.integer"),
        ("guidance=x-y", "error.setting.number"),
    ],
)
def test_what_cannot_be_read_is_told(text: str, key: str) -> None:
    with pytest.raises((InvalidGridError, InvalidSettingError)) as raised:
        read_axis(text)
    assert raised.value.message_key == key
    assert str(raised.value) and raised.value.tell("es")


@pytest.mark.parametrize(
    ("axis", "key"),
    [
        (Axis("steps", ()), "error.grid.no_values"),
        (Axis("steps", (0,)), "error.setting.below"),
        (Axis("safety", ("perhaps",)), "error.setting.choice"),
        (Axis("size", ("big",)), "error.grid.size"),
        (Axis("size", ("0x5",)), "error.setting.below"),
        (Axis("words", ("", "cat")), "error.grid.no_word"),
        (Axis("words", (1, 2)), "error.setting.text"),
        (Axis("steps", tuple(range(1, 1002))), "error.grid.many_values"),
    ],
)
def test_values_that_cannot_be_are_told(axis: Axis, key: str) -> None:
    with pytest.raises((InvalidGridError, InvalidSettingError)) as raised:
        check_axis(axis)
    assert raised.value.message_key == key


def test_a_misspelt_axis_gets_the_nearest() -> None:
    with pytest.raises(InvalidGridError, match="Did you mean sampler"):
        read_axis("samplr=Euler,LMS")


def test_every_setting_that_changes_the_picture_can_be_an_axis() -> None:
    how = {"count", *(name for name, spec in field_specs(ImageSettings).items() if spec.group == "machine")}
    assert set(AXES) == set(field_specs(ImageSettings)) - how | {"size", "words"}


def test_words_are_put_in_place_of_the_first_in_both_prompts() -> None:
    base = ImageSettings(prompt="a cat, red", negative_prompt="two cats")
    axis = Axis("words", ("cat", "dog", ""))
    changed = [axis.apply(base, place) for place in range(3)]
    assert [one.prompt for one in changed] == ["a cat, red", "a dog, red", "a, red"]
    assert [one.negative_prompt for one in changed] == ["two cats", "two dogs", "two s"]


def test_a_word_taken_out_leaves_no_double_comma() -> None:
    assert without("a cat, ink,  red", "ink") == "a cat, red"
    assert without("ink, a cat", "ink") == "a cat"
    assert without("a cat,  red", "ink") == "a cat,  red"


def test_a_size_sets_both_sides() -> None:
    changed = Axis("size", ("512x768",)).apply(ImageSettings(prompt="x"), 0)
    assert (changed.width, changed.height) == (512, 768)
