"""The guide for contributors keeps its word: files, commands and layers are as it says, and its examples work."""

import dataclasses
import re
import types
from pathlib import Path
from textwrap import dedent

import pytest

from colabsd.artifacts import Picture
from colabsd.models import catalog
from colabsd.models.cards import ModelCard
from colabsd.planning.plans import Drawing, Execution, ImagePlan
from colabsd.settings import images, samplers
from colabsd.settings.fields import FieldSpec

ROOT = Path(__file__).parents[1]
GUIDE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")


def example(start: str) -> str:
    """The Python block that begins with these words."""
    blocks = re.findall(r"^ *```python\n(.*?)^ *```$", GUIDE, re.MULTILINE | re.DOTALL)
    (found,) = [dedent(block) for block in blocks if dedent(block).startswith(start)]
    return found


def test_files_and_commands_that_it_names_exist() -> None:
    paths = set(re.findall(r"`((?:colabsd|tests|starter|benchmarks)/[^`\s]*)`", GUIDE))
    assert len(paths) > 10
    assert [path for path in paths if not (ROOT / path).exists()] == []
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = {first or second for first, second in re.findall(r"^make ([a-z-]+)$|`make ([a-z-]+)`", GUIDE, re.M)}
    assert {"test", "check"} <= named <= targets


def test_its_layers_are_those_that_are_checked() -> None:
    config = (ROOT / "setup.cfg").read_text(encoding="utf-8").split("layers =\n")[1].split("\n\n")[0]
    checked = [line.strip() for line in config.splitlines() if "__main__" not in line]
    assert "\n".join(checked) in GUIDE


def test_its_sampler_can_be_built() -> None:
    from colabsd.engine.schedulers import build_scheduler

    row = eval(example("Sampler("), vars(samplers))
    assert isinstance(row, samplers.Sampler) and samplers.find_sampler("euler").label != row.label
    config = {"num_train_timesteps": 1000, "beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}
    scheduler = build_scheduler(row, "Karras", 4, config, eta=None, seeds=[0])
    assert type(scheduler).__name__ == row.scheduler and len(scheduler.timesteps) == 4


def test_its_model_card_is_one() -> None:
    card = eval(example("ModelCard("), vars(catalog))
    assert isinstance(card, ModelCard)
    assert card.name not in {known.name for known in catalog.CATALOG}


def test_its_setting_is_one() -> None:
    namespace = dict(vars(images))
    exec(
        "from dataclasses import dataclass\n@dataclass(kw_only=True)\nclass Some:\n    " + example("guidance"),
        namespace,
    )
    (field,) = dataclasses.fields(namespace["Some"])
    assert isinstance(field.metadata["spec"], FieldSpec)


@pytest.mark.integration
def test_its_recipe_draws(small_card: ModelCard) -> None:
    from colabsd.engine.engine import load_engine

    recipe = types.ModuleType("recipe")
    exec(example('"""One plan with several'), vars(recipe))
    loading = load_engine(small_card, Execution())
    try:
        while True:
            next(loading)
    except StopIteration as loaded:
        engine = loaded.value
    drawing = Drawing(
        prompt="red apple",
        negative_prompt="",
        model=small_card.name,
        model_sha256=small_card.sha256,
        width=64,
        height=64,
        sampler="Euler",
        schedule="Automatic",
        steps=2,
        guidance=1.0,
        clip_skip=1,
        seed=1,
    )
    plan = ImagePlan(drawings=(drawing,), batches=((0,),), execution=Execution())
    events = list(recipe.draw_with_each(engine, plan, ["euler", "heun"]))
    pictures = [event for event in events if isinstance(event, Picture)]
    assert [picture.drawing.sampler for picture in pictures] == ["Euler", "Heun"]
