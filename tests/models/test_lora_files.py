"""LoRA files in every layout: each module finds its weight, and what does not fit is refused with the reason."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file

from colabsd.errors import ColabsdError, DamagedLoraError, LoraMismatchError
from colabsd.models.lora_files import LoraModule, place_lora, read_lora_file
from colabsd.models.lora_names import module_finder
from colabsd.models.original_names import UNetStructure
from colabsd.models.stored_tensors import Shape

Tensors = dict[str, torch.Tensor]


def unet_shapes(structure: UNetStructure, context: int = 24) -> dict[str, Shape]:
    """Shapes of a UNet of that structure, all of 8 channels."""
    shapes: dict[str, Shape] = {}
    for module in structure.names.backward:
        if ".attentions." in module:
            block = f"{module}.transformer_blocks.0"
            shapes |= {f"{module}.proj_in.weight": (8, 8, 1, 1), f"{module}.proj_out.weight": (8, 8, 1, 1)}
            for attention, width in (("attn1", 8), ("attn2", context)):
                shapes |= {f"{block}.{attention}.{one}.weight": (8, 8) for one in ("to_q", "to_out.0")}
                shapes |= {f"{block}.{attention}.{one}.weight": (8, width) for one in ("to_k", "to_v")}
            shapes |= {f"{block}.ff.net.0.proj.weight": (64, 8), f"{block}.ff.net.2.weight": (8, 32)}
        else:
            linear = "time_emb" in module or "add_embedding" in module
            shapes[f"{module}.weight"] = (8, 8) if linear else (8, 8, 3, 3)
    return shapes


def text_shapes(layers: int = 2) -> dict[str, Shape]:
    shapes: dict[str, Shape] = {"embeddings.token_embedding.weight": (99, 24)}
    for layer in range(layers):
        place = f"encoder.layers.{layer}"
        names = ("q_proj", "k_proj", "v_proj", "out_proj")
        shapes |= {f"{place}.self_attn.{name}.weight": (24, 24) for name in names}
        shapes |= {f"{place}.mlp.fc1.weight": (96, 24), f"{place}.mlp.fc2.weight": (24, 96)}
    return shapes


STRUCTURE = UNetStructure(3, 2, frozenset({0, 1}))
SHAPES = {"unet": unet_shapes(STRUCTURE), "text_encoder": text_shapes(), "text_encoder_2": text_shapes(3)}


def flat(name: str) -> str:
    return name.replace(".", "_")


def original(name: str) -> str:
    found = STRUCTURE.names.to_original(name)
    assert found is not None
    return found


def old_processor(name: str) -> str:
    """As diffusers named LoRAs of attention when they were processors."""
    head, _, last = name.removesuffix(".0").rpartition(".")
    return f"{head}.processor.{last}"


# Layouts of a UNet's modules: what a module's name becomes, and the modules that the layout can name.
UNET_LAYOUTS: dict[str, tuple[Callable[[str], str], Callable[[str], bool]]] = {
    "peft": (lambda name: f"unet.{name}", lambda name: True),
    "wrapped": (lambda name: f"base_model.model.unet.{name}", lambda name: True),
    "plain": (lambda name: name, lambda name: True),
    "kohya": (lambda name: f"lora_unet_{flat(name)}", lambda name: True),
    "kohya-xl": (lambda name: f"lora_unet_{flat(original(name))}", lambda name: True),
    "original": (lambda name: f"diffusion_model.{original(name)}", lambda name: True),
    "processor": (lambda name: f"unet.{old_processor(name)}", lambda name: ".attn" in name),
}
TEXT_LAYOUTS: dict[str, Callable[[str, str], str]] = {
    "peft": lambda part, name: f"{part}.text_model.{name}",
    "flat": lambda part, name: f"{part}.{name}",
    "kohya": lambda part, name: f"lora_te{2 if part.endswith('2') else 1}_text_model_{flat(name)}",
    "kohya-flat": lambda part, name: f"lora_te{2 if part.endswith('2') else 1}_{flat(name)}",
}
STRUCTURES = st.builds(
    lambda levels, layers, crossed: UNetStructure(levels, layers, frozenset(one for one in crossed if one < levels)),
    st.integers(1, 4),
    st.integers(1, 3),
    st.sets(st.integers(0, 3)),
)


@pytest.mark.parametrize("layout", UNET_LAYOUTS)
def test_every_module_of_a_unet_is_found_in_every_layout(layout: str) -> None:
    """Name to layout and back is the same name, for each weight of the network."""
    write, can = UNET_LAYOUTS[layout]
    find = module_finder(SHAPES, {})
    modules = [name.removesuffix(".weight") for name in SHAPES["unet"]]
    named = [module for module in modules if can(module)]
    assert len(named) > 50
    assert [find(write(module)) for module in named] == [("unet", f"{module}.weight") for module in named]


@given(structure=STRUCTURES)
@settings(deadline=None, max_examples=25)
def test_kohyas_names_are_found_in_unets_of_any_structure(structure: UNetStructure) -> None:
    shapes = {"unet": unet_shapes(structure)}
    find = module_finder(shapes, {})
    for weight in shapes["unet"]:
        module = weight.removesuffix(".weight")
        for name in (module, structure.names.to_original(module) or ""):
            assert find(f"lora_unet_{flat(name)}") == ("unet", weight)


@pytest.mark.parametrize("part", ["text_encoder", "text_encoder_2"])
@pytest.mark.parametrize("layout", TEXT_LAYOUTS)
def test_every_module_of_a_text_encoder_is_found_in_every_layout(layout: str, part: str) -> None:
    find = module_finder(SHAPES, {})
    modules = [name.removesuffix(".weight") for name in SHAPES[part] if ".layers." in name]
    assert [find(TEXT_LAYOUTS[layout](part, module)) for module in modules] == [(part, f"{m}.weight") for m in modules]


def test_stable_diffusion_1s_text_encoder_has_kohyas_name_without_a_number() -> None:
    found = module_finder(SHAPES, {})("lora_te_text_model_encoder_layers_1_mlp_fc1")
    assert found == ("text_encoder", "encoder.layers.1.mlp.fc1.weight")


def test_cloneofsimos_modules_are_counted_as_the_classes_of_2023_registered_them() -> None:
    """Down, up, middle; self-attention, the gate, attention to the sentence. Nine of a block, four of a text layer."""
    classes = {"unet": '["CrossAttention", "Attention", "GEGLU"]', "text_encoder": '["CLIPAttention"]'}
    find = module_finder(SHAPES, classes)
    block = "down_blocks.0.attentions.0.transformer_blocks.0"
    wanted = [
        *(f"attn1.{name}" for name in ("to_q", "to_k", "to_v", "to_out.0")),
        "ff.net.0.proj",
        *(f"attn2.{name}" for name in ("to_q", "to_k", "to_v", "to_out.0")),
    ]
    assert [find(f"unet:{index}") for index in range(9)] == [("unet", f"{block}.{name}.weight") for name in wanted]
    # Two blocks on each of two levels down, three up, one in the middle, which was registered last.
    assert find("unet:36") == ("unet", "up_blocks.1.attentions.0.transformer_blocks.0.attn1.to_q.weight")
    assert find("unet:90") == ("unet", "mid_block.attentions.0.transformer_blocks.0.attn1.to_q.weight")
    assert find("unet:99") is None
    assert find("text_encoder:5") == ("text_encoder", "encoder.layers.1.self_attn.v_proj.weight")
    assert module_finder(SHAPES, {"unet": '["ResnetBlock2D", "GEGLU"]'})("unet:0") is None


# Files.


def pair_of(shape: Shape, rank: int = 2) -> tuple[torch.Tensor, torch.Tensor]:
    """The down and up tensors for a weight."""
    ones = (1, 1) if len(shape) == 4 else ()
    return torch.ones(rank, *shape[1:]), torch.ones(shape[0], rank, *ones)


def kohya(weight: str, shape: Shape, **more: torch.Tensor) -> Tensors:
    name = f"lora_unet_{flat(weight.removesuffix('.weight'))}"
    down, up = pair_of(shape)
    extra = {f"{name}.{role}": tensor for role, tensor in more.items()}
    return {f"{name}.lora_down.weight": down, f"{name}.lora_up.weight": up, **extra}


LINEAR = "mid_block.attentions.0.transformer_blocks.0.attn2.to_k.weight"
CONVOLUTION = "mid_block.resnets.0.conv1.weight"


def placed(path: Path, tensors: Tensors, metadata: Mapping[str, str] | None = None) -> tuple[LoraModule, ...]:
    save_file(tensors, path, dict(metadata or {}))
    return place_lora(read_lora_file(path), SHAPES, "sd1")


def test_the_parts_of_a_module_are_told(tmp_path: Path) -> None:
    tensors = kohya(LINEAR, (8, 24), alpha=torch.tensor(1.0)) | kohya(CONVOLUTION, (8, 8, 3, 3))
    linear, convolution = sorted(placed(tmp_path / "a.safetensors", tensors), key=lambda module: module.weight)
    assert (linear.part, linear.weight, linear.rank) == ("unet", LINEAR, 2)
    assert linear.alpha_in == "lora_unet_mid_block_attentions_0_transformer_blocks_0_attn2_to_k.alpha"
    assert (convolution.weight, convolution.alpha, convolution.alpha_in) == (CONVOLUTION, None, None)


def test_a_middle_between_the_halves_is_told(tmp_path: Path) -> None:
    name = "lora_unet_mid_block_resnets_0_conv1"
    tensors = {
        f"{name}.lora_down.weight": torch.ones(2, 8, 1, 1),
        f"{name}.lora_mid.weight": torch.ones(2, 2, 3, 3),
        f"{name}.lora_up.weight": torch.ones(8, 2, 1, 1),
    }
    (module,) = placed(tmp_path / "a.safetensors", tensors)
    assert module.kind == "LoRA" and module.tensors["mid"] == f"{name}.lora_mid.weight"


def test_pefts_scale_is_read_from_the_metadata(tmp_path: Path) -> None:
    """With a pattern for some modules, and with the scale by the root of the rank."""
    down, up = pair_of((8, 24), rank=4)
    tensors = {f"unet.{LINEAR[:-7]}.lora_A.weight": down, f"unet.{LINEAR[:-7]}.lora_B.weight": up}
    path = tmp_path / "a.safetensors"

    def alpha(settings: str) -> float | None:
        (module,) = placed(path, tensors, {"lora_adapter_metadata": settings})
        return module.alpha

    assert alpha('{"unet.r": 4, "unet.lora_alpha": 8}') == 8
    assert alpha('{"unet.lora_alpha": 8, "unet.alpha_pattern": {"attn2.to_k": 2}}') == 2
    assert alpha('{"unet.lora_alpha": 8, "unet.use_rslora": true}') == 16  # 8 / sqrt(4) · up @ down
    assert alpha("{}") is None
    with pytest.raises(DamagedLoraError, match="lora_magnitude_vector"):
        alpha('{"unet.use_dora": true}')
    with pytest.raises(DamagedLoraError):
        alpha("[1]")


def test_embeddings_that_came_with_a_lora_are_told(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    save_file(kohya(LINEAR, (8, 24)) | {"<s1>": torch.ones(24)}, path, {"<s1>": "<embed>"})
    assert read_lora_file(path).embeddings == {"<s1>": "<s1>"}


@pytest.mark.parametrize(
    ("ending", "kind"),
    [
        ("oft_blocks", "OFT"),
        ("oft_diag", "OFT"),
        ("a1.weight", "GLoRA"),
    ],
)
def test_kinds_of_adapters_that_are_not_known_are_named(tmp_path: Path, ending: str, kind: str) -> None:
    with pytest.raises(DamagedLoraError, match=kind):
        placed(tmp_path / "a.safetensors", kohya(LINEAR, (8, 24), **{ending: torch.ones(1)}))


@pytest.mark.parametrize("ending", ["hada_w1_a", "lokr_w1", "diff", "on_input"])
def test_a_module_of_two_kinds_is_not_whole(tmp_path: Path, ending: str) -> None:
    with pytest.raises(DamagedLoraError, match="attn2_to_k"):
        placed(tmp_path / "a.safetensors", kohya(LINEAR, (8, 24), **{ending: torch.ones(1)}))


@pytest.mark.parametrize(
    ("shapes", "kind"),
    [
        ({"hada_w1_a": (8, 2), "hada_w1_b": (2, 2048), "hada_w2_a": (8, 2), "hada_w2_b": (2, 2048)}, "LoHa"),
        ({"lokr_w1": (2, 4), "lokr_w2": (4, 512)}, "LoKr"),
        ({"diff": (8, 2048)}, "difference"),
    ],
)
def test_the_family_of_other_kinds_is_told_too(tmp_path: Path, shapes: dict[str, Shape], kind: str) -> None:
    path, module = tmp_path / "xl.safetensors", f"lora_unet_{flat(LINEAR[:-7])}"
    save_file({f"{module}.{name}": torch.ones(shape) for name, shape in shapes.items()}, path)
    assert read_lora_file(path).made_for == "sdxl"
    wide = SHAPES | {"unet": unet_shapes(STRUCTURE, 2048)}
    assert [one.kind for one in place_lora(read_lora_file(path), wide, "sdxl")] == [kind]


def refused(path: Path, tensors: Tensors, error: type[ColabsdError], *words: str) -> None:
    with pytest.raises(error) as caught:
        placed(path, tensors)
    for language in ("en", "es"):
        told: Any = caught.value.tell(language)
        assert all(word in told for word in words), told


def test_what_does_not_fit_is_refused_with_the_reason(tmp_path: Path) -> None:
    path = tmp_path / "ink.safetensors"
    refused(path, kohya(LINEAR, (8, 25)), LoraMismatchError, "ink", "8×24", "2×25")
    refused(path, kohya(CONVOLUTION, (8, 8, 1, 1)), LoraMismatchError, "8×8×3×3")
    refused(path, kohya("mid_block.nothing.weight", (8, 8)), LoraMismatchError, "lora_unet_mid_block_nothing")
    half = {name: tensor for name, tensor in kohya(LINEAR, (8, 24)).items() if "up" not in name}
    refused(path, half, DamagedLoraError, "attn2_to_k")
    refused(path, {"something.else": torch.ones(2)}, DamagedLoraError, "something.else")


def test_a_lora_of_another_family_is_told_by_name(tmp_path: Path) -> None:
    path = tmp_path / "xl.safetensors"
    shapes = SHAPES | {"unet": unet_shapes(STRUCTURE, 768)}
    save_file(kohya(LINEAR, (8, 2048)), path)
    with pytest.raises(LoraMismatchError, match=r"made for SDXL, and this model is Stable Diffusion 1"):
        place_lora(read_lora_file(path), shapes, "sd1")
