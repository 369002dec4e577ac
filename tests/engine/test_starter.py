"""The engine with the embedded model: what diffusers draws from the same files, and previews of its colours."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from colabsd.engine.engine import Drawn, Engine
from colabsd.models.starter import Starter, starter_folder
from colabsd.planning.plans import Drawing
from colabsd.progress import Progress

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def starter_engine(load_small: Callable[..., Engine]) -> Engine:
    return load_small(Starter(starter_folder()).card())


@pytest.fixture
def apple(starter_engine: Engine, drawing: Callable[..., Drawing]) -> Drawing:
    card = starter_engine.card
    return drawing(
        prompt="una manzana roja, estilo 3d, fondo azul",
        width=card.size.width,
        height=card.size.height,
        sampler=card.default_sampler,
        schedule=card.default_schedule,
        steps=card.default_steps,
        guidance=card.default_guidance,
    )


def test_it_draws_what_diffusers_draws_with_the_same_files(starter_engine: Engine, apple: Drawing) -> None:
    from diffusers import StableDiffusionPipeline

    pipeline: Any = StableDiffusionPipeline.from_pretrained(starter_folder(), torch_dtype=torch.float32)
    pipeline.set_progress_bar_config(disable=True)
    theirs = pipeline(
        apple.prompt,
        num_inference_steps=apple.steps,
        guidance_scale=apple.guidance,
        generator=torch.Generator().manual_seed(apple.seed),
    ).images[0]
    (ours,) = [event.image for event in starter_engine.draw([apple]) if isinstance(event, Drawn)]
    assert np.array_equal(np.asarray(ours), np.asarray(theirs))


def test_the_last_preview_has_the_pictures_colours(starter_engine: Engine, apple: Drawing) -> None:
    events = list(starter_engine.draw([apple], previews=True))
    preview = [event.preview for event in events if isinstance(event, Progress) and event.stage == "denoise"][-1]
    picture = np.asarray(events[-1].image.resize(preview.shape[1::-1]))
    # A linear map from four numbers: a mean error of 40 of 255 is rough, and still tells red on blue apart.
    assert np.abs(np.int16(preview) - picture).mean() < 40
