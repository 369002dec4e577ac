"""Depth from a model that the test builds, a plane, a map; equalised as Deforum equalises it."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from colabsd.errors import DamagedWeightsError, MissingWeightsError, UnsupportedModelError
from colabsd.planning.plans import Execution
from colabsd.progress import Progress
from colabsd.video.depth import Estimated, Map, Plane, distances, equalised, is_flat, load_depth, seen_size

DATA = Path(__file__).parents[1] / "data" / "video"
ANYTHING = {
    "size": {"height": 28, "width": 28},
    "keep_aspect_ratio": True,
    "ensure_multiple_of": 14,
    "image_mean": [0.5, 0.5, 0.5],
    "image_std": [0.5, 0.5, 0.5],
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Depth Anything with random weights, kilobytes small."""
    from transformers import DepthAnythingConfig, DepthAnythingForDepthEstimation, Dinov2Config

    eyes = Dinov2Config(
        hidden_size=16,
        num_hidden_layers=4,
        num_attention_heads=2,
        mlp_ratio=2,
        image_size=28,
        patch_size=14,
        out_features=["stage1", "stage2", "stage3", "stage4"],
        reshape_hidden_states=False,
    )
    config = DepthAnythingConfig(
        backbone_config=eyes,
        reassemble_hidden_size=16,
        neck_hidden_sizes=[8, 8, 8, 8],
        fusion_hidden_size=8,
        head_hidden_size=4,
        patch_size=14,
    )
    place = tmp_path_factory.mktemp("depth")
    torch.manual_seed(0)
    DepthAnythingForDepthEstimation(config).save_pretrained(place)
    (place / "preprocessor_config.json").write_text(json.dumps(ANYTHING), encoding="utf-8")
    return place


def load(folder: Path) -> Estimated:
    loading = load_depth(folder, Execution())
    while True:
        try:
            assert isinstance(next(loading), Progress)
        except StopIteration as end:
            model: Estimated = end.value
            return model


def test_a_model_of_a_folder_gives_depth_of_the_pictures_size(folder: Path) -> None:
    picture = torch.rand(1, 3, 40, 61, generator=torch.Generator().manual_seed(0)) * 255
    z = load(folder).of(picture)
    assert z.shape == (40, 61)
    assert 1 <= float(z.min()) < float(z.max()) <= 2
    assert torch.equal(z, load(folder).of(picture))


def test_what_the_model_calls_near_is_near() -> None:
    class Seen:
        dtype, device = torch.float32, torch.device("cpu")

        def __init__(self, kind: str, estimate: str = "") -> None:
            self.config = type("Config", (), {"model_type": kind, "depth_estimation_type": estimate})

        def __call__(self, pixel_values: torch.Tensor) -> Any:
            return type("Output", (), {"predicted_depth": pixel_values.mean(dim=1)})

    bright_right = torch.linspace(0, 255, 32).expand(1, 3, 32, 32)
    for kind, estimate, bright_is_near in (
        ("depth_anything", "relative", True),
        ("depth_anything", "metric", False),
        ("dpt", "", True),
        ("zoedepth", "", False),
    ):
        z = Estimated(Seen(kind, estimate), {"size": {"height": 32, "width": 32}}).of(bright_right)
        assert (float(z[0, -1]) < float(z[0, 0])) == bright_is_near, (kind, estimate)


@pytest.mark.parametrize(
    ("size", "facts", "seen"),
    [
        ((480, 640), {**ANYTHING, "size": {"height": 518, "width": 518}}, (518, 686)),
        ((512, 512), {**ANYTHING, "size": {"height": 518, "width": 518}}, (518, 518)),
        ((1000, 300), {**ANYTHING, "size": {"height": 518, "width": 518}}, (518, 154)),
        ((512, 768), {"size": 384}, (384, 384)),
        ((512, 768), {}, (384, 384)),
    ],
)
def test_pictures_are_brought_to_the_size_that_transformers_brings_them_to(
    size: tuple[int, int], facts: dict[str, Any], seen: tuple[int, int]
) -> None:
    assert seen_size(size, facts) == seen


def test_equalised_depth_equals_deforums() -> None:
    with np.load(DATA / "warp3d.npz", allow_pickle=False) as arrays:
        found = equalised(torch.from_numpy(arrays["depth_sphere"]))
        np.testing.assert_allclose(found.numpy(), arrays["depth_equalized_sphere"], atol=1e-6)


@pytest.mark.parametrize("values", [torch.ones(4, 5), torch.full((4, 5), torch.nan), torch.tensor([[1.0, torch.inf]])])
def test_depth_that_says_nothing_is_a_plane(values: torch.Tensor) -> None:
    assert is_flat(values)
    assert torch.equal(distances(values, inverse=True), torch.ones_like(values))


def test_a_plane_is_as_far_away_everywhere_and_a_map_is_brought_to_size() -> None:
    picture = torch.zeros(1, 3, 12, 20)
    assert Plane(1.5).of(picture).unique().tolist() == [1.5]
    ramp = torch.linspace(0, 1, 6).expand(4, 6)
    near_right, far_right = Map(ramp).of(picture), Map(ramp, bright_is_far=True).of(picture)
    assert near_right.shape == (12, 20)
    assert float(near_right[0, -1]) < float(near_right[0, 0])
    assert float(far_right[0, -1]) > float(far_right[0, 0])


def test_folders_that_are_no_depth_model_are_told_apart(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(MissingWeightsError):
        load(tmp_path)
    (tmp_path / "config.json").write_text('{"model_type": "clip"}', encoding="utf-8")
    with pytest.raises(UnsupportedModelError, match="clip"):
        load(tmp_path)
    (tmp_path / "config.json").write_bytes((folder / "config.json").read_bytes())
    with pytest.raises(DamagedWeightsError):
        load(tmp_path)
    (tmp_path / "config.json").write_text("{", encoding="utf-8")
    with pytest.raises(DamagedWeightsError):
        load(tmp_path)
