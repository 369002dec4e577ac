"""A LoRA in diffusers' and peft's layout: `unet.….lora_A.weight`. Knows no files.

The names are peft's own and not those that diffusers' converters make of them: these lose layers beside attention when
they are read again. Alpha stands in the file's texts (`lora_adapter_metadata`), without which readers take the rank.
"""

import json
from collections import Counter
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from colabsd.training.results import LoraPair, Module

METADATA = "lora_adapter_metadata"
TEXT_MODEL = "text_model."  # before text encoders' names in every file; readers take it away where they have none


def diffusers_lora(lora: Mapping[Module, LoraPair]) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The tensors by their names in the file, and its texts."""
    tensors: dict[str, Tensor] = {}
    for (part, module), pair in lora.items():
        name = f"{part}.{module}" if part == "unet" else f"{part}.{TEXT_MODEL}{module}"
        tensors[f"{name}.lora_A.weight"] = pair.down
        tensors[f"{name}.lora_B.weight"] = pair.up
    parts = sorted({part for part, _ in lora})
    told = {
        f"{part}.{name}": value
        for part in parts
        for name, value in _settings({module: pair for (own, module), pair in lora.items() if own == part}).items()
    }
    return tensors, {"format": "pt", METADATA: json.dumps(told, sort_keys=True)}


def _settings(pairs: Mapping[str, LoraPair]) -> dict[str, Any]:
    """What peft's LoraConfig says of one part. Names are endings, so that they fit with `text_model.` and without."""
    (rank, alpha), _ = Counter((pair.rank, pair.alpha) for pair in pairs.values()).most_common(1)[0]
    return {
        "r": rank,
        "lora_alpha": alpha,
        "target_modules": sorted(pairs),
        "rank_pattern": {module: pair.rank for module, pair in pairs.items() if pair.rank != rank},
        "alpha_pattern": {module: pair.alpha for module, pair in pairs.items() if pair.alpha != alpha},
    }
