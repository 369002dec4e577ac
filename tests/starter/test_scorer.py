"""A tiny run of the scorer: it learns, resumes bit for bit, is exported and read again; held-out things stay unseen."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapes
import torch
from PIL import Image

from colabsd.engine.scorers import DrawnWorldScorer
from colabsd.errors import DamagedWeightsError
from starter import checkpoints, scorer, scorer_export, scorer_figures, tokenizer
from starter.captions import Caption
from starter.concepts import learnt, read_concepts, read_held_out
from starter.recipe import FIRST, RECIPES, smoke
from starter.scenes import Background, Scene, Spot, Thing, paint, random_scene

pytestmark = pytest.mark.integration

RECIPE = smoke(FIRST)
DRAWINGS = shapes.drawings(RECIPE.size)


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("words") / "tokenizer"
    tokenizer.train(DRAWINGS.concepts, RECIPE, folder, captions=200)
    return folder


def new_run(words: Path, seed: int = 0) -> scorer.Training:
    return scorer.Training(RECIPE.scorer, DRAWINGS.concepts, DRAWINGS, tokenizer.Sentences(words), seed=seed)


@pytest.fixture(scope="module")
def trained(words: Path) -> tuple[scorer.Training, list[float]]:
    training = new_run(words)
    return training, [training.advance() for _ in range(RECIPE.scorer.steps)]


@pytest.fixture(scope="module")
def exported(
    trained: tuple[scorer.Training, list[float]], words: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    folder = tmp_path_factory.mktemp("scorer") / "files"
    scorer_export.export(trained[0].model, words, len(DRAWINGS.concepts), folder, "0")
    return folder


def test_the_scorer_learns(trained: tuple[scorer.Training, list[float]]) -> None:
    losses = trained[1]
    assert np.mean(losses[-8:]) < 0.8 * np.mean(losses[:8])


def test_after_some_steps_sentences_find_their_pictures_better_than_chance(exported: Path) -> None:
    found = scorer_figures.figures(DrawnWorldScorer(exported), DRAWINGS.concepts, DRAWINGS.concepts[:2], DRAWINGS)
    chance = 1 / len(DRAWINGS.concepts)
    retrieved = [share for name, share in found.items() if name.startswith("caption") and name.endswith("top-1")]
    assert np.mean(retrieved) > 1.5 * chance
    assert found["style of one thing"] > 1.5 / 3


def test_a_resumed_scorer_equals_an_uninterrupted_one(words: Path, tmp_path: Path) -> None:
    whole = new_run(words)
    for _ in range(6):
        whole.advance()
    first = new_run(words)
    for _ in range(3):
        first.advance()
    path = checkpoints.save(tmp_path, first.step, first.state())
    second = new_run(words, seed=9)
    second.restore(checkpoints.load(path))
    for _ in range(3):
        second.advance()
    both = zip(whole.all.state_dict().items(), second.all.state_dict().items(), strict=True)
    assert all(name == other and torch.equal(one, two) for (name, one), (other, two) in both)


def test_what_was_exported_scores_as_what_was_trained(
    trained: tuple[scorer.Training, list[float]], exported: Path
) -> None:
    """fp16 has 11 bits: cosines differ by some thousandths."""
    picture = Image.fromarray(paint(scene("3d"), DRAWINGS, 32))
    model = trained[0].model.eval()
    with torch.inference_mode():
        tensor = scorer.to_tensor(np.asarray(picture)[None])
        wanted = torch.nn.functional.normalize(model.pictures(tensor)[0].float(), dim=1).numpy()
        ids = trained[0].sentences(["a ball, blue background"], RECIPE.scorer.tokens)
        said = torch.nn.functional.normalize(model.sentences(ids).float(), dim=1).numpy()
    found = DrawnWorldScorer(exported)
    assert float((found.pictures([picture]) * wanted).sum()) == pytest.approx(1, abs=5e-3)
    assert float((found.sentences(["a ball, blue background"]) * said).sum()) == pytest.approx(1, abs=5e-3)


def test_a_damaged_file_is_told(exported: Path, tmp_path: Path) -> None:
    import shutil

    folder = tmp_path / "files"
    shutil.copytree(exported, folder)
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x00")
    with pytest.raises(DamagedWeightsError):
        DrawnWorldScorer(folder)


def test_no_stage_sees_a_held_out_thing() -> None:
    tiers = tuple({tier for recipe in RECIPES.values() for tier in recipe.tiers})
    assert not {concept.id for concept in learnt(read_concepts(), tiers)} & set(read_held_out())


def test_a_batch_holds_each_thing_twice_in_two_styles(words: Path) -> None:
    batch = new_run(words).batch()
    rows = RECIPE.scorer.things * scorer.VIEWS
    assert batch.pictures.shape == (rows, 3, 32, 32) and len(batch.ids) == rows
    styles = batch.styles.reshape(-1, 2, 2)
    assert (styles[:, :, 0] == styles[:, :, 1]).all() and (styles[:, 0, 0] != styles[:, 1, 0]).all()


def scene(style: str, colour: str = "blue") -> Scene:
    return Scene(style, Background("plain", (colour,)), (Thing(DRAWINGS.concepts[0], (Spot(0.5, 0.5, 0.8),)),))


def test_a_caption_that_fits_another_picture_too_counts_neither_way(words: Path) -> None:
    scenes = [scene("3d"), scene("3d", "red"), scene("flat")]
    open_caption = Caption("ball", "en", None, None)
    styled = Caption("ball, 3d", "en", "3d", None)
    exact = Caption("ball, flat, blue background", "en", "flat", scenes[2].background)
    pixels = np.stack([paint(one, DRAWINGS, 32) for one in scenes])
    fits = new_run(words).told(pixels, scenes, [open_caption, styled, exact]).fits()
    assert fits.tolist() == [[True, True, True], [True, True, False], [False, False, True]]


def test_pictures_are_seen_worse_and_differently_every_time() -> None:
    chance = random.Random(0)
    one = random_scene(chance, DRAWINGS.concepts, RECIPE.scorer.scenes)
    seen = [scorer.seen_badly(one, DRAWINGS, 32, chance) for _ in range(8)]
    assert all(picture.shape == (32, 32, 3) and picture.dtype == np.uint8 for picture in seen)
    assert len({picture.tobytes() for picture in seen}) > 4


def test_a_scorer_that_is_too_large_is_refused(words: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scorer_export, "MOST_BYTES", 1000)
    model: Any = new_run(words).model
    with pytest.raises(ValueError, match="more than"):
        scorer_export.export(model, words, 6, tmp_path / "files", "0")
    assert not (tmp_path / "files").exists()
