"""Starting from a picture: each picture its own noise, samplers that diffusers lacks, layouts, published sizes."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from small_families import SmallFamily, make_family

from colabsd.engine.clip import ClipTextEncoder, ProjectedClipTextEncoder
from colabsd.engine.components import autoencoder_dtype
from colabsd.engine.engine import Engine
from colabsd.engine.networks import DiffusersUNet, build_autoencoder, build_picture_encoder, build_unet
from colabsd.engine.noise import PhiloxGenerator
from colabsd.engine.redrawing import Original, picture_tensor
from colabsd.engine.schedulers import build_scheduler, leave_out
from colabsd.engine.unet import UNet
from colabsd.engine.unet_embeddings import Added
from colabsd.models.folders import read_card
from colabsd.planning.plans import Drawing
from colabsd.settings.samplers import SAMPLERS, find_sampler

Draw = Callable[..., Drawing]

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def picture() -> Image.Image:
    rows, columns = np.mgrid[0:64, 0:64]
    return Image.fromarray(np.stack([rows * 4, columns * 4, (rows * columns) % 256], axis=-1).astype(np.uint8))


@pytest.fixture(scope="module")
def mask() -> Image.Image:
    mask = Image.new("L", (64, 64), 0)
    mask.paste(255, (16, 16, 48, 48))
    return mask


@pytest.fixture(scope="module")
def sdxl(tmp_path_factory: pytest.TempPathFactory, load_small: Callable[..., Engine]) -> tuple[Engine, SmallFamily]:
    folder = tmp_path_factory.mktemp("sdxl")
    theirs = make_family(folder, "sdxl", "text")
    return load_small(read_card(folder, "sdxl")), theirs


def latents(engine: Engine, original: Original | None, *drawings: Drawing) -> torch.Tensor:
    return [step.latents for step, _ in engine.steps(drawings, original)][-1]


@pytest.mark.parametrize("masked", [False, True])
def test_a_picture_of_a_batch_is_the_same_alone(
    small_engine: Engine, drawing: Draw, picture: Image.Image, mask: Image.Image, masked: bool
) -> None:
    original = Original(picture, mask if masked else None)
    batch = [drawing(sampler="Euler a", eta=1.0, strength=0.7, seed=seed) for seed in (3, 4)]
    together = latents(small_engine, original, *batch)
    # Sums in another order: the UNet works on two pictures at once.
    assert (latents(small_engine, original, batch[1])[0] - together[1]).abs().max() < 1e-4
    assert not torch.equal(together[0], together[1])


def test_little_strength_stays_near_and_much_goes_far(
    small_engine: Engine, drawing: Draw, picture: Image.Image
) -> None:
    start = small_engine._picture_encoder.encode(picture_tensor(picture, "cpu")).latents(None)
    distances = [
        (latents(small_engine, Original(picture), drawing(steps=20, strength=strength)) - start).abs().mean().item()
        for strength in (0.05, 0.3, 1.0)
    ]
    assert distances == sorted(distances)


def test_philox_noise_begins_with_the_latents(small_engine: Engine, drawing: Draw, picture: Image.Image) -> None:
    """Nothing is drawn for the encoder, so that a seed's first noise is the one that other programs add."""
    asked = drawing(noise="nv", strength=1.0, steps=1)
    start = small_engine._start([asked], Original(picture), build(asked))
    scheduler = build(asked)
    mean = small_engine._picture_encoder.encode(picture_tensor(picture, "cpu")).latents(None)
    noise = PhiloxGenerator(asked.seed).randn((4, 8, 8))[None]
    assert torch.allclose(start.latents, scheduler.add_noise(mean, noise, scheduler.timesteps[:1]))


def build(drawing: Drawing) -> Any:
    return build_scheduler(
        find_sampler(drawing.sampler), "Automatic", drawing.steps, {}, eta=None, seeds=[drawing.seed]
    )


@pytest.mark.parametrize("sampler", [sampler.label for sampler in SAMPLERS])
def test_every_sampler_begins_where_it_is_told(sampler: str) -> None:
    """Half of the steps left out: the first noise that is left is a middling one, and time ends as it does without."""
    row = find_sampler(sampler)
    scheduler: Any = build_scheduler(row, "Automatic", 10, {}, eta=row.default_eta, seeds=[1])
    whole = scheduler.timesteps.clone()
    left = leave_out(scheduler, 5)
    assert 0 < len(left) < len(whole)
    assert 150 < float(left[0]) < 700  # with an exponential schedule 202
    ends = float(left[-1]) == float(whole[-1])
    assert ends or (sampler == "DPM fast" and left[-1] < left[0])  # whose blocks are of equal width again


def test_dpm_fast_makes_as_many_calls_as_steps_are_left(
    small_engine: Engine, drawing: Draw, picture: Image.Image, mask: Image.Image
) -> None:
    asked = drawing(sampler="DPM fast", eta=1.0, steps=10, strength=0.6)
    for original in (Original(picture), Original(picture, mask)):
        steps = [step for step, _ in small_engine.steps([asked], original)]
        assert [step.total for step in steps] == [6] * 6
        assert steps[-1].latents.isfinite().all()
        assert 0.3 * 999 < float(steps[0].timestep) < 0.7 * 999


def test_the_encoder_is_not_loaded_for_a_sentence(
    small_card: Any, load_small: Callable[..., Engine], drawing: Draw
) -> None:
    engine = load_small(small_card)

    def forbidden() -> Any:
        raise AssertionError("loaded")

    engine.components = dataclasses.replace(engine.components, picture_encoder=forbidden)
    latents(engine, None, drawing(steps=1))
    with pytest.raises(AssertionError, match="loaded"):
        latents(engine, Original(Image.new("RGB", (64, 64))), drawing(steps=2, strength=0.5))


@pytest.mark.parametrize("clip_skip", [1, 2])
def test_sdxls_states_are_those_of_the_layer_before_the_last(sdxl: tuple[Engine, SmallFamily], clip_skip: int) -> None:
    """Not normalised, side by side; pooled those of the second encoder, whatever is skipped."""
    engine, theirs = sdxl
    text = "red apple, señal"
    for encoder, network, tokenizer in zip(engine.components.encoders, theirs.encoders, theirs.tokenizers, strict=True):
        ids = torch.tensor([encoder.tokenizer.padded(encoder.tokenizer.ids(text))])
        assert ids.tolist() == tokenizer(text, padding="max_length", return_tensors="pt").input_ids.tolist()
        with torch.inference_mode():
            hidden, pooled = encoder(ids, clip_skip)
            found = network(ids, output_hidden_states=True)
        assert torch.equal(hidden, found.hidden_states[-(clip_skip + 1)])
        assert (pooled is None) == (network is theirs.encoders[0])
        assert pooled is None or torch.equal(pooled, found.text_embeds)


def test_an_empty_negative_prompt_is_zeros_where_the_model_says_so(
    sdxl: tuple[Engine, SmallFamily], drawing: Draw
) -> None:
    engine, _ = sdxl
    zeros = latents(engine, None, drawing(negative_prompt=" "))
    assert not torch.equal(zeros, latents(engine, None, drawing(negative_prompt="azul")))
    engine.components = dataclasses.replace(engine.components, zeros_for_empty=False)
    assert not torch.equal(zeros, latents(engine, None, drawing(negative_prompt=" ")))
    engine.components = dataclasses.replace(engine.components, zeros_for_empty=True)


def test_only_sdxls_autoencoder_is_kept_from_half_precision() -> None:
    half, full = torch.float16, torch.float32
    assert autoencoder_dtype("sdxl", {}, half) == full == autoencoder_dtype("sdxl", {"force_upcast": True}, half)
    assert autoencoder_dtype("sdxl", {"force_upcast": False}, half) == half == autoencoder_dtype("sd1", {}, half)
    assert autoencoder_dtype("sdxl", {}, torch.bfloat16) == torch.bfloat16


# As published: stable-diffusion-v1-5, -v1-5-inpainting, instruct-pix2pix, 2-1, xl-base-1.0, LCM_Dreamshaper_v7.
UNETS: dict[str, dict[str, Any]] = {
    "1.5": {"cross_attention_dim": 768},
    "1.5 inpainting": {"cross_attention_dim": 768, "in_channels": 9},
    "InstructPix2Pix": {"cross_attention_dim": 768, "in_channels": 8},
    "LCM": {"cross_attention_dim": 768, "time_cond_proj_dim": 256},
    "2.1": {
        "cross_attention_dim": 1024,
        "attention_head_dim": (5, 10, 20, 20),
        "use_linear_projection": True,
        "upcast_attention": True,
    },
    "XL": {
        "cross_attention_dim": 2048,
        "attention_head_dim": (5, 10, 20),
        "use_linear_projection": True,
        "block_out_channels": (320, 640, 1280),
        "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        "up_block_types": ("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        "transformer_layers_per_block": (1, 2, 10),
        "addition_embed_type": "text_time",
        "addition_time_embed_dim": 256,
        "projection_class_embeddings_input_dim": 2816,
    },
}
PARAMETERS = {"1.5": 859_520_964, "2.1": 865_910_724, "XL": 2_567_463_684}


@pytest.mark.parametrize("model", UNETS)
def test_published_unets_have_their_names_and_shapes_in_ours(model: str) -> None:
    from diffusers import UNet2DConditionModel

    with torch.device("meta"):
        theirs: Any = UNet2DConditionModel(sample_size=64, **UNETS[model])
        config = {name: list(one) if isinstance(one, tuple) else one for name, one in theirs.config.items()}
        ours = build_unet(config)
    assert isinstance(ours, UNet)
    named = {name: tensor.shape for name, tensor in ours.state_dict().items()}
    assert named == {name: tensor.shape for name, tensor in theirs.state_dict().items()}
    if model in PARAMETERS:
        assert sum(shape.numel() for shape in named.values()) == PARAMETERS[model]


@pytest.mark.parametrize("scale", [0.18215, 0.13025])
def test_the_published_autoencoder_is_in_our_two_halves(scale: float) -> None:
    from diffusers import AutoencoderKL

    with torch.device("meta"):
        theirs: Any = AutoencoderKL(
            block_out_channels=(128, 256, 512, 512),
            down_block_types=("DownEncoderBlock2D",) * 4,
            up_block_types=("UpDecoderBlock2D",) * 4,
            layers_per_block=2,
            sample_size=512,
            scaling_factor=scale,
        )
        config = {name: list(one) if isinstance(one, tuple) else one for name, one in theirs.config.items()}
        halves = build_autoencoder(config), build_picture_encoder(config)
    named = {name: tensor.shape for half in halves for name, tensor in half.state_dict().items()}
    assert named == {name: tensor.shape for name, tensor in theirs.state_dict().items()}
    assert {half.scaling_factor for half in halves} == {scale}


OPEN_CLIP_H = {"hidden_size": 1024, "intermediate_size": 4096, "num_attention_heads": 16, "num_hidden_layers": 23}
OPEN_CLIP_G = {"hidden_size": 1280, "intermediate_size": 5120, "num_attention_heads": 20, "num_hidden_layers": 32}


@pytest.mark.parametrize(
    ("network", "theirs", "sizes"),
    [
        (ClipTextEncoder, "CLIPTextModel", {**OPEN_CLIP_H, "projection_dim": 512}),
        (ProjectedClipTextEncoder, "CLIPTextModelWithProjection", {**OPEN_CLIP_G, "projection_dim": 1280}),
    ],
)
def test_published_text_encoders_have_their_names_and_shapes_in_ours(
    network: Any, theirs: str, sizes: dict[str, int]
) -> None:
    import transformers

    from colabsd.engine.clip import with_plain_names

    config = {"vocab_size": 49408, "hidden_act": "gelu", **sizes}
    with torch.device("meta"):
        model = getattr(transformers, theirs)(transformers.CLIPTextConfig(**config))
        ours = network(config)
    plain = {name: tensor.shape for name, tensor in with_plain_names(model.state_dict()).items()}
    assert {name: tensor.shape for name, tensor in ours.state_dict().items()} == plain


@pytest.mark.parametrize("family", ["sd2", "sdxl"])
def test_diffusers_class_behind_our_names_is_told_the_same(tmp_path: Path, family: Any) -> None:
    theirs = make_family(tmp_path, family, "text", guidance_width=16)
    config = {name: list(one) if isinstance(one, tuple) else one for name, one in theirs.unet.config.items()}
    ours, wrapped = build_unet(config).eval(), DiffusersUNet(config).eval()
    ours.load_state_dict(theirs.unet.state_dict())
    wrapped.model.load_state_dict(theirs.unet.state_dict())
    generator = torch.Generator().manual_seed(1)
    seen = torch.randn(2, 4, 8, 8, generator=generator)
    told = torch.randn(2, 77, config["cross_attention_dim"], generator=generator)
    pooled = torch.randn(2, 20, generator=generator)
    sizes = torch.tensor([[64.0, 64, 0, 0, 64, 64], [96, 64, 8, 4, 64, 64]])
    added = Added(pooled, sizes, 7.5) if family == "sdxl" else Added(guidance=7.5)
    with torch.inference_mode():
        results = [one(seen, torch.tensor(301), one.prepare(told, added)) for one in (ours, wrapped)]
        other = ours(seen, torch.tensor(301), ours.prepare(told, dataclasses.replace(added, guidance=2.0)))
    assert torch.equal(*results)
    assert not torch.equal(results[0], other)
