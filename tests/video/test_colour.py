"""Matched colours are Deforum's, with and without OpenCV; contrast and grey do what they say."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from colabsd.video import colour
from colabsd.video.colour import grey, histogram_of, match_colours, match_histogram, with_contrast
from colabsd.video.colour_spaces import Space

DATA = Path(__file__).parents[1] / "data" / "video"
SPACES: tuple[Space, ...] = ("RGB", "HSV", "LAB")


def picture_of(pixels: Any) -> Tensor:
    return torch.from_numpy(np.array(pixels)).permute(2, 0, 1)[None].float()


def random_picture(seed: int, low: int = 0, high: int = 256) -> Tensor:
    return torch.randint(low, high, (1, 3, 32, 48), generator=torch.Generator().manual_seed(seed)).float()


@pytest.fixture(scope="module")
def arrays() -> dict[str, Any]:
    with np.load(DATA / "color.npz", allow_pickle=False) as found:
        return dict(found)


@pytest.fixture(params=["with OpenCV", "without OpenCV"])
def opencv(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "without OpenCV":
        monkeypatch.setattr(colour, "find_spec", lambda name: None)
    else:
        pytest.importorskip("cv2")


@pytest.mark.usefixtures("opencv")
@pytest.mark.parametrize("space", SPACES)
def test_matched_colours_equal_deforums(space: Space, arrays: dict[str, Any]) -> None:
    found = match_colours(picture_of(arrays["src"]), picture_of(arrays["ref"]), space)
    assert torch.equal(found, picture_of(arrays[f"out_{space}"]))


@pytest.mark.parametrize("space", SPACES)
def test_odd_sizes_match_as_well_as_round_ones(space: Space) -> None:
    picture, reference = random_picture(0, 0, 100)[..., :31, :47], random_picture(1, 100)
    assert float(match_colours(picture, reference, space).mean()) == pytest.approx(float(reference.mean()), abs=6)


@pytest.mark.usefixtures("opencv")
def test_a_histogram_is_enough_to_match_to() -> None:
    picture, reference = random_picture(0), random_picture(1, 40, 90)
    counts = histogram_of(reference, "LAB")
    assert counts.shape == (3, 256)
    assert counts.sum(axis=1).tolist() == [32 * 48] * 3
    assert torch.equal(match_histogram(picture, counts, "LAB"), match_colours(picture, reference, "LAB"))


def test_swapped_channels_are_matched_as_the_extension_matches_them() -> None:
    picture, reference = random_picture(0), random_picture(1, 40, 250)
    swapped = match_colours(picture, reference, "LAB", swapped_channels=True)
    turned = match_colours(picture.flip(1), reference.flip(1), "LAB").flip(1)
    assert torch.equal(swapped, turned)
    assert not torch.equal(swapped, match_colours(picture, reference, "LAB"))


def test_a_picture_matched_to_itself_stays_in_rgb() -> None:
    picture = random_picture(3)
    assert torch.equal(match_colours(picture, picture, "RGB"), picture)


def test_contrast_stays_within_white_unless_it_is_to_wrap() -> None:
    picture = torch.full((1, 3, 4, 4), 200.0)
    assert float(with_contrast(picture, 1.5).max()) == 255
    assert float(with_contrast(picture, 1.5, wraps=True).max()) == 300 - 256
    assert with_contrast(picture, 1) is picture


def test_grey_weighs_green_most() -> None:
    red, green = (torch.zeros(1, 3, 2, 2) for _ in range(2))
    red[:, 0], green[:, 1] = 255, 255
    assert grey(red).unique().tolist() == pytest.approx([76.245])
    assert grey(green).unique().tolist() == pytest.approx([149.685])
