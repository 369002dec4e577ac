"""Small upscalers with seeded weights under the names that real ones have, written as files."""

from pathlib import Path
from typing import Any

import torch

FILTERS, GROWTH = 8, 32  # spandrel takes the growth for granted


def esrgan(blocks: int = 1, *, scale: int = 4, old: bool = False) -> dict[str, torch.Tensor]:
    """Tensors of an ESRGAN network: Real-ESRGAN's names, or those of the first one (`old`).

    With scale 2 pixels are folded into channels first, as in x2plus. It enlarges as the nearest pixel would, and a
    little more: the skip connections are as in a trained one, the rest is small.
    """
    generator = torch.Generator().manual_seed(scale)
    channels = 3 if scale == 4 else 12

    def conv(outputs: int, inputs: int) -> dict[str, torch.Tensor]:
        weight = torch.randn(outputs, inputs, 3, 3, generator=generator) * (2 / (inputs * 9)) ** 0.5
        return {"weight": weight, "bias": torch.randn(outputs, generator=generator) * 0.02}

    layers = {"conv_first": conv(FILTERS, channels)}
    for block in range(blocks):
        for part in (1, 2, 3):
            for number in range(1, 6):
                outputs = FILTERS if number == 5 else GROWTH
                layers[f"body.{block}.rdb{part}.conv{number}"] = conv(outputs, FILTERS + (number - 1) * GROWTH)
    for name in ("conv_body", "conv_up1", "conv_up2", "conv_hr"):
        layers[name] = conv(FILTERS, FILTERS)
    layers["conv_last"] = conv(3, FILTERS)
    layers["conv_last"]["bias"] += 0.5
    names = _old_names(blocks) if old else {}
    return {f"{names.get(name, name)}.{part}": tensor for name, both in layers.items() for part, tensor in both.items()}


def _old_names(blocks: int) -> dict[str, str]:
    places = {"conv_first": 0, "conv_up1": 3, "conv_up2": 6, "conv_hr": 8, "conv_last": 10}
    names = {name: f"model.{place}" for name, place in places.items()} | {"conv_body": f"model.1.sub.{blocks}"}
    for block in range(blocks):
        for part in (1, 2, 3):
            for number in range(1, 6):
                names[f"body.{block}.rdb{part}.conv{number}"] = f"model.1.sub.{block}.RDB{part}.conv{number}.0"
    return names


def compact(scale: int = 4, convolutions: int = 2) -> dict[str, torch.Tensor]:
    """Tensors of a Compact (SRVGG) network, as realesr-animevideov3 has them."""
    generator = torch.Generator().manual_seed(scale)
    tensors: dict[str, torch.Tensor] = {}
    for place in range(2 * convolutions + 3):
        if place % 2:
            tensors[f"body.{place}.weight"] = torch.full((FILTERS,), 0.2)
            continue
        outputs = 3 * scale**2 if place == 2 * convolutions + 2 else FILTERS
        inputs = 3 if place == 0 else FILTERS
        tensors[f"body.{place}.weight"] = torch.randn(outputs, inputs, 3, 3, generator=generator) * 0.1
        tensors[f"body.{place}.bias"] = torch.zeros(outputs)
    return tensors


def write_upscaler(path: Path, tensors: dict[str, Any], wrapper: str | None = None) -> Path:
    """Write the tensors as the file's ending says, under a word of their own where one is given."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".safetensors":
        from safetensors.torch import save_file

        save_file(tensors, path)
    else:
        torch.save({wrapper: tensors} if wrapper else tensors, path)
    return path
