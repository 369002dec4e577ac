"""A LoRA in the layout of kohya's trainer, which A1111, Forge and ComfyUI read: `lora_unet_….lora_down.weight`.

SDXL's UNet is named there as single files name it, the others' as diffusers does. Knows no files.
"""

import json
from collections.abc import Callable, Collection, Mapping, Sequence

import torch
from torch import Tensor

from colabsd.artifacts import Adapter
from colabsd.errors import UnsupportedModelError
from colabsd.models.cards import Family
from colabsd.models.original_names import read_diffusers_unet_structure
from colabsd.training.results import LoraPair, Module

BEGINNINGS: Mapping[Family, Mapping[str, str]] = {
    "sd1": {"unet": "lora_unet_", "text_encoder": "lora_te_text_model_"},
    "sd2": {"unet": "lora_unet_", "text_encoder": "lora_te_text_model_"},
    "sdxl": {
        "unet": "lora_unet_",
        "text_encoder": "lora_te1_text_model_",
        "text_encoder_2": "lora_te2_text_model_",
    },
}
BASE_VERSIONS: Mapping[Family, str] = {"sd1": "sd_v1", "sd2": "sd_v2", "sdxl": "sdxl_base_v1-0"}
ARCHITECTURES: Mapping[Family, str] = {
    "sd1": "stable-diffusion-v1",
    "sd2": "stable-diffusion-v2-512",
    "sdxl": "stable-diffusion-xl-v1-base",
}
NETWORK = "networks.lora"


def kohya_lora(
    lora: Mapping[Module, LoraPair], adapter: Adapter, unet_names: Collection[str]
) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The tensors by their names in the file, and its texts; `unet_names` are those of all the UNet's tensors.

    Every layer has its alpha, in fp32 whatever the precision of the file. Raises: UnsupportedModelError for a layer
    that has no name in that layout.
    """
    tensors: dict[str, Tensor] = {}
    original = _original_names(adapter.family, unet_names)
    for (part, module), pair in lora.items():
        named = original(module) if part == "unet" else module
        name = BEGINNINGS[adapter.family][part] + named.replace(".", "_")
        tensors[f"{name}.lora_down.weight"] = pair.down
        tensors[f"{name}.lora_up.weight"] = pair.up
        tensors[f"{name}.alpha"] = torch.tensor(float(pair.alpha))
    return tensors, {**_kohya_texts(lora, adapter), **modelspec(adapter, "/lora")}


def _original_names(family: Family, unet_names: Collection[str]) -> Callable[[str], str]:
    """How a layer of the UNet is called there."""
    structure = read_diffusers_unet_structure(unet_names) if family == "sdxl" else None

    def original(module: str) -> str:
        if structure is None:
            return module
        found = structure.names.to_original(module)
        if found is None:
            raise UnsupportedModelError("error.export.name", path="unet", name=module)
        return found

    return original


def _kohya_texts(lora: Mapping[Module, LoraPair], adapter: Adapter) -> dict[str, str]:
    """What that trainer writes about a training: the six texts that readers ask for, and what user interfaces show."""
    second = adapter.family == "sd2"
    version = BASE_VERSIONS[adapter.family] + ("_v" if second and adapter.prediction == "v" else "")
    plain = [pair for pair in lora.values() if not _is_window(pair)]
    windows = [pair for pair in lora.values() if _is_window(pair)]
    arguments = {"conv_dim": _one([p.rank for p in windows]), "conv_alpha": _one([p.alpha for p in windows])}
    texts = {
        "ss_v2": str(second),
        "ss_base_model_version": version,
        "ss_network_module": NETWORK,
        "ss_network_dim": _one([pair.rank for pair in plain or windows]),
        "ss_network_alpha": _one([pair.alpha for pair in plain or windows]),
        "ss_network_args": json.dumps(arguments if windows else {}),
        "ss_output_name": adapter.name,
        "ss_sd_model_name": adapter.base,
        "ss_resolution": f"({adapter.width}, {adapter.height})",
        "ss_num_train_images": str(adapter.photos),
        "ss_steps": str(adapter.steps),
    }
    if adapter.phrase:
        texts["ss_tag_frequency"] = json.dumps({adapter.name: {adapter.phrase: adapter.photos}}, ensure_ascii=False)
    return texts


def _is_window(pair: LoraPair) -> bool:
    """Whether it changes a convolution that looks at more than one place."""
    return pair.down.ndim == 4 and pair.down.shape[2:] != (1, 1)


def _one(values: Sequence[float]) -> str:
    """The value of all, or kohya's word for several."""
    distinct = set(values)
    return f"{distinct.pop():g}" if len(distinct) == 1 else "Dynamic"


def modelspec(adapter: Adapter, kind: str) -> dict[str, str]:
    """Stability AI's texts about a model, version 1.0.0; `kind` is `/lora` or `/textual-inversion`."""
    architecture = ARCHITECTURES[adapter.family]
    if adapter.family == "sd2" and adapter.prediction == "v":
        architecture = "stable-diffusion-v2-768-v"
    texts = {
        "modelspec.sai_model_spec": "1.0.0",
        "modelspec.architecture": architecture + kind,
        "modelspec.implementation": "diffusers",
        "modelspec.title": adapter.name,
        "modelspec.date": adapter.made,
        "modelspec.resolution": f"{adapter.width}x{adapter.height}",
        "modelspec.prediction_type": adapter.prediction,
    }
    return texts | ({"modelspec.trigger_phrase": adapter.phrase} if adapter.phrase else {})
