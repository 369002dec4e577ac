"""diffusers and peft read our LoRA files, and make of them what was trained. Skipped where there is no peft."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from small_families import make_family
from training_results import finish, is_any, make_adapter, make_trained

from colabsd.engine.engine import Engine
from colabsd.models.cards import Family
from colabsd.training.export.comparison import SEED, SENTENCE, TIMESTEP, outputs, running_beside
from colabsd.training.export.files import FORMS, Form, lora_file

pytest.importorskip("peft")
pytestmark = pytest.mark.integration
PROMPT: dict[str, Any] = {"device": "cpu", "num_images_per_prompt": 1, "do_classifier_free_guidance": False}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("family", ["sd1", "sdxl"])
def test_load_lora_weights_makes_of_it_what_was_trained(
    small_of: Callable[[Family], Engine], family: Family, form: Form, tmp_path: Path
) -> None:
    """UNet and text encoders, convolutions too, alpha ≠ rank; measured 9e-7 at most, where the LoRA makes more than
    half of the output."""
    engine = small_of(family)
    trained = make_trained(engine, chosen=is_any)
    data = finish(lora_file(trained, make_adapter(engine), engine, tmp_path, form=form, half=False))
    (tmp_path / "zorro.safetensors").write_bytes(data)
    pipeline = pipeline_of(tmp_path / "model", family)
    pipeline.load_lora_weights(str(tmp_path), weight_name="zorro.safetensors")
    side = 2 * engine.card.multiple // engine.card.factor
    noise = torch.randn(1, 4, side, side, generator=torch.Generator().manual_seed(SEED))
    with torch.no_grad():
        told = pipeline.encode_prompt(SENTENCE, **PROMPT)
        added = {}
        if family == "sdxl":
            sizes = torch.tensor([[512.0, 512.0, 0.0, 0.0, 512.0, 512.0]])
            added = {"added_cond_kwargs": {"text_embeds": told[2], "time_ids": sizes}}
        found = pipeline.unet(noise, torch.tensor(TIMESTEP), told[0], return_dict=False, **added)[0]
    with running_beside(engine, trained.lora):
        wanted = outputs(engine)["unet"]
    assert float((found - wanted).norm() / wanted.norm()) < 1e-5
    assert float((outputs(engine)["unet"] - wanted).norm() / wanted.norm()) > 0.1


def pipeline_of(folder: Path, family: Family) -> Any:
    """diffusers' pipeline over the family's small model, made anew with the same weights."""
    from diffusers import DDIMScheduler, StableDiffusionPipeline, StableDiffusionXLPipeline

    made = make_family(folder, family, "text")
    parts: dict[str, Any] = {
        "vae": made.vae,
        "unet": made.unet,
        "text_encoder": made.encoders[0],
        "tokenizer": made.tokenizers[0],
        "scheduler": DDIMScheduler.from_config(made.scheduler),
    }
    if family == "sdxl":
        second = {"text_encoder_2": made.encoders[1], "tokenizer_2": made.tokenizers[1]}
        return StableDiffusionXLPipeline(**parts, **second, add_watermarker=False)
    safety: dict[str, Any] = {"safety_checker": None, "feature_extractor": None, "requires_safety_checker": False}
    return StableDiffusionPipeline(**parts, **safety)
