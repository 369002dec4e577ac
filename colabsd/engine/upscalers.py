"""Networks that make pictures larger: loaded by spandrel out of any ESRGAN-family file, and run tile by tile.

The file is read by our own readers, which run nothing. Real-ESRGAN is Wang et al. 2021, arXiv:2107.10833. Knows nothing
of drawings.
"""

from collections.abc import Generator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from colabsd.engine.shortage import shortage_told
from colabsd.engine.tensor_files import read_tensor
from colabsd.errors import MissingPackageError, UnsupportedUpscalerError
from colabsd.models.tensor_headers import read_header
from colabsd.planning.enlarge import FADE, Span, spans
from colabsd.planning.plans import Device
from colabsd.progress import Progress

WRAPPERS = ("params_ema.", "params-ema.", "params.", "model_state_dict.")  # around the tensors, the best ones first
WHITE = 255
INSTALL = "pip install spandrel"


class UpscalerNetwork:
    """A network on a device that makes pictures `scale` times larger; in half precision on a graphics card."""

    def __init__(self, descriptor: Any, device: Device) -> None:
        half = device == "cuda" and descriptor.supports_half
        self.scale = int(descriptor.scale)
        self.device = torch.device(device)
        self.dtype = torch.float16 if half else torch.float32
        self._descriptor = descriptor.eval().to(self.device, self.dtype)

    def as_json(self) -> dict[str, str]:
        """How it runs, as pictures write it down."""
        return {"device": self.device.type, "precision": "fp16" if self.dtype == torch.float16 else "fp32"}

    @torch.inference_mode()
    def enlarge(self, pixels: Tensor, factor: int) -> Tensor:
        """(1, 3, h, w) in [0, 1] -> (1, 3, h * factor, w * factor) in fp32 on the processor.

        `factor` divides `scale`; what is too large is averaged. Raises: OutOfMemoryError.
        """
        with shortage_told():
            larger = self._descriptor(pixels.to(self.device, self.dtype))
            small = functional.avg_pool2d(larger, self.scale // factor) if factor < self.scale else larger
            return small.float().cpu()


def load_upscaler(path: Path, device: Device) -> UpscalerNetwork:
    """The network of a file (.pth, .pt, .safetensors).

    Raises: MissingPackageError without spandrel, UnsupportedUpscalerError when it makes no picture larger,
    MissingWeightsError, DamagedWeightsError, UnsafePickleError.
    """
    if find_spec("spandrel") is None:
        raise MissingPackageError(name="spandrel", command=INSTALL)
    tensors = _read_tensors(path)
    from spandrel import MAIN_REGISTRY, ImageModelDescriptor, UnsupportedModelError

    try:
        found = MAIN_REGISTRY.load(tensors)
    except (UnsupportedModelError, RuntimeError, KeyError, ValueError, TypeError, AttributeError, IndexError) as error:
        raise UnsupportedUpscalerError(path=path) from error
    channels = found.input_channels, found.output_channels
    if not isinstance(found, ImageModelDescriptor) or found.scale < 2 or channels != (3, 3):
        raise UnsupportedUpscalerError(path=path)
    return UpscalerNetwork(found, device)


def enlarge_tiled(
    network: UpscalerNetwork, pixels: np.ndarray[Any, Any], factor: int, tile: int
) -> Generator[Progress, None, np.ndarray[Any, Any]]:
    """(h, w, 3) uint8 -> (h * factor, w * factor, 3) uint8, a tile of at most about `tile` pixels at a time.

    What is held besides the two pictures is one row of tiles in fp32. Yields a Progress after every tile. Raises:
    OutOfMemoryError, after which smaller tiles may do.
    """
    height, width = pixels.shape[:2]
    rows, columns = spans(height, tile), spans(width, tile)
    result = np.empty((height * factor, width * factor, 3), np.uint8)
    above = torch.zeros(3, 0, width * factor)  # what fades out of the row of tiles before
    for place, row in enumerate(rows):
        band = torch.zeros(3, (row.last - row.first) * factor, width * factor)
        for number, column in enumerate(columns):
            part = pixels[row.start : row.stop, column.start : column.stop]
            larger = network.enlarge(_as_tensor(part), factor)[0]
            window = _window(row, height, factor)[:, None] * _window(column, width, factor)
            band[..., column.first * factor : column.last * factor] += _used(larger, row, column, factor) * window
            yield Progress(stage="enlarge", done=place * len(columns) + number + 1, total=len(rows) * len(columns))
        band[:, : above.shape[1]] += above
        finished = band.shape[1] - (FADE * factor if row.last < height else 0)
        top = row.first * factor
        result[top : top + finished] = _as_bytes(band[:, :finished])
        above = band[:, finished:]
    return result


def _used(larger: Tensor, row: Span, column: Span, factor: int) -> Tensor:
    """What is taken of a tile."""
    top, left = (row.first - row.start) * factor, (column.first - column.start) * factor
    tall, wide = (row.last - row.first) * factor, (column.last - column.first) * factor
    return larger[:, top : top + tall, left : left + wide]


def _window(span: Span, length: int, factor: int) -> Tensor:
    """Weights along one side of what is taken; where two tiles meet theirs add up to 1."""
    window = torch.ones((span.last - span.first) * factor)
    fade = FADE * factor
    ramp = (torch.arange(fade) + 0.5) / fade
    if span.first:
        window[:fade] = ramp
    if span.last < length:
        window[-fade:] = ramp.flip(0)
    return window


def _read_tensors(path: Path) -> dict[str, Tensor]:
    """A network's tensors without the words that trainers put around them; of two sets the averaged one."""
    stored = read_header(path).tensors
    wrapper = next((one for one in WRAPPERS if any(name.startswith(one) for name in stored)), "")
    inside = {name.removeprefix(wrapper): place for name, place in stored.items() if name.startswith(wrapper)}
    return {name: read_tensor(path, place) for name, place in inside.items()}


def _as_tensor(pixels: np.ndarray[Any, Any]) -> Tensor:
    return torch.from_numpy(np.array(pixels)).permute(2, 0, 1)[None].float() / WHITE


def _as_bytes(band: Tensor) -> np.ndarray[Any, Any]:
    found: np.ndarray[Any, Any] = (band.clamp(0, 1) * WHITE).round().byte().permute(1, 2, 0).numpy()
    return found
