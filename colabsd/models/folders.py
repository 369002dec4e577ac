"""Models as diffusers folders on this disk: which files they are made of, and their cards read from those files.

Reads configurations and the headers of safetensors files only, never a tensor.
"""

import json
from pathlib import Path
from typing import Any

from colabsd.errors import DamagedWeightsError, MissingWeightsError
from colabsd.geometry import Size
from colabsd.models.cards import ModelCard, Weights
from colabsd.models.families import defaults_of, traits_of_config
from colabsd.models.tensor_headers import read_header

PARTS = ("unet", "text_encoder", "vae")
SECOND_ENCODER = "text_encoder_2"  # SDXL's
CHECKER = "safety_checker"  # looks at finished pictures; not every folder has it
WEIGHT_ENDINGS = (".fp16.safetensors", ".safetensors", ".fp16.bin", ".bin")
TOKENIZER_FILES = ("tokenizer/vocab.json", "tokenizer/merges.txt")
SECOND_FILES = (
    "text_encoder_2/config.json",
    "tokenizer_2/vocab.json",
    "tokenizer_2/merges.txt",
    "model_index.json",  # says what stands for an empty negative prompt
)
CONFIG_FILES = (*(f"{part}/config.json" for part in PARTS), "scheduler/scheduler_config.json")


def weight_file(folder: Path, part: str) -> Path:
    """The file of a part's weights: fp16 before full size, safetensors before `.bin`. Raises: MissingWeightsError."""
    of_transformers = part.startswith(("text_encoder", CHECKER))
    stem = "model" if of_transformers else "diffusion_pytorch_model"
    for ending in WEIGHT_ENDINGS:
        name = ("pytorch_model" if of_transformers and ".bin" in ending else stem) + ending
        if (folder / part / name).is_file():
            return folder / part / name
    raise MissingWeightsError(path=folder / part / (stem + ".safetensors"))


def parts_of(folder: Path) -> tuple[str, ...]:
    """The folder's parts that have weights."""
    return (*PARTS, SECOND_ENCODER) if (folder / SECOND_ENCODER).is_dir() else PARTS


def model_files(folder: Path) -> tuple[str, ...]:
    """Every file that decides the pixels, relative to the folder, sorted. Raises: MissingWeightsError."""
    parts = parts_of(folder)
    names = [*CONFIG_FILES, *TOKENIZER_FILES, *(str(weight_file(folder, part).relative_to(folder)) for part in parts)]
    names += SECOND_FILES if SECOND_ENCODER in parts else ()
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


def count_parameters(path: Path) -> int:
    """Parameters in a weight file. Raises: MissingWeightsError, DamagedWeightsError, UnsafePickleError."""
    return sum(tensor.elements for tensor in read_header(path).tensors.values())


def read_card(folder: Path, name: str) -> ModelCard:
    """The card of a diffusers folder, with its family's usual defaults.

    Raises: MissingWeightsError, DamagedWeightsError, UnsupportedModelError.
    """
    unet, vae, text = (read_config(folder, f"{part}/config.json") for part in ("unet", "vae", "text_encoder"))
    traits = traits_of_config(unet, folder)
    defaults, parts = defaults_of(traits), parts_of(folder)
    if traits.family == "sdxl" and SECOND_ENCODER not in parts:
        raise MissingWeightsError(path=folder / SECOND_ENCODER)
    try:
        factor = 2 ** (len(vae["block_out_channels"]) - 1)
        halvings = 2 ** (len(unet["block_out_channels"]) - 1)
        side = int(unet["sample_size"]) * factor
        channels = int(unet["block_out_channels"][0]), int(vae["block_out_channels"][0])
        # SDXL reads the last layer but one, so there is one less to skip.
        text_layers = int(text["num_hidden_layers"]) - (traits.family == "sdxl")
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise DamagedWeightsError(path=folder, reason=error) from error
    counts = {part: count_parameters(weight_file(folder, part)) for part in parts}
    return ModelCard(
        name=name,
        family=traits.family,
        variant=traits.variant,
        source=str(folder),
        size=Size(side, side),
        factor=factor,
        multiple=factor * halvings,
        weights=Weights(counts["unet"], counts["text_encoder"] + counts.get(SECOND_ENCODER, 0), counts["vae"]),
        default_sampler=defaults.sampler,
        default_schedule=defaults.schedule,
        default_steps=defaults.steps,
        default_guidance=defaults.guidance,
        few_steps=defaults.few_steps,
        has_checker=(folder / CHECKER / "config.json").is_file(),
        license="",
        text_layers=text_layers,
        unet_channels=channels[0],
        decoder_channels=channels[1],
    )
