"""AnimateDiff: our loop around diffusers' UNetMotionModel gives what diffusers' AnimateDiffPipeline gives."""

import itertools
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from colabsd.engine.engine import Drawn, Engine
from colabsd.environment.machine import Machine
from colabsd.errors import DamagedWeightsError, MissingWeightsError, UnsupportedModelError
from colabsd.models.cards import ModelCard
from colabsd.planning.images import plan_images
from colabsd.planning.plans import Drawing, Execution
from colabsd.progress import Progress
from colabsd.settings.images import ImageSettings
from colabsd.video.motion import WINDOW, MovingUNet, animate, load_moving_engine, window_weights, windows

FRAMES = 3


@pytest.fixture(scope="module")
def adapter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Motion modules for the small model, with weights that do something."""
    from diffusers import MotionAdapter

    folder = tmp_path_factory.mktemp("motion")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        modules = MotionAdapter(
            block_out_channels=(32, 64),
            motion_layers_per_block=1,
            motion_mid_block_layers_per_block=1,
            motion_num_attention_heads=4,
            motion_norm_num_groups=8,
        )
        for parameter in modules.parameters():
            torch.nn.init.normal_(parameter, std=0.1)
    modules.save_pretrained(folder)
    return folder


def load(card: ModelCard, folder: Path) -> Engine:
    loading = load_moving_engine(card, Execution(), folder)
    while True:
        try:
            assert isinstance(next(loading), Progress)
        except StopIteration as end:
            engine: Engine = end.value
            return engine


@pytest.fixture(scope="module")
def engine(small_card: ModelCard, adapter: Path) -> Engine:
    return load(small_card, adapter)


@pytest.fixture(scope="module")
def drawing(small_card: ModelCard) -> Drawing:
    machine = Machine(cores=1, ram_bytes=8 * 2**30, free_ram_bytes=8 * 2**30)
    settings = ImageSettings(
        prompt="a dog", negative_prompt="a cat", seed=5, width=64, height=64, steps=3, guidance=5, sampler="Euler"
    )
    return plan_images(settings, card=small_card, machine=machine, new_seed=lambda: 0).drawings[0]


def test_latents_equal_those_of_diffusers_pipeline(engine: Engine, drawing: Drawing) -> None:
    """Within what fp32 adds up to, on one thread or more: 1e-4 of latents of about 1."""
    from diffusers import AnimateDiffPipeline, AutoencoderKL

    unet = engine.components.unet
    assert isinstance(unet, MovingUNet)
    unet.frames = FRAMES
    drawings = [replace(drawing, seed=drawing.seed + number) for number in range(FRAMES)]
    *_, (step, scheduler) = engine.steps(drawings)
    told = engine.reader.read(drawing, 1, guided=True)
    avoided, wanted = (one.embeddings for one in told.at(0))
    noise = torch.cat([torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(one.seed)) for one in drawings])
    vae = AutoencoderKL(block_out_channels=(8, 8, 8, 8), norm_num_groups=4, **VAE)
    pipeline = AnimateDiffPipeline(
        vae=vae,
        text_encoder=None,
        tokenizer=None,
        unet=unet.model,
        motion_adapter=None,
        scheduler=type(scheduler).from_config(scheduler.config),
    )
    pipeline.set_progress_bar_config(disable=True)
    theirs = pipeline(
        prompt_embeds=wanted,
        negative_prompt_embeds=avoided,
        num_frames=FRAMES,
        width=64,
        height=64,
        num_inference_steps=drawing.steps,
        guidance_scale=drawing.guidance,
        latents=noise.transpose(0, 1)[None],
        output_type="latent",
    ).frames
    torch.testing.assert_close(step.latents, theirs[0].transpose(0, 1), atol=1e-4, rtol=1e-4)


VAE = {"down_block_types": ("DownEncoderBlock2D",) * 4, "up_block_types": ("UpDecoderBlock2D",) * 4}


def test_a_film_comes_frame_by_frame_and_the_same_again(engine: Engine, drawing: Drawing) -> None:
    first, again = ([event for event in animate(engine, drawing, FRAMES) if isinstance(event, Drawn)] for _ in range(2))
    assert [frame.position for frame in first] == [0, 1, 2]
    for one, other in zip(first, again, strict=True):
        assert np.array_equal(np.asarray(one.image), np.asarray(other.image))


def test_every_weight_that_loras_reach_is_in_the_moving_unet_too(engine: Engine) -> None:
    unet, parts = engine.components.unet, engine.components.parts
    assert isinstance(unet, MovingUNet)
    assert parts is not None
    assert set(parts.tensors("unet")) <= {name for name, _ in unet.model.named_parameters()}


def test_frames_see_each_other(engine: Engine, drawing: Drawing) -> None:
    """A frame beside others is another picture than alone."""
    beside = next(event for event in animate(engine, drawing, FRAMES) if isinstance(event, Drawn))
    alone = next(event for event in animate(engine, drawing, 1) if isinstance(event, Drawn))
    assert not np.array_equal(np.asarray(beside.image), np.asarray(alone.image))


@pytest.mark.parametrize("frames", [1, 15, 16, 17, 28, 29, 40, 100])
def test_windows_reach_every_frame_and_overlap(frames: int) -> None:
    found = windows(frames)
    assert {frame for window in found for frame in window} == set(range(frames))
    assert all(len(window) == min(frames, WINDOW) for window in found)
    assert all(first[-1] - second[0] + 1 >= 4 for first, second in itertools.pairwise(found))
    assert min(window_weights(WINDOW)) == 1


def test_windows_of_equal_predictions_are_that_prediction() -> None:
    class Same:
        config = type("Config", (), {"in_channels": 4, "out_channels": 4})

        def __call__(self, seen: torch.Tensor, timestep: torch.Tensor, told: torch.Tensor, return_dict: bool):
            assert len(told) == seen.shape[0] * seen.shape[2]
            return (seen * 2,)

    unet = MovingUNet.__new__(MovingUNet)
    torch.nn.Module.__init__(unet)
    unet.model, unet.frames = Same(), 37
    latents = torch.rand(74, 4, 2, 2)
    torch.testing.assert_close(unet(latents, torch.tensor(1), torch.rand(74, 7, 8)), latents * 2)


def test_models_and_folders_that_do_not_fit_are_told(small_card: ModelCard, adapter: Path, tmp_path: Path) -> None:
    with pytest.raises(UnsupportedModelError, match="AnimateDiff"):
        load(replace(small_card, family="sdxl"), adapter)
    with pytest.raises(MissingWeightsError):
        load(small_card, tmp_path)
    (tmp_path / "config.json").write_bytes((adapter / "config.json").read_bytes())
    with pytest.raises(DamagedWeightsError):
        load(small_card, tmp_path)
