"""How a draft is finished: which steps, when it is refined, and what is said."""

from dataclasses import replace

import pytest

from colabsd.errors import InvalidSettingError, UsageError
from colabsd.models.cards import ModelCard
from colabsd.models.catalog import CATALOG, SD15
from colabsd.planning.finish import plan_final
from colabsd.planning.plans import Drawing, LoraUse
from colabsd.settings.samplers import SAMPLERS

FILE = "a" * 64
DRAFT = Drawing(
    prompt="a red apple",
    negative_prompt="blue",
    model="sd15",
    model_sha256="",
    width=512,
    height=512,
    sampler="Euler",
    schedule="Karras",
    steps=20,
    guidance=7.5,
    clip_skip=2,
    seed=7,
    variation_seed=3,
    variation_strength=0.2,
)
FEW = next(card for card in CATALOG if card.few_steps is not None)


def keys(notes: object) -> set[str]:
    return {note.key for note in notes}  # type: ignore[attr-defined]


def test_a_final_is_its_draft_with_more_steps_and_nothing_else() -> None:
    final = plan_final(DRAFT, FILE, SD15, steps=None, refine=None)
    assert final.drawing == replace(DRAFT, steps=50) and not final.refined and not final.notes


@pytest.mark.parametrize("sampler", SAMPLERS, ids=lambda sampler: sampler.label)
def test_every_sampler_gets_a_final_that_is_the_same_picture(sampler: object) -> None:
    draft = replace(DRAFT, sampler=sampler.label, eta=sampler.default_eta)  # type: ignore[attr-defined]
    final = plan_final(draft, FILE, SD15, steps=None, refine=None)
    if final.refined:
        assert (final.drawing.steps, final.drawing.source_sha256) == (20, FILE) and 0 < final.drawing.strength < 0.5
        assert keys(final.notes) & {"note.finish.refined"}
    else:
        assert 40 <= final.drawing.steps <= 50 and final.drawing.source_sha256 == ""
    assert final.drawing.seed == draft.seed and final.drawing.prompt == draft.prompt
    assert final.refined == sampler.stochastic  # type: ignore[attr-defined]


def test_a_sampler_of_chance_without_its_chance_is_none() -> None:
    fast, ddim = replace(DRAFT, sampler="DPM fast", eta=0.0), replace(DRAFT, sampler="DDIM", eta=1.0)
    assert not plan_final(fast, FILE, SD15, steps=None, refine=None).refined
    assert plan_final(ddim, FILE, SD15, steps=None, refine=None).refined


def test_what_is_asked_goes_before_what_is_chosen() -> None:
    ancestral = replace(DRAFT, sampler="Euler a")
    more = plan_final(ancestral, FILE, SD15, steps=None, refine=False)
    assert more.drawing.steps == 50 and keys(more.notes) == {"note.finish.another"}
    refined = plan_final(DRAFT, FILE, SD15, steps=None, refine=True)
    assert refined.refined and refined.drawing.steps == 20
    assert plan_final(DRAFT, FILE, SD15, steps=33, refine=None).drawing.steps == 33
    assert plan_final(ancestral, FILE, SD15, steps=33, refine=None).drawing.steps == 33


def test_a_draft_with_as_many_steps_as_help_is_refined_and_it_is_said() -> None:
    final = plan_final(replace(DRAFT, steps=60), FILE, SD15, steps=None, refine=None)
    assert final.refined and keys(final.notes) == {"note.finish.enough_refined"}
    kept = plan_final(replace(DRAFT, steps=60), FILE, SD15, steps=None, refine=False)
    assert kept.drawing.steps == 60 and keys(kept.notes) == {"note.finish.enough"}


def test_a_model_of_few_steps_stays_within_them() -> None:
    assert FEW.few_steps is not None
    draft = replace(DRAFT, model=FEW.name, steps=FEW.few_steps.steps[0])
    final = plan_final(draft, FILE, FEW, steps=None, refine=False)
    assert final.drawing.steps == FEW.few_steps.steps[1]
    assert "note.few_steps.steps" in keys(plan_final(draft, FILE, FEW, steps=50, refine=False).notes)


def test_a_lora_for_few_steps_makes_its_model_one() -> None:
    draft = replace(DRAFT, sampler="LCM", steps=4, loras=(LoraUse(name="lcm-lora-sd15"),))
    assert plan_final(draft, FILE, SD15, steps=None, refine=False).drawing.steps == 8


def test_a_mask_goes_on() -> None:
    draft = replace(DRAFT, sampler="Euler a", source_sha256="b" * 64, mask_sha256="c" * 64, strength=0.75, mask_blur=4)
    drawing = plan_final(draft, FILE, SD15, steps=None, refine=None).drawing
    assert (drawing.source_sha256, drawing.mask_sha256, drawing.mask_blur) == (FILE, "c" * 64, 4)
    assert plan_final(draft, FILE, SD15, steps=None, refine=False).drawing == replace(draft, steps=50)


def test_a_model_that_follows_instructions_is_not_refined_with() -> None:
    card: ModelCard = replace(SD15, variant="edit")
    draft = replace(DRAFT, sampler="Euler a", source_sha256="b" * 64)
    assert not plan_final(draft, FILE, card, steps=None, refine=None).refined
    with pytest.raises(UsageError):
        plan_final(draft, FILE, card, steps=None, refine=True)


@pytest.mark.parametrize("steps", [0, 1001, -3])
def test_steps_that_cannot_be_are_refused(steps: int) -> None:
    with pytest.raises(InvalidSettingError):
        plan_final(DRAFT, FILE, SD15, steps=steps, refine=None)
