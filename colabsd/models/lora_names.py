"""The names of modules in LoRA files, and which weight of a model each means. Knows names only.

Layouts: diffusers' and peft's (`unet.down_blocks.0…`, also without `unet.`, also in attention processors), kohya's
(`lora_unet_down_blocks_0_…`, or by original names), and cloneofsimo's (`unet:7`, counted through the network).
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping

from colabsd.models.original_names import read_diffusers_unet_structure
from colabsd.models.stored_tensors import Shape

# Beginnings of modules' names, and the parts that they are in.
KOHYA = (
    ("lora_unet_", "unet"),
    ("lora_te1_", "text_encoder"),
    ("lora_te2_", "text_encoder_2"),
    ("lora_te_", "text_encoder"),
)
DOTTED = (("unet.", "unet"), ("text_encoder_2.", "text_encoder_2"), ("text_encoder.", "text_encoder"))
COUNTED = (("unet:", "unet"), ("text_encoder:", "text_encoder"))
WRAPPERS = ("base_model.model.", "diffusion_model.", "model.diffusion_model.")
PROCESSOR = re.compile(r"\.processor\.(to_[qkv]|to_out)$")
ATTENTION = ("to_q", "to_k", "to_v", "to_out.0")
TABLES_OF_COUNTED = frozenset({"CrossAttention", "Attention", "GEGLU"})
WAYS = ("down_blocks", "up_blocks", "mid_block")

Shapes = Mapping[str, Shape]


def module_finder(shapes: Mapping[str, Shapes], metadata: Mapping[str, str]) -> Callable[[str], tuple[str, str] | None]:
    """Finds the part and the weight that a module's name in a LoRA file means, in a model with these tensors.

    `metadata` are the file's, where cloneofsimo's says through what it counts.
    """
    structure = read_diffusers_unet_structure(shapes["unet"])
    original = structure.names if structure else None
    flat = {part: dict(_flat_names(names)) for part, names in shapes.items()}
    flat["unet"] |= {
        old.replace(".", "_"): weight
        for weight in shapes["unet"]
        if original and (old := original.to_original(weight.removesuffix(".weight"))) is not None
    }
    counted = {part: list(_counted(part, shapes[part])) for _, part in COUNTED if part in shapes}

    def find(module: str) -> tuple[str, str] | None:
        for beginning, part in KOHYA:
            if module.startswith(beginning):
                weight = flat.get(part, {}).get(module.removeprefix(beginning).removeprefix("text_model_"))
                return (part, weight) if weight else None
        for beginning, part in COUNTED:
            if module.startswith(beginning):
                number = module.removeprefix(beginning)
                known = number.isdecimal() and int(number) < len(counted.get(part, ()))
                return (part, counted[part][int(number)]) if known and _is_usual(metadata, part) else None
        part, name = _dotted(module)
        if original and f"{name}.weight" not in shapes.get(part, {}):
            name = original.to_diffusers(name) or name
        return part, f"{name}.weight"

    return find


def _flat_names(names: Shapes) -> Iterator[tuple[str, str]]:
    """kohya's names: dots are underscores."""
    for weight in names:
        if weight.endswith(".weight"):
            yield weight.removesuffix(".weight").replace(".", "_"), weight


def _dotted(module: str) -> tuple[str, str]:
    """The part and the plain name of a dotted module's name; without a part's name it is in the UNet."""
    for wrapper in WRAPPERS:
        module = module.removeprefix(wrapper)
    part = "unet"
    for beginning, named in DOTTED:
        if module.startswith(beginning):
            part, module = named, module.removeprefix(beginning)
            break
    for wrapper in WRAPPERS:
        module = module.removeprefix(wrapper)
    # Attention processors of old versions of diffusers had their LoRA beside the attention.
    found = PROCESSOR.search(module)
    if found:
        module = f"{module[: found.start()]}.{'to_out.0' if found[1] == 'to_out' else found[1]}"
    return part, module.removeprefix("text_model.")


def _is_usual(metadata: Mapping[str, str], part: str) -> bool:
    """Whether cloneofsimo's file counts through the layers that it usually counts through."""
    try:
        classes = json.loads(metadata.get(part, "[]"))
    except (ValueError, RecursionError):
        return False
    return set(classes) <= TABLES_OF_COUNTED if part == "unet" else classes in ([], ["CLIPAttention"])


def _counted(part: str, names: Shapes) -> Iterator[str]:
    """The weights in the order in which cloneofsimo's files count them: as the classes of 2023 registered them."""
    if part != "unet":
        layers = len({name.split(".")[2] for name in names if name.startswith("encoder.layers.")})
        for layer in range(layers):
            for projection in ("k_proj", "v_proj", "q_proj", "out_proj"):
                yield f"encoder.layers.{layer}.self_attn.{projection}.weight"
        return
    found = re.compile(r"((?:down_blocks|up_blocks|mid_block)\..*transformer_blocks\.\d+)\.attn1\.to_q\.weight")
    blocks = [match[1] for match in map(found.fullmatch, names) if match]
    for block in sorted(blocks, key=lambda name: (WAYS.index(name.split(".")[0]), _numbers(name))):
        for part_of_block in (
            *(f"attn1.{one}" for one in ATTENTION),
            "ff.net.0.proj",
            *(f"attn2.{one}" for one in ATTENTION),
        ):
            yield f"{block}.{part_of_block}.weight"


def _numbers(name: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", name))
