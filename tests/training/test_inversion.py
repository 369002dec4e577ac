"""Textual inversion: new vectors learn and nothing else; what is learnt draws the same when the engine reads it."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from training_results import finish, load, make_adapter
from training_runs import check_exact_resume, losses_of, result_of, small_plan, train_small

from colabsd.engine.clip import Insertion
from colabsd.engine.engine import Engine
from colabsd.engine.tokenizer import ClipTokenizer
from colabsd.models.cards import ModelCard
from colabsd.planning.plans import Drawing
from colabsd.planning.training import TrainingPlan
from colabsd.training.base import Base, load_base
from colabsd.training.export.files import embedding_file, put
from colabsd.training.inversion import InversionTraining
from colabsd.training.words import NewWord, drawing_words, new_words, with_new_words

pytestmark = pytest.mark.integration
VECTORS = 2


@pytest.fixture(scope="module")
def plan(small_card: ModelCard) -> TrainingPlan:
    return small_plan(
        small_card, method="inversion", vectors=VECTORS, initial_word="rojo", embedding_rate=5e-2, rank=1, alpha=1.0
    )


@pytest.fixture
def base(small_card: ModelCard, plan: TrainingPlan) -> Base:
    found: Base = result_of(load_base(small_card, plan))
    return found


def test_only_the_new_vectors_change(small_card: ModelCard, plan: TrainingPlan, tmp_path: Path, base: Base) -> None:
    """After a training the UNet and the text encoder are bit for bit the file's, every other word's vector as well."""
    trainable = InversionTraining(base, plan)
    begin = trainable.trained().words["roj"][0]
    from training_runs import small_examples

    from colabsd.training.checkpoints import Places
    from colabsd.training.loop import train

    unet, encoder = base.unet, base.encoders[0]
    events = list(train(plan, small_examples(plan), base, trainable, Places(tmp_path), check_first=False))
    assert len(losses_of(events)) == 12
    for part, network in (("unet", unet), ("text_encoder", encoder.plain)):
        stored = base.parts.tensors(part)
        own = dict(network.named_parameters())
        assert all(torch.equal(own[name], stored[name]) for name in stored if not name.startswith("text_projection"))
    after = trainable.trained().words["roj"][0]
    assert after.shape == (VECTORS, 32) and not torch.equal(begin, after)
    assert [group.name for group in trainable.groups] == ["words"]
    assert sum(one.numel() for group in trainable.groups for one in group.parameters) == VECTORS * 32


def test_they_begin_as_another_word(base: Base, plan: TrainingPlan) -> None:
    """As the initial word's tokens in turn; without such a word as chance from the seed, as large as the table's."""
    tokenizer = base.tokenizers[0]
    table = base.encoders[0].plain.get_submodule("embeddings").token_embedding.weight.clone()  # type: ignore[union-attr, operator]
    (rojo,) = tokenizer.ids("rojo")
    begin = InversionTraining(base, plan).trained().words["roj"][0]
    assert torch.equal(begin, table[[rojo, rojo]])


@pytest.mark.parametrize("initial", ["rojo", ""])
def test_a_sentence_is_read_as_the_engine_reads_it(
    small_card: ModelCard, plan: TrainingPlan, base: Base, initial: str
) -> None:
    """transformers' encoder with the new table, and ours with the same vectors inserted: the same states (in fp32 the
    two compute in the same order, as the parity tests show)."""
    from dataclasses import replace

    trainable = InversionTraining(base, replace(plan, initial_word=initial))
    vectors = trainable.trained().words["roj"]
    ids = base.token_ids(["a photo of roj apple"])
    read = base.read(ids).embeddings.detach()
    engine = load(small_card)
    (encoder,) = engine.components.encoders
    position = next(index for index, one in enumerate(ids[0][0].tolist()) if one < 0)
    assert ids[0][0].tolist()[position : position + 2] == [-1, -2]
    plain = ids.__getitem__(0).clamp(min=0)
    with torch.inference_mode():
        wanted, _ = encoder(plain, 1, [Insertion(0, position, vectors[0])])
    assert torch.allclose(read, wanted, atol=1e-5)


def test_new_words_stand_where_a_prompt_calls_them(base: Base) -> None:
    """Whatever their case, as words of their own; of two words the longer one first."""
    plain = base.tokenizers[0]
    tokenizer = with_new_words(plain, [NewWord("roj", 0, 2, ""), NewWord("roj big", 2, 1, "")])
    ids = plain.ids
    assert tokenizer.ids("a ROJ, roj") == [*ids("a "), -1, -2, *ids(", "), -1, -2]
    assert tokenizer.ids("the rojo") == ids("the rojo")
    assert tokenizer.ids("a roj big") == [*ids("a "), -3]
    assert isinstance(tokenizer, ClipTokenizer) and tokenizer.end == plain.end
    assert len(tokenizer.padded(tokenizer.ids("a roj"))) == plain.length


def test_several_subjects_have_words_of_their_own() -> None:
    first, second = new_words({"roj": "red", "azu": "blue"}, 3)
    assert (first.rows, second.rows) == (slice(0, 3), slice(3, 6))


def test_12_steps_are_7_and_a_kill_and_5(small_card: ModelCard, plan: TrainingPlan, tmp_path: Path) -> None:
    check_exact_resume(small_card, plan, tmp_path)


def test_what_was_learnt_draws_as_it_did_while_it_learnt(
    small_card: ModelCard, plan: TrainingPlan, base: Base, tmp_path: Path
) -> None:
    """A sample drawn with the learning parts, and a picture drawn by the engine with the exported file: the same
    latents, to rounding of sums."""
    trainable = InversionTraining(base, plan)
    with torch.no_grad():
        for one in trainable.words.parameters():
            one.add_(torch.randn(one.shape, generator=torch.Generator().manual_seed(4)))
    engine = load(small_card)
    drawing = Drawing(
        prompt="a photo of roj apple",
        negative_prompt="",
        model="small",
        model_sha256="",
        width=64,
        height=64,
        sampler="Euler",
        schedule="Automatic",
        steps=2,
        guidance=3.0,
        clip_skip=1,
        seed=3,
    )
    learning = Engine(small_card, engine.execution, trainable.adapted(engine.components))
    sample = [step.latents for step, _ in learning.steps([drawing])][-1]
    untouched = [step.latents for step, _ in engine.steps([drawing])][-1]
    path = tmp_path / "roj.safetensors"
    trained = trainable.trained()
    put(finish(embedding_file("roj", trained, make_adapter(engine, words=("roj",)), engine, tmp_path)), path)
    engine.adaptation.inversions = {"roj": trained.words["roj"]}
    engine.reader.forget()
    drawn = [step.latents for step, _ in engine.steps([drawing])][-1]
    assert torch.allclose(sample, drawn, atol=1e-4)
    assert not torch.allclose(untouched, drawn, atol=1e-2)
    assert drawing_words(engine.components, "sd1", {}) is engine.components


def test_two_encoders_learn_a_word_each(small_of: Callable[[str], Engine], tmp_path: Path) -> None:
    """SDXL: vectors of both widths, and the pooled sentence is still found at its end."""
    card = small_of("sdxl").card
    plan = small_plan(card, method="inversion", vectors=1, initial_word="", embedding_rate=1e-2, steps=2)
    events, weights = train_small(card, plan, tmp_path)
    assert len(losses_of(events)) == 2
    assert {name: tuple(one.shape) for name, one in weights.items()} == {
        "words.text_encoder": (1, 32),
        "words.text_encoder_2": (1, 24),
    }
