"""A tiny run of everything: it learns, resumes bit for bit, exports, and draws in an unchanged pipeline."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapes
import torch

from starter import autoencoder, checkpoints, denoiser, export, networks, tokenizer, words
from starter.captions import Caption
from starter.evaluate import drawer, pipeline_of
from starter.recipe import FIRST, smoke
from starter.scenes import Background, Scene, Spot, Thing, paint

pytestmark = pytest.mark.integration

RECIPE = smoke(FIRST)
DRAWINGS = shapes.drawings(RECIPE.size)


@pytest.fixture(scope="module")
def pool() -> np.ndarray:
    return autoencoder.scenes_for(DRAWINGS, DRAWINGS.concepts, RECIPE, RECIPE.autoencoder.scenes, seed=1)


@pytest.fixture(scope="module")
def sentences(tmp_path_factory: pytest.TempPathFactory) -> tokenizer.Sentences:
    folder = tmp_path_factory.mktemp("words") / "tokenizer"
    tokenizer.train(DRAWINGS.concepts, RECIPE, folder, captions=200)
    return tokenizer.Sentences(folder)


@pytest.fixture(scope="module")
def latents(pool: np.ndarray) -> denoiser.Latents:
    scenes = denoiser.scene_table(DRAWINGS.concepts, RECIPE, seed=7)
    pictures = np.stack([paint(scene, DRAWINGS, RECIPE.size) for scene in scenes])
    model = autoencoder.build(RECIPE)
    with torch.no_grad():
        values = model.encode(autoencoder.to_tensor(pictures)).latent_dist.mode().bfloat16()
    return denoiser.Latents(values, scenes, 1 / float(values.float().std()))


def text_encoder(sentences: tokenizer.Sentences) -> Any:
    torch.manual_seed(3)
    return networks.build_text_encoder(RECIPE.denoiser, sentences.size)


def new_run(latents: denoiser.Latents, sentences: tokenizer.Sentences, seed: int = 0) -> denoiser.Training:
    return denoiser.Training(RECIPE, latents, sentences, text_encoder(sentences), seed=seed)


def same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return all(torch.equal(value, other[name]) for name, value in one.items())


def nothing(*_: object) -> None:
    """In place of a sheet."""


def test_the_autoencoder_learns(pool: np.ndarray) -> None:
    training = autoencoder.Training(RECIPE, pool)
    losses = [training.advance()[0] for _ in range(RECIPE.autoencoder.steps)]
    assert np.mean(losses[-8:]) < 0.9 * np.mean(losses[:8])


def test_a_resumed_autoencoder_equals_an_uninterrupted_one(pool: np.ndarray, tmp_path: Path) -> None:
    whole = autoencoder.Training(RECIPE, pool)
    for _ in range(6):
        whole.advance()
    first = autoencoder.Training(RECIPE, pool)
    for _ in range(3):
        first.advance()
    path = checkpoints.save(tmp_path, first.step, first.state())
    second = autoencoder.Training(RECIPE, pool, seed=9)
    second.restore(checkpoints.load(path))
    for _ in range(3):
        second.advance()
    assert same(whole.model.state_dict(), second.model.state_dict())


def test_the_decoder_goes_on_alone_and_the_latents_stay_what_they_are(pool: np.ndarray) -> None:
    training = autoencoder.Training(RECIPE, pool)
    training.step = RECIPE.autoencoder.steps - 1
    training.advance()
    before = {name: weight.clone() for name, weight in training.model.state_dict().items()}
    training.advance()
    after = training.model.state_dict()
    changed = {name.split(".")[0] for name, weight in after.items() if not torch.equal(weight, before[name])}
    assert changed == {"decoder", "post_quant_conv"}


def new_words(sentences: tokenizer.Sentences, seed: int = 0) -> words.Training:
    return words.Training(RECIPE, DRAWINGS.concepts, DRAWINGS, sentences, seed=seed)


def test_the_text_encoder_learns_what_sentences_mean(sentences: tokenizer.Sentences) -> None:
    training = new_words(sentences)
    before = training.check(200)
    for _ in range(RECIPE.words.steps):
        training.advance()
    after = training.check(200)
    assert after["left"] > before["left"] + 0.2
    assert after["looks"] > before["looks"] + 0.1


def test_a_resumed_text_encoder_equals_an_uninterrupted_one(sentences: tokenizer.Sentences, tmp_path: Path) -> None:
    whole = new_words(sentences)
    for _ in range(6):
        whole.advance()
    first = new_words(sentences)
    for _ in range(3):
        first.advance()
    path = checkpoints.save(tmp_path, first.step, first.state())
    second = new_words(sentences, seed=9)
    second.restore(checkpoints.load(path))
    for _ in range(3):
        second.advance()
    assert same(whole.all.state_dict(), second.all.state_dict())


def test_what_a_sentence_leaves_open_is_asked_as_open(sentences: tokenizer.Sentences) -> None:
    scene = Scene("3d", Background("plain", ("blue",)), (Thing(DRAWINGS.concepts[0], (Spot(0.5, 0.5, 0.8),)),))
    answers = words.Answers(DRAWINGS.concepts, DRAWINGS, 8)
    classes, looks = answers.of(scene, Caption("ball", "en", None, None))
    assert dict(zip(answers.sizes, classes, strict=True)) == {
        "left": 1,
        "right": 0,
        "style": 0,
        "above": 0,
        "below": 0,
        "count": 1,
        "tint": 0,
    }
    assert torch.allclose(looks[:8], answers.looks[0].mean(0)) and not looks[8:].any()


def test_the_denoiser_leaves_the_text_encoder_as_it_is(
    latents: denoiser.Latents, sentences: tokenizer.Sentences
) -> None:
    training = new_run(latents, sentences)
    for _ in range(3):
        training.advance()
    assert same(training.text_encoder.state_dict(), text_encoder(sentences).state_dict())


def test_a_new_run_can_begin_with_the_weights_of_another(
    latents: denoiser.Latents, sentences: tokenizer.Sentences
) -> None:
    first, second = new_run(latents, sentences), new_run(latents, sentences, seed=9)
    first.advance()
    second.begin_with(first.state())
    first.exchange()
    assert second.step == 0 and same(first.unet.state_dict(), second.unet.state_dict())


def test_the_denoiser_learns(latents: denoiser.Latents, sentences: tokenizer.Sentences) -> None:
    training = new_run(latents, sentences)
    losses = [training.advance() for _ in range(40)]
    assert np.mean(losses[-8:]) < 0.9 * np.mean(losses[:8])


def test_a_resumed_denoiser_equals_an_uninterrupted_one(
    latents: denoiser.Latents, sentences: tokenizer.Sentences, tmp_path: Path
) -> None:
    whole = new_run(latents, sentences)
    for _ in range(12):
        whole.advance()
    first = new_run(latents, sentences)
    for _ in range(7):
        first.advance()
    path = checkpoints.save(tmp_path, first.step, first.state())
    second = new_run(latents, sentences, seed=9)
    second.restore(checkpoints.load(path))
    for _ in range(5):
        second.advance()
    assert same(whole.unet.state_dict(), second.unet.state_dict())
    assert all(torch.equal(one, other) for one, other in zip(whole.ema, second.ema, strict=True))


def test_every_latent_comes_once_before_any_comes_again(
    latents: denoiser.Latents, sentences: tokenizer.Sentences
) -> None:
    training = new_run(latents, sentences)
    batches = len(latents.values) // RECIPE.denoiser.batch
    seen = [row for _ in range(batches) for row in training.rows()]
    assert len(set(seen)) == len(seen)


def test_a_run_goes_on_after_its_last_checkpoint(
    latents: denoiser.Latents, sentences: tokenizer.Sentences, tmp_path: Path
) -> None:
    denoiser.train(new_run(latents, sentences), tmp_path, nothing, minutes=0.0)
    assert [path.name for path in sorted(tmp_path.glob("*.pt"))] == ["step-00000001.pt"]
    (tmp_path / "step-00000099.scratch").write_bytes(b"torn")
    denoiser.train(new_run(latents, sentences), tmp_path, nothing)
    found = checkpoints.newest(tmp_path)
    assert found is not None and checkpoints.load(found)["step"] == RECIPE.denoiser.samples // RECIPE.denoiser.batch


def test_only_the_newest_two_checkpoints_are_kept(tmp_path: Path) -> None:
    for step in (1, 2, 3, 10):
        checkpoints.save(tmp_path, step, {"step": step})
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["step-00000003.pt", "step-00000010.pt"]


def test_a_write_that_is_killed_half_way_leaves_the_old_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoints.save(tmp_path, 1, {"step": 1})

    def torn(_: object, file: Any) -> None:
        file.write(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(torch, "save", torn)
    with pytest.raises(KeyboardInterrupt):
        checkpoints.save(tmp_path, 2, {"step": 2})
    found = checkpoints.newest(tmp_path)
    assert found is not None and checkpoints.load(found) == {"step": 1}


def test_strong_noise_has_full_weight() -> None:
    weights = denoiser.loss_weight(denoiser.signal_shares())
    assert weights[-1] == pytest.approx(1.0)
    assert weights[0] < 0.01
    assert (weights.diff() >= 0).all()


@pytest.fixture(scope="module")
def exported(
    latents: denoiser.Latents, sentences: tokenizer.Sentences, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    training = new_run(latents, sentences)
    training.exchange()
    words = tmp_path_factory.mktemp("exported") / "words"
    tokenizer.train(DRAWINGS.concepts, RECIPE, words, captions=200)
    parts = export.Parts(training.text_encoder, training.unet, autoencoder.build(RECIPE), words, latents.scale)
    folder = words.with_name("model")
    export.export(parts, RECIPE, DRAWINGS.concepts, 2.0, folder, "test")
    return folder


def test_the_export_draws_in_an_unchanged_pipeline(exported: Path) -> None:
    draw = drawer(pipeline_of(exported), guidance=2.0, steps=2)
    first, again, other = (draw(["a ball, blue background"], seed) for seed in (0, 0, 1))
    assert first.shape == (1, RECIPE.size, RECIPE.size, 3)
    assert (first == again).all() and (first != other).any()


def test_the_export_knows_its_files_and_words(exported: Path) -> None:
    card = json.loads((exported / "card.json").read_text(encoding="utf-8"))
    assert card["files"] == export.checksums(exported)
    assert card["size"] == RECIPE.size
    assert {concept["id"] for concept in card["concepts"]} == set(shapes.SHAPES)
    assert {"a", "background", "beautiful", "blue"} <= set(card["words"]["en"])
    assert {"un", "fondo", "hermoso", "azul"} <= set(card["words"]["es"])


def test_the_text_encoder_has_the_keys_that_every_version_reads(exported: Path) -> None:
    from safetensors import safe_open

    with safe_open(exported / "text_encoder" / "model.safetensors", "pt") as file:
        assert all(key.startswith("text_model.") for key in file.keys())  # noqa: SIM118


def test_a_model_that_has_grown_too_large_is_refused(
    exported: Path,
    latents: denoiser.Latents,
    sentences: tokenizer.Sentences,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    training = new_run(latents, sentences)
    parts = export.Parts(
        training.text_encoder, training.unet, autoencoder.build(RECIPE), exported / "tokenizer", latents.scale
    )
    monkeypatch.setattr(export, "MOST_BYTES", 1000)
    with pytest.raises(ValueError, match="MB"):
        export.export(parts, RECIPE, DRAWINGS.concepts, 2.0, tmp_path / "model", "test")
    assert not (tmp_path / "model").exists()


def test_an_autoencoder_learns_the_latents_of_another(pool: np.ndarray) -> None:
    like = replace(RECIPE, autoencoder=replace(RECIPE.autoencoder, channels=(16, 32, 32, 32), likeness_weight=20.0))
    teacher = autoencoder.build(RECIPE, seed=5)
    training = autoencoder.Training(like, pool, teacher=teacher)
    crops = training.crops()
    wanted = training.wanted(crops)
    assert wanted is not None

    def distance() -> float:
        with torch.no_grad():
            return float((training.model.encode(crops).latent_dist.mean - wanted).pow(2).mean() / wanted.var())

    before = distance()
    for _ in range(30):
        training.advance()
    assert distance() < 0.7 * before
