"""The tables of samplers and schedules: names found, names split, every row complete."""

import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from colabsd.errors import UnknownSamplerError, UnknownScheduleError
from colabsd.language import LANGUAGES, say, words
from colabsd.settings import samplers
from colabsd.settings.samplers import (
    SAMPLERS,
    SCHEDULES,
    Sampler,
    find_sampler,
    find_schedule,
    missing_package,
    split_label,
)


def by_label(sampler: Sampler) -> str:
    return sampler.label


@pytest.mark.parametrize("sampler", SAMPLERS, ids=by_label)
def test_every_sampler_is_found_by_each_of_its_names(sampler: Sampler) -> None:
    for name in (sampler.label, *sampler.aliases):
        assert find_sampler(name) is sampler
        assert find_sampler(name.upper().replace(" ", "_").replace("-", " ")) is sampler


def test_no_two_rows_share_a_name() -> None:
    for rows in (SAMPLERS, SCHEDULES):
        names = [samplers._plain(name) for row in rows for name in (row.label, *row.aliases)]
        assert len(names) == len(set(names))


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("euler-a", "Euler a"),
        ("k_euler_a", "Euler a"),
        ("DPM++ 2M", "DPM++ 2M"),
        ("dpmpp_2m", "DPM++ 2M"),
        ("plms", "PNDM"),
        ("EulerDiscreteScheduler", "Euler"),
    ],
)
def test_names_of_other_programs_are_understood(name: str, label: str) -> None:
    assert find_sampler(name).label == label


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("DPM++ 2M Karras", ("DPM++ 2M", "Karras")),
        ("DPM++ 2M SDE Exponential", ("DPM++ 2M SDE", "Exponential")),
        ("DPM2 a Karras", ("DPM2 a", "Karras")),
        ("Euler SGM Uniform", ("Euler", "SGM Uniform")),
        ("DPM++ SDE", ("DPM++ SDE", None)),
        ("Nobody Karras", ("Nobody Karras", None)),
        ("", ("", None)),
    ],
)
def test_a_name_that_carries_its_schedule_is_split(name: str, parts: tuple[str, str | None]) -> None:
    assert split_label(name) == parts


def test_an_unknown_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(UnknownSamplerError) as sampler:
        find_sampler("Eulr")
    assert sampler.value.facts["nearest"] == "Euler"
    with pytest.raises(UnknownScheduleError) as schedule:
        find_schedule("Karas")
    assert schedule.value.facts["nearest"] == "Karras"


@given(st.text(alphabet=string.printable + "ñáé🍎", max_size=30))
@settings(deadline=None, max_examples=100)
def test_any_text_is_a_sampler_or_our_error(name: str) -> None:
    try:
        found = find_sampler(name)
    except UnknownSamplerError as error:
        assert error.facts["nearest"] in {sampler.label for sampler in SAMPLERS}
    else:
        assert found in SAMPLERS


@pytest.mark.parametrize("sampler", SAMPLERS, ids=by_label)
def test_every_row_is_complete(sampler: Sampler) -> None:
    labels = {schedule.label for schedule in SCHEDULES}
    assert set(sampler.schedules) <= labels
    assert {"Automatic", sampler.default_schedule} <= set(sampler.schedules)
    assert sampler.resolve("Automatic") == sampler.default_schedule
    assert sampler.order in (1, 2)
    for language in LANGUAGES:
        assert sampler.character in words(language)
        assert len(say(sampler.character, language)) > 40


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(samplers, "find_spec", lambda name: None)
    assert missing_package(find_sampler("DPM++ SDE")) == "torchsde"
    assert missing_package(find_sampler("Euler")) is None
