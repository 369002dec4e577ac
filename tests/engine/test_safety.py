"""The checker that some models carry: diffusers' own judgement, from files old and new; what it flags is blurred."""

import dataclasses
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from torch.nn import functional

from colabsd.artifacts import Picture
from colabsd.engine.engine import Engine
from colabsd.engine.safety import SafetyChecker, load_checker, prepared
from colabsd.environment.machine import Machine
from colabsd.models.cards import ModelCard
from colabsd.models.folders import read_card
from colabsd.planning.images import plan_images
from colabsd.planning.plans import ImagePlan, Note
from colabsd.recipes.text import draw_text
from colabsd.settings.images import ImageSettings

pytestmark = pytest.mark.integration

VISION = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_attention_heads": 4,
    "num_hidden_layers": 2,
    "image_size": 32,
    "patch_size": 8,
}
MACHINE = Machine(cores=2, ram_bytes=2**34, free_ram_bytes=2**34)


@pytest.fixture(scope="module")
def theirs() -> Any:
    """diffusers' checker, small, with thresholds between what pictures reach."""
    from diffusers.pipelines.stable_diffusion.safety_checker import StableDiffusionSafetyChecker
    from transformers import CLIPConfig

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(22)
        checker = StableDiffusionSafetyChecker(CLIPConfig(vision_config=VISION, projection_dim=16)).eval()
        for parameter in checker.parameters():
            parameter.data.normal_(std=0.3 if parameter.ndim > 1 else 0.1)
        seen = torch.cat([prepared(image, VISION["image_size"]) for image in pictures()])
        with torch.no_grad():
            found = functional.normalize(checker.visual_projection(checker.vision_model(seen)[1]))
        for name, share in (("concept_embeds", 0.97), ("special_care_embeds", 0.8)):
            concepts = getattr(checker, name).data.normal_()
            nearness = found @ functional.normalize(concepts).T
            getattr(checker, f"{name}_weights").data.copy_(nearness.quantile(share, dim=0))
    return checker


@pytest.fixture(scope="module")
def folder(theirs: Any, small_model_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small model with the checker beside it."""
    folder = tmp_path_factory.mktemp("checked") / "model"
    shutil.copytree(small_model_folder, folder)
    theirs.save_pretrained(folder / "safety_checker")
    return folder


@pytest.fixture
def card(folder: Path) -> ModelCard:
    return dataclasses.replace(read_card(folder, "checked"), sha256="0" * 64)


def pictures(count: int = 40) -> list[Image.Image]:
    generator = np.random.default_rng(3)
    coarse = [generator.integers(0, 256, (4, 4, 3), dtype=np.uint8) for _ in range(count)]
    return [Image.fromarray(one).resize((64, 48), Image.Resampling.BICUBIC) for one in coarse]


def test_it_judges_as_diffusers_checker_does(theirs: Any, folder: Path) -> None:
    ours = load_checker(folder, torch.float32, "cpu")
    judged = []
    for image in pictures():
        seen = prepared(image, ours.side)
        _, (flagged,) = theirs(clip_input=seen, images=[np.zeros((8, 8, 3))])
        with torch.inference_mode():
            assert ours.flags(image) == flagged
        judged.append(flagged)
    assert any(judged) and not all(judged), "pictures of both kinds"


def test_pictures_are_prepared_as_clip_was_shown_them() -> None:
    from transformers import CLIPImageProcessor

    made: Any = CLIPImageProcessor(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32})
    for size in ((64, 48), (40, 90), (33, 33)):
        image = pictures(1)[0].resize(size)
        theirs = torch.as_tensor(np.asarray(made(image, return_tensors="np").pixel_values))
        # A level of 255 here and there: theirs may scale with torch's filter instead of Pillow's.
        assert (prepared(image, 32) - theirs).abs().mean() < 0.02


def test_files_of_older_libraries_are_read(theirs: Any, folder: Path, tmp_path: Path) -> None:
    older = tmp_path / "older"
    shutil.copytree(folder, older)
    path = older / "safety_checker" / "model.safetensors"
    plain = {name.replace("vision_model.vision_model.", "vision_model."): one for name, one in load_file(path).items()}
    nested = {name.replace("vision_model.", "vision_model.vision_model."): one for name, one in plain.items()}
    nested["vision_model.vision_model.embeddings.position_ids"] = torch.arange(17)[None]
    save_file(nested, path)
    seen = prepared(pictures(1)[0], 32)
    checkers = [load_checker(one, torch.float32, "cpu") for one in (folder, older)]
    with torch.inference_mode():
        assert torch.equal(*(checker(seen) for checker in checkers))


def plan(card: ModelCard, **asked: Any) -> ImagePlan:
    settings = ImageSettings(prompt="red apple", steps=1, seed=3, **asked)
    return plan_images(settings, card=card, machine=MACHINE, new_seed=lambda: 0)


def test_a_checker_is_asked_where_there_is_one_unless_somebody_says_no(card: ModelCard, small_card: ModelCard) -> None:
    assert plan(card).drawings[0].safety == "blur"
    assert plan(card, safety="off").drawings[0].safety == "off"
    assert plan(small_card).drawings[0].safety == "off"
    assert plan(small_card, safety="blur").drawings[0].safety == "blur", "Stable Diffusion 1's is brought"
    other = dataclasses.replace(small_card, family="sd2")
    assert "note.safety_absent" in {note.key for note in plan(other, safety="blur").notes}
    assert plan(other, safety="blur").drawings[0].safety == "off"
    assert plan(card).drawings[0].key != plan(card, safety="off").drawings[0].key


def drawn(engine: Engine, made: ImagePlan) -> tuple[Picture, list[Note]]:
    events = list(draw_text(engine, made))
    (picture,) = [event for event in events if isinstance(event, Picture)]
    return picture, [event for event in events if isinstance(event, Note)]


@pytest.mark.parametrize("flagged", [True, False])
def test_a_flagged_picture_is_blurred_never_black_and_it_is_said_and_kept(
    card: ModelCard, load_small: Callable[..., Engine], monkeypatch: pytest.MonkeyPatch, flagged: bool
) -> None:
    monkeypatch.setattr(SafetyChecker, "flags", lambda checker, image: flagged)
    engine = load_small(card)
    plain, nothing = drawn(engine, plan(card, safety="off"))
    picture, notes = drawn(engine, plan(card))
    assert nothing == [] and "safety" not in plain.extras
    assert picture.extras["safety"] == {"checked": True, "flagged": flagged, "blurred": flagged}
    assert [note.key for note in notes] == (["note.picture_blurred"] if flagged else [])
    before, after = (np.asarray(one.image, dtype=float) for one in (plain, picture))
    if flagged:
        assert np.abs(np.diff(after, axis=0)).mean() < np.abs(np.diff(before, axis=0)).mean() / 5, (
            "nothing fine is left"
        )
        assert abs(after.mean() - before.mean()) < 5, "as bright as it was"
    else:
        assert np.array_equal(before, after)


def test_a_model_without_a_checker_loads_none(small_engine: Engine, small_card: ModelCard) -> None:
    assert not small_card.has_checker
    picture, _ = drawn(small_engine, plan(small_card))
    assert "safety" not in picture.extras and "_checker" not in vars(small_engine)


def test_a_checker_without_a_configuration_is_none(folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    assert json.loads((copy / "safety_checker" / "config.json").read_text())
    (copy / "safety_checker" / "config.json").unlink()
    assert not read_card(copy, "copy").has_checker
