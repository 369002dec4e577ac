"""Networks that enlarge: every layout is read, nothing is run, and tiles leave no seam."""

import pickle
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch
from small_upscalers import compact, esrgan, write_upscaler

from colabsd.engine import upscalers
from colabsd.engine.upscalers import UpscalerNetwork, enlarge_tiled, load_upscaler
from colabsd.errors import (
    DamagedWeightsError,
    MissingPackageError,
    OutOfMemoryError,
    UnsafePickleError,
    UnsupportedUpscalerError,
)
from colabsd.planning.enlarge import MARGIN

pytestmark = pytest.mark.skipif(find_spec("spandrel") is None, reason="spandrel is not installed")

ROUNDING = 1  # of 255: fp32 sums in another order may fall to the other side of a half


def noise(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(5).integers(0, 256, (height, width, 3), np.uint8)


def run(network: UpscalerNetwork, pixels: np.ndarray, factor: int, tile: int) -> np.ndarray:
    events = enlarge_tiled(network, pixels, factor, tile)
    while True:
        try:
            next(events)
        except StopIteration as end:
            return end.value


LAYOUTS = {
    "new": ("a.pth", esrgan(), "params_ema", 4),
    "averaged": ("b.pth", esrgan(), "params", 4),
    "bare": ("c.pth", esrgan(2), None, 4),
    "old": ("d.pth", esrgan(old=True), None, 4),
    "folded": ("e.pth", esrgan(scale=2), "params_ema", 2),
    "compact": ("f.pth", compact(), "params", 4),
    "compact2": ("g.safetensors", compact(2), None, 2),
    "safe": ("h.safetensors", esrgan(), None, 4),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_is_read_and_enlarges(tmp_path: Path, layout: str) -> None:
    name, tensors, wrapper, scale = LAYOUTS[layout]
    network = load_upscaler(write_upscaler(tmp_path / name, tensors, wrapper), "cpu")
    assert network.scale == scale
    assert run(network, noise(13, 9), scale, 256).shape == (13 * scale, 9 * scale, 3)


def test_the_same_network_under_old_and_new_names_gives_the_same_picture(tmp_path: Path) -> None:
    paths = write_upscaler(tmp_path / "new.pth", esrgan()), write_upscaler(tmp_path / "old.pth", esrgan(old=True))
    first, second = (run(load_upscaler(path, "cpu"), noise(8, 8), 4, 256) for path in paths)
    assert np.array_equal(first, second)


def test_of_two_sets_of_weights_the_averaged_one_is_taken(tmp_path: Path) -> None:
    path = tmp_path / "both.pth"
    torch.save({"params": {name: one * 0 for name, one in esrgan().items()}, "params_ema": esrgan()}, path)
    wanted = run(load_upscaler(write_upscaler(tmp_path / "one.pth", esrgan()), "cpu"), noise(8, 8), 4, 256)
    assert np.array_equal(run(load_upscaler(path, "cpu"), noise(8, 8), 4, 256), wanted)


def test_a_file_from_before_the_zip_archive_is_read(tmp_path: Path) -> None:
    path = tmp_path / "legacy.pth"
    torch.save(esrgan(old=True), path, _use_new_zipfile_serialization=False)
    assert load_upscaler(path, "cpu").scale == 4


@pytest.mark.parametrize("height, width, tile", [(300, 130, 96), (97, 260, 128), (203, 101, 100)])
@pytest.mark.parametrize("scale", [2, 4])
def test_tiles_leave_no_seam(tmp_path: Path, height: int, width: int, tile: int, scale: int) -> None:
    """Compact sees 4 pixels around each, so a margin of 16 is more than it sees: tiles give what the whole gives."""
    network = load_upscaler(write_upscaler(tmp_path / "net.pth", compact(scale)), "cpu")
    pixels = noise(height, width)
    whole, tiled = run(network, pixels, scale, 1000), run(network, pixels, scale, tile)
    assert np.abs(whole.astype(int) - tiled).max() <= ROUNDING


def test_tiles_of_a_network_that_sees_no_farther_than_the_margin_leave_no_seam(tmp_path: Path) -> None:
    """Its 15 convolutions in residuals and four more see 17 pixels (16.5 and what the last ones see of larger ones);
    folding makes that 2 times as far, and the farthest pixels count for almost nothing."""
    network = load_upscaler(write_upscaler(tmp_path / "net.pth", esrgan(scale=2)), "cpu")
    pixels = noise(200, 140)
    whole, tiled = run(network, pixels, 2, 1000), run(network, pixels, 2, 96)
    assert np.abs(whole.astype(int) - tiled).max() <= ROUNDING
    assert MARGIN == 16


def test_too_much_is_averaged_down(tmp_path: Path) -> None:
    network = load_upscaler(write_upscaler(tmp_path / "net.pth", compact()), "cpu")
    pixels = noise(40, 30)
    four, two = run(network, pixels, 4, 96).astype(float), run(network, pixels, 2, 96)
    averaged = four.reshape(40 * 2, 2, 30 * 2, 2, 3).mean(axis=(1, 3))
    assert np.abs(averaged - two).max() <= ROUNDING


def test_what_enlarges_nothing_is_refused(tmp_path: Path) -> None:
    for place, tensors in enumerate(
        ({"a": torch.zeros(3)}, compact(1), {name: one for name, one in esrgan().items() if "conv_up" not in name})
    ):
        path = write_upscaler(tmp_path / f"{place}.pth", tensors)
        with pytest.raises(UnsupportedUpscalerError) as caught:
            load_upscaler(path, "cpu")
        assert str(path) in caught.value.tell("es")


def test_tensors_of_wrong_shapes_are_refused(tmp_path: Path) -> None:
    tensors = esrgan()
    tensors["conv_hr.weight"] = torch.zeros(5, 5, 3, 3)
    with pytest.raises(UnsupportedUpscalerError):
        load_upscaler(write_upscaler(tmp_path / "net.pth", tensors), "cpu")


def test_a_hostile_file_is_refused_and_nothing_runs(tmp_path: Path) -> None:
    trace = tmp_path / "trace"

    class Hostile:
        def __reduce__(self) -> tuple[object, tuple[object, ...]]:
            return Path.touch, (trace,)

    torch.save({"params_ema": Hostile()}, tmp_path / "net.pth")
    (tmp_path / "old.pth").write_bytes(pickle.dumps({"params": Hostile()}))
    for name in ("net.pth", "old.pth"):
        with pytest.raises(UnsafePickleError):
            load_upscaler(tmp_path / name, "cpu")
    assert not trace.exists()


def test_a_cut_file_is_damaged(tmp_path: Path) -> None:
    path = write_upscaler(tmp_path / "net.safetensors", esrgan())
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(DamagedWeightsError):
        load_upscaler(path, "cpu")


def test_without_spandrel_the_command_that_installs_it_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upscalers, "find_spec", lambda _name: None)
    with pytest.raises(MissingPackageError) as caught:
        load_upscaler(tmp_path / "net.pth", "cpu")
    assert "pip install" in caught.value.tell("es") and "spandrel" in caught.value.tell("en")


def test_a_shortage_of_memory_is_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    network = load_upscaler(write_upscaler(tmp_path / "net.pth", compact()), "cpu")

    def fails(_pixels: torch.Tensor) -> torch.Tensor:
        raise torch.OutOfMemoryError

    monkeypatch.setattr(network, "_descriptor", fails)
    with pytest.raises(OutOfMemoryError):
        run(network, noise(4, 4), 4, 96)
