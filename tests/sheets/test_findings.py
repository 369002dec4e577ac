"""The fewest steps that look like the most: found, not there, not by chance."""

import numpy as np
from PIL import Image

from colabsd.sheets.findings import ALIKE, COLOURS_ALIKE, changes, fewest_steps


def picture(disturbance: float, seed: int = 0) -> Image.Image:
    """A soft picture, with noise of that amplitude on it."""
    chance = np.random.default_rng(seed)
    soft = Image.fromarray(chance.integers(0, 256, (6, 6, 3), dtype=np.uint8)).resize(
        (64, 64), Image.Resampling.BICUBIC
    )
    noise = np.random.default_rng(99).normal(0, 1, (64, 64, 3)) * disturbance
    return Image.fromarray(np.clip(np.asarray(soft) + noise, 0, 255).astype(np.uint8))


def test_the_fewest_steps_that_look_like_the_most_are_found() -> None:
    found = fewest_steps({4: [picture(60)], 8: [picture(3)], 16: [picture(1)], 32: [picture(0)]})
    assert (found.fewest, found.most) == (8, 32)
    assert found.figures[4].similarity < ALIKE <= found.figures[8].similarity <= found.figures[16].similarity


def test_where_no_fewer_look_like_them_there_is_no_number() -> None:
    found = fewest_steps({4: [picture(90)], 8: [picture(60)], 16: [picture(0)]})
    assert found.fewest is None
    assert set(found.figures) == {4, 8}


def test_a_paler_picture_of_the_same_form_is_not_the_same() -> None:
    whole = picture(0)
    paler = Image.blend(whole, Image.new("RGB", whole.size, "white"), 0.25)
    found = fewest_steps({4: [paler], 16: [whole]})
    assert found.figures[4].similarity > 0.9 and found.figures[4].colours > COLOURS_ALIKE
    assert found.fewest is None


def test_the_worst_seed_counts() -> None:
    found = fewest_steps({8: [picture(1, 0), picture(60, 1)], 16: [picture(0, 0), picture(0, 1)]})
    assert found.fewest is None


def test_a_chance_likeness_below_does_not_count() -> None:
    found = fewest_steps({4: [picture(1)], 8: [picture(60)], 16: [picture(1)], 32: [picture(0)]})
    assert found.fewest == 16


def test_one_number_of_steps_alone_says_nothing() -> None:
    found = fewest_steps({20: [picture(0)]})
    assert (found.fewest, found.figures) == (None, {})


def test_changes_are_the_similarities_of_the_pairs() -> None:
    same, other = changes([(picture(0), picture(0)), (picture(0, 1), picture(0, 2))])
    assert same > 0.999 > other
