"""Models as diffusers folders on this disk: which files they are made of, and their cards read from those files.

Reads configurations and the headers of safetensors files only, never a tensor.
"""

import json
import math
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from colabsd.errors import DamagedWeightsError, MissingWeightsError, UnsupportedModelError
from colabsd.geometry import Size
from colabsd.models.cards import ModelCard, Weights

PARTS = ("unet", "text_encoder", "vae")
WEIGHT_STEMS = {"unet": "diffusion_pytorch_model", "text_encoder": "model", "vae": "diffusion_pytorch_model"}
WEIGHT_ENDINGS = (".fp16.safetensors", ".safetensors", ".fp16.bin", ".bin")
TOKENIZER_FILES = ("tokenizer/vocab.json", "tokenizer/merges.txt")
CONFIG_FILES = (*(f"{part}/config.json" for part in PARTS), "scheduler/scheduler_config.json")
MAX_HEADER_BYTES = 100 * 2**20


def weight_file(folder: Path, part: str) -> Path:
    """The file of a part's weights: fp16 before full size, safetensors before `.bin`. Raises: MissingWeightsError."""
    stem = "pytorch_model" if part == "text_encoder" else WEIGHT_STEMS[part]
    for ending in WEIGHT_ENDINGS:
        name = (WEIGHT_STEMS[part] if "safetensors" in ending else stem) + ending
        if (folder / part / name).is_file():
            return folder / part / name
    raise MissingWeightsError(path=folder / part / (WEIGHT_STEMS[part] + ".safetensors"))


def model_files(folder: Path) -> tuple[str, ...]:
    """Every file that decides the pixels, relative to the folder, sorted. Raises: MissingWeightsError."""
    names = [*CONFIG_FILES, *TOKENIZER_FILES, *(str(weight_file(folder, part).relative_to(folder)) for part in PARTS)]
    for name in names:
        if not (folder / name).is_file():
            raise MissingWeightsError(path=folder / name)
    return tuple(sorted(names))


def read_config(folder: Path, name: str) -> dict[str, Any]:
    """A JSON file of the folder. Raises: MissingWeightsError, DamagedWeightsError."""
    path = folder / name
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise MissingWeightsError(path=path) from None
    except (OSError, ValueError) as error:
        raise DamagedWeightsError(path=path, reason=error) from error
    if not isinstance(config, dict):
        raise DamagedWeightsError(path=path, reason="not a JSON object")
    return config


def read_safetensors_header(path: Path) -> Mapping[str, Any]:
    """Names, types and shapes of the tensors in a safetensors file.

    Raises: DamagedWeightsError when the header is broken or the file is shorter or longer than the header says.
    """
    try:
        with path.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            if length > MAX_HEADER_BYTES:
                raise ValueError(f"a header of {length} bytes")
            header = json.loads(file.read(length))
        tensors = {name: entry for name, entry in header.items() if name != "__metadata__"}
        expected = 8 + length + max((entry["data_offsets"][1] for entry in tensors.values()), default=0)
    except FileNotFoundError:
        raise MissingWeightsError(path=path) from None
    except (OSError, ValueError, struct.error, KeyError, TypeError, AttributeError, IndexError) as error:
        raise DamagedWeightsError(path=path, reason=error) from error
    if path.stat().st_size != expected:
        raise DamagedWeightsError(path=path, reason=f"{path.stat().st_size:,} bytes instead of {expected:,}")
    return tensors


def count_parameters(path: Path) -> int:
    """Parameters in a weight file; for a `.bin` estimated from its size at two bytes each."""
    if path.suffix != ".safetensors":
        return path.stat().st_size // 2
    return sum(math.prod(entry["shape"]) for entry in read_safetensors_header(path).values())


def read_card(folder: Path, name: str) -> ModelCard:
    """The card of a diffusers folder of the Stable Diffusion 1.x family, with the family's usual defaults.

    Raises: MissingWeightsError, DamagedWeightsError, UnsupportedModelError.
    """
    unet, vae, text = (read_config(folder, f"{part}/config.json") for part in ("unet", "vae", "text_encoder"))
    found = f"{unet.get('_class_name')}, in_channels {unet.get('in_channels')}"
    if unet.get("_class_name") != "UNet2DConditionModel" or unet.get("in_channels") != 4:
        raise UnsupportedModelError(path=folder, found=found)
    if (folder / "text_encoder_2").exists():
        raise UnsupportedModelError(path=folder, found="two text encoders (SDXL)")
    try:
        factor = 2 ** (len(vae["block_out_channels"]) - 1)
        halvings = 2 ** (len(unet["block_out_channels"]) - 1)
        side = int(unet["sample_size"]) * factor
        channels = int(unet["block_out_channels"][0]), int(vae["block_out_channels"][0])
        text_layers = int(text["num_hidden_layers"])
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise DamagedWeightsError(path=folder, reason=error) from error
    return ModelCard(
        name=name,
        family="sd1",
        source=str(folder),
        size=Size(side, side),
        factor=factor,
        multiple=factor * halvings,
        weights=Weights(*(count_parameters(weight_file(folder, part)) for part in PARTS)),
        default_sampler="Euler a",
        default_schedule="Automatic",
        default_steps=20,
        default_guidance=7.5,
        license="",
        text_layers=text_layers,
        unet_channels=channels[0],
        decoder_channels=channels[1],
    )
