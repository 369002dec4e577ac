"""A family is told by configuration or by names and shapes, whatever a file is called."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from colabsd.errors import UnsupportedModelError
from colabsd.models.families import Traits, defaults_of, traits_of_config, traits_of_shapes, what_else

PATH = Path("any-name.safetensors")
Shapes = dict[str, Sequence[int]]

# Names and shapes as the published files have them, of the UNet only what tells something.
ORIGINAL: Shapes = {
    "model.diffusion_model.input_blocks.0.0.weight": (320, 4, 3, 3),
    "model.diffusion_model.input_blocks.1.1.proj_in.weight": (320, 320, 1, 1),
    "model.diffusion_model.input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight": (320, 768),
    "first_stage_model.decoder.conv_in.weight": (512, 4, 3, 3),
    "cond_stage_model.transformer.text_model.embeddings.token_embedding.weight": (49408, 768),
}
ORIGINAL_2 = ORIGINAL | {
    "model.diffusion_model.input_blocks.1.1.proj_in.weight": (320, 320),
    "model.diffusion_model.input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight": (320, 1024),
}
ORIGINAL_XL: Shapes = {
    "model.diffusion_model.input_blocks.0.0.weight": (320, 4, 3, 3),
    "model.diffusion_model.input_blocks.4.1.proj_in.weight": (640, 640),
    "model.diffusion_model.input_blocks.4.1.transformer_blocks.0.attn2.to_k.weight": (640, 2048),
    "model.diffusion_model.label_emb.0.0.weight": (1280, 2816),
}
DIFFUSERS: Shapes = {
    "conv_in.weight": (320, 4, 3, 3),
    "down_blocks.0.attentions.0.proj_in.weight": (320, 320, 1, 1),
    "down_blocks.0.attentions.0.transformer_blocks.0.attn2.to_k.weight": (320, 768),
}
DIFFUSERS_XL: Shapes = {
    "conv_in.weight": (320, 4, 3, 3),
    "add_embedding.linear_1.weight": (1280, 2816),
    "down_blocks.1.attentions.0.proj_in.weight": (640, 640),
    "down_blocks.1.attentions.0.transformer_blocks.0.attn2.to_k.weight": (640, 2048),
}


@pytest.mark.parametrize(
    ("shapes", "traits"),
    [
        (ORIGINAL, Traits("sd1")),
        (ORIGINAL_2, Traits("sd2")),
        (ORIGINAL_XL, Traits("sdxl")),
        (DIFFUSERS, Traits("sd1")),
        (DIFFUSERS_XL, Traits("sdxl")),
        (ORIGINAL | {"model.diffusion_model.input_blocks.0.0.weight": (320, 9, 3, 3)}, Traits("sd1", "inpaint")),
        (ORIGINAL_2 | {"model.diffusion_model.input_blocks.0.0.weight": (320, 9, 3, 3)}, Traits("sd2", "inpaint")),
        (ORIGINAL | {"model.diffusion_model.input_blocks.0.0.weight": (320, 8, 3, 3)}, Traits("sd1", "edit")),
        (DIFFUSERS | {"time_embedding.cond_proj.weight": (320, 256)}, Traits("sd1", guidance_embedding=True)),
        ({f"unet.{name}": shape for name, shape in DIFFUSERS.items()}, Traits("sd1")),
    ],
)
def test_names_and_shapes_tell_the_family(shapes: Shapes, traits: Traits) -> None:
    assert traits_of_shapes(shapes, PATH) == traits


@pytest.mark.parametrize(
    ("shapes", "found"),
    [
        ({"double_blocks.0.img_attn.qkv.weight": (9216, 3072)}, "Flux"),
        ({"model.diffusion_model.joint_blocks.0.x": (1,)}, "Stable Diffusion 3"),
        ({"lora_unet_down_blocks_0.lora_down.weight": (4, 320)}, "LoRA"),
        ({"decoder.conv_in.weight": (512, 4, 3, 3), "post_quant_conv.weight": (4, 4, 1, 1)}, "autoencoder"),
        ({"conv_in.weight": (64, 3, 3, 3)}, "no UNet"),
        ({}, "no UNet"),
        (ORIGINAL | {"model.diffusion_model.input_blocks.0.0.weight": (320, 5, 3, 3)}, "depths"),
        (ORIGINAL | {"model.diffusion_model.input_blocks.0.0.weight": (320, 6, 3, 3)}, "in_channels 6"),
        (
            ORIGINAL_XL
            | {"model.diffusion_model.input_blocks.4.1.transformer_blocks.0.attn2.to_k.weight": (640, 1280)},
            "refiner",
        ),
    ],
)
def test_what_cannot_be_drawn_with_is_named(shapes: Shapes, found: str) -> None:
    with pytest.raises(UnsupportedModelError) as error:
        traits_of_shapes(shapes, PATH)
    assert found in str(error.value.facts["found"])


def test_an_autoencoder_in_a_checkpoint_is_no_reason_to_call_it_one() -> None:
    assert what_else(ORIGINAL_XL) == "no UNet"
    assert traits_of_shapes(ORIGINAL | {"first_stage_model.post_quant_conv.weight": (4, 4, 1, 1)}, PATH).family == "sd1"


@pytest.mark.parametrize(
    ("config", "traits"),
    [
        ({"in_channels": 4, "cross_attention_dim": 768}, Traits("sd1")),
        ({"in_channels": 4, "cross_attention_dim": 1024, "use_linear_projection": True}, Traits("sd2")),
        ({"in_channels": 9, "cross_attention_dim": 1024, "use_linear_projection": True}, Traits("sd2", "inpaint")),
        (
            {"in_channels": 4, "addition_embed_type": "text_time", "cross_attention_dim": 2048},
            Traits("sdxl"),
        ),
        ({"in_channels": 4, "time_cond_proj_dim": 256}, Traits("sd1", guidance_embedding=True)),
        ({"in_channels": 4, "addition_embed_type": "text"}, Traits("sd1")),
    ],
)
def test_a_configuration_tells_the_family(config: dict[str, object], traits: Traits) -> None:
    assert traits_of_config({"_class_name": "UNet2DConditionModel", **config}, PATH) == traits


@pytest.mark.parametrize(
    "config",
    [
        {"_class_name": "FluxTransformer2DModel"},
        {"_class_name": "UNet2DConditionModel", "in_channels": 7},
        {"_class_name": "UNet2DConditionModel", "class_embed_type": "projection"},
        {"_class_name": "UNet2DConditionModel", "addition_embed_type": "text_time", "cross_attention_dim": 1280},
        {},
    ],
)
def test_other_configurations_are_refused(config: dict[str, object]) -> None:
    with pytest.raises(UnsupportedModelError):
        traits_of_config(config, PATH)


def test_a_model_that_follows_guidance_by_itself_gets_its_few_steps() -> None:
    few = defaults_of(Traits("sd1", guidance_embedding=True))
    assert (few.sampler, few.steps) == ("LCM", 4) and few.few_steps is not None
    assert defaults_of(Traits("sdxl")).few_steps is None
