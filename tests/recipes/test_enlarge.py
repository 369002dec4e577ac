"""Pictures made larger: every factor exactly, transparency kept, and smaller tiles when memory runs out."""

from collections.abc import Generator
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from small_upscalers import compact, esrgan, write_upscaler

from colabsd.engine.upscalers import UpscalerNetwork, load_upscaler
from colabsd.errors import OutOfMemoryError
from colabsd.planning.plans import Note
from colabsd.progress import Progress
from colabsd.recipes import enlarge
from colabsd.recipes.enlarge import enlarge_picture

pytestmark = pytest.mark.skipif(find_spec("spandrel") is None, reason="spandrel is not installed")


def made(events: Generator[Progress | Note, None, Image.Image]) -> tuple[list[Progress | Note], Image.Image]:
    told = []
    while True:
        try:
            told.append(next(events))
        except StopIteration as end:
            return told, end.value


@pytest.fixture(params=["compact 4", "compact 3", "compact 2", "esrgan 2"])
def network(request: pytest.FixtureRequest, tmp_path: Path) -> UpscalerNetwork:
    kind, scale = request.param.split()
    tensors = compact(int(scale)) if kind == "compact" else esrgan(scale=int(scale))
    return load_upscaler(write_upscaler(tmp_path / "net.pth", tensors), "cpu")


@pytest.fixture
def photo() -> Image.Image:
    return Image.fromarray(np.random.default_rng(1).integers(0, 256, (11, 14, 3), np.uint8))


@pytest.mark.parametrize("factor", [2, 4, 8])
def test_every_factor_is_met_by_every_network(network: UpscalerNetwork, photo: Image.Image, factor: int) -> None:
    told, image = made(enlarge_picture(photo, factor, network))
    assert image.size == (14 * factor, 11 * factor) and image.mode == "RGB"
    assert all(isinstance(event, Progress) and event.stage == "enlarge" for event in told) and told


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P", "L", "LA"])
def test_without_a_network_lanczos_does_it_whatever_the_picture(photo: Image.Image, mode: str) -> None:
    told, image = made(enlarge_picture(photo.convert(mode), 4, None))
    assert image.size == (56, 44) and not told
    assert image.mode == ("RGBA" if "A" in mode else "RGB")


def test_transparency_is_enlarged_too(photo: Image.Image, tmp_path: Path) -> None:
    network = load_upscaler(write_upscaler(tmp_path / "net.pth", compact()), "cpu")
    alpha = Image.new("L", photo.size, 0)
    alpha.paste(255, (0, 0, 7, 11))
    photo.putalpha(alpha)
    _, image = made(enlarge_picture(photo, 4, network))
    opacity = np.asarray(image.getchannel("A")).astype(int)
    assert image.mode == "RGBA" and image.size == (56, 44)
    assert opacity[:, :20].mean() > opacity[:, 36:].mean() + 100


def test_when_memory_runs_out_tiles_become_smaller_and_the_picture_is_the_same(
    photo: Image.Image, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = load_upscaler(write_upscaler(tmp_path / "net.pth", compact()), "cpu")
    photo = photo.resize((260, 120))
    _, whole = made(enlarge_picture(photo, 4, network))
    does, sizes = network.enlarge, []

    def fails_when_large(pixels: object, factor: int) -> object:
        sizes.append(max(pixels.shape))  # type: ignore[attr-defined]
        if sizes[-1] > 150:
            raise OutOfMemoryError
        return does(pixels, factor)  # type: ignore[arg-type]

    monkeypatch.setattr(network, "enlarge", fails_when_large)
    told, image = made(enlarge_picture(photo, 4, network))
    assert [event.key for event in told if isinstance(event, Note)] == ["note.enlarge.smaller_tiles"]
    assert np.abs(np.asarray(image).astype(int) - np.asarray(whole)).max() <= 1  # fp32 sums in another order
    monkeypatch.setitem(enlarge.TILES, "cpu", 128)
    monkeypatch.setattr(network, "enlarge", lambda *_: (_ for _ in ()).throw(OutOfMemoryError()))
    with pytest.raises(OutOfMemoryError):
        made(enlarge_picture(photo, 4, network))
