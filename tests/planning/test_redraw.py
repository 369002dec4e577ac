"""A redraw's plan: size, strength, steps and seam, as asked or chosen."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis
from hypothesis import strategies as st

from colabsd.environment.machine import Machine
from colabsd.errors import InvalidSettingError, UsageError
from colabsd.geometry import Size
from colabsd.models.cards import ModelCard
from colabsd.models.catalog import CATALOG
from colabsd.planning.images import plan_images
from colabsd.planning.plans import Drawing, ImagePlan
from colabsd.planning.redraw import Source, choose_size, drawn_steps, plan_redraw
from colabsd.settings.images import ImageSettings
from colabsd.settings.redraw import RedrawSettings

CARD = next(card for card in CATALOG if card.name == "sd15")
MACHINE = Machine(cores=2, ram_bytes=64 * 2**30, free_ram_bytes=60 * 2**30)
PICTURE = Source(sha256="a" * 64, size=Size(512, 512))
MASKED = replace(PICTURE, mask_sha256="b" * 64)


def plan(source: Source = PICTURE, card: ModelCard = CARD, **asked: Any) -> ImagePlan:
    settings = RedrawSettings(prompt="a pear", seed=1, **asked)
    return plan_redraw(settings, source, card=card, machine=MACHINE, new_seed=lambda: 5)


def first(source: Source = PICTURE, card: ModelCard = CARD, **asked: Any) -> Drawing:
    return plan(source, card, **asked).drawings[0]


def keys(made: ImagePlan) -> set[str]:
    return {note.key for note in made.notes}


@given(
    st.integers(min_value=1, max_value=1000),
    st.floats(min_value=0.01, max_value=1, allow_nan=False),
    st.booleans(),
)
@hypothesis(deadline=None, max_examples=200)
def test_some_steps_are_always_drawn_and_exact_ones_exactly(steps: int, strength: float, exact: bool) -> None:
    total, left_out = drawn_steps(steps, strength, exact)
    drawn = total - left_out
    assert 1 <= drawn <= total <= 1000 and left_out >= 0
    assert drawn == (steps if exact else max(1, int(steps * strength)))


@pytest.mark.parametrize(
    ("steps", "strength", "exact", "expected"),
    [
        (20, 0.6, False, (20, 8)),
        (20, 1.0, False, (20, 0)),
        (4, 0.1, False, (4, 3)),
        (20, 0.5, True, (40, 20)),
        (20, 1.0, True, (20, 0)),
        (1000, 0.01, True, (1000, 0)),
    ],
)
def test_steps_are_counted_as_diffusers_and_a1111_count_them(
    steps: int, strength: float, exact: bool, expected: tuple[int, int]
) -> None:
    assert drawn_steps(steps, strength, exact) == expected


@pytest.mark.parametrize(
    ("picture", "asked", "size"),
    [
        (Size(512, 512), {}, Size(512, 512)),
        (Size(500, 515), {}, Size(512, 512)),
        (Size(640, 448), {}, Size(640, 448)),
        (Size(4000, 3000), {}, Size(576, 448)),
        (Size(100, 100), {}, Size(512, 512)),
        (Size(512, 512), {"width": 640}, Size(640, 640)),
        (Size(1000, 500), {"height": 512}, Size(1024, 512)),
        (Size(1000, 500), {"width": 300, "height": 300}, Size(320, 320)),
    ],
)
def test_the_size_follows_the_picture_unless_it_is_asked_for(picture: Size, asked: dict[str, int], size: Size) -> None:
    assert choose_size(RedrawSettings(**asked), picture, CARD) == size
    made = plan(replace(PICTURE, size=picture), **asked)
    assert made.drawings[0].size == size
    assert ("note.redraw_size" in keys(made)) == (size != picture)


@given(st.integers(min_value=1, max_value=20_000), st.integers(min_value=1, max_value=20_000))
@hypothesis(deadline=None, max_examples=100)
def test_every_size_can_be_drawn(width: int, height: int) -> None:
    size = choose_size(RedrawSettings(), Size(width, height), CARD)
    assert size.width % CARD.multiple == size.height % CARD.multiple == 0 < size.pixels


def test_what_is_left_out_is_chosen_by_model_and_mask() -> None:
    assert (first().strength, first().mask_blur) == (0.6, 0.0)
    assert (first(MASKED).strength, first(MASKED).mask_blur) == (0.75, 4.0)
    inpaint = replace(CARD, variant="inpaint")
    assert first(MASKED, inpaint).strength == 1.0
    assert first(image_guidance=2.0).image_guidance == 1.0  # only models that change pictures have it


def test_a_model_that_changes_pictures_has_its_own_rules() -> None:
    edit = replace(CARD, variant="edit")
    drawing = first(PICTURE, edit)
    assert (drawing.strength, drawing.image_guidance) == (1.0, 1.5)
    assert "note.strength_ignored" in keys(plan(PICTURE, edit, strength=0.5))
    with pytest.raises(UsageError) as error:
        plan(MASKED, edit)
    assert error.value.message_key == "error.redraw.no_mask"
    with pytest.raises(UsageError) as error:
        plan_images(ImageSettings(prompt="x"), card=edit, machine=MACHINE, new_seed=lambda: 5)
    assert error.value.message_key == "error.redraw.needs_picture"


@pytest.mark.parametrize(
    "asked",
    [
        {"strength": 0.3},
        {"exact_steps": True},
        {"steps": 11},
        {"seed": None},
        {"prompt": "an apple"},
    ],
    ids=str,
)
def test_another_value_makes_another_key(asked: dict[str, Any]) -> None:
    settings = RedrawSettings(**{"prompt": "a pear", "seed": 1, **asked})
    other = plan_redraw(settings, PICTURE, card=CARD, machine=MACHINE, new_seed=lambda: 5)
    assert other.drawings[0].key != first().key


def test_picture_mask_and_seam_are_in_the_key() -> None:
    assert first(replace(PICTURE, sha256="c" * 64)).key != first().key
    assert first(MASKED, strength=0.6).key != first().key
    assert first(MASKED, mask_blur=9).key != first(MASKED).key
    edit = replace(CARD, variant="edit")
    assert first(PICTURE, edit, image_guidance=3).key != first(PICTURE, edit).key


def test_steps_that_are_left_out_are_told() -> None:
    assert "note.redraw_steps" in keys(plan(strength=0.5))
    assert "note.redraw_steps" not in keys(plan(strength=0.5, exact_steps=True))
    assert "note.redraw_steps" not in keys(plan(strength=1.0))


@pytest.mark.parametrize(
    ("asked", "key"),
    [
        ({"strength": 0}, "error.setting.below"),
        ({"strength": 1.5}, "error.setting.above"),
        ({"strength": float("nan")}, "error.setting.number"),
        ({"strength": "much"}, "error.setting.number"),
        ({"mask_blur": -1}, "error.setting.below"),
        ({"image_guidance": 0.5}, "error.setting.below"),
        ({"exact_steps": "yes"}, "error.setting.switch"),
        ({"exact_steps": 1}, "error.setting.switch"),
    ],
    ids=str,
)
def test_wrong_values_are_our_errors(asked: dict[str, Any], key: str) -> None:
    with pytest.raises(InvalidSettingError) as error:
        plan(**asked)
    assert error.value.message_key == key


def test_pictures_from_sentences_keep_their_keys() -> None:
    """What a redraw adds to a drawing has defaults that are not in the key."""
    made = plan_images(ImageSettings(prompt="a pear", seed=1), card=CARD, machine=MACHINE, new_seed=lambda: 5)
    added = {"source_sha256", "mask_sha256", "strength", "exact_steps", "mask_blur", "image_guidance"}
    without = {name: value for name, value in made.drawings[0].as_json().items() if name not in added}
    assert Drawing(**without).key == made.drawings[0].key
