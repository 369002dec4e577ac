"""People who ask a model of few steps for something else are told, and get it."""

from typing import Any

import pytest

from colabsd.models.cards import FewSteps
from colabsd.planning.few_steps import contradictions
from colabsd.settings.images import ImageSettings

TURBO = FewSteps(steps=(1, 4), guidance=(1, 1), samplers=("Euler a", "LCM"))


@pytest.mark.parametrize(
    ("asked", "sampler", "keys"),
    [
        ({}, "Euler a", []),
        ({"steps": 4, "guidance": 1.0, "sampler": "LCM"}, "LCM", []),
        ({"guidance": 0.0}, "Euler a", []),  # without guidance, as 1 is
        ({"steps": 20}, "Euler a", ["note.few_steps.steps"]),
        ({"guidance": 7.5}, "Euler a", ["note.few_steps.guidance"]),
        ({"sampler": "heun"}, "Heun", ["note.few_steps.sampler"]),
        (
            {"steps": 50, "guidance": 7.0, "sampler": "Heun"},
            "Heun",
            ["note.few_steps.steps", "note.few_steps.guidance", "note.few_steps.sampler"],
        ),
    ],
)
def test_only_what_was_asked_for_and_does_not_fit_is_told(asked: dict[str, Any], sampler: str, keys: list[str]) -> None:
    assert [note.key for note in contradictions(TURBO, ImageSettings(**asked), sampler, "turbo")] == keys


def test_other_models_are_left_alone() -> None:
    assert contradictions(None, ImageSettings(steps=99, guidance=30), "Heun", "sd15") == []
