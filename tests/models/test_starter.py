"""The embedded model: found, whole, honest about the words it knows."""

import json
import shutil
from pathlib import Path

import pytest

from colabsd.errors import (
    DamagedWeightsError,
    MissingWeightsError,
    UnknownModelError,
    UnsafePickleError,
    UnsupportedModelError,
)
from colabsd.models.registry import find_model, known_models
from colabsd.models.starter import Starter, fold, starter_folder, stem

MAX_BYTES = 45 * 10**6


@pytest.fixture(scope="module")
def starter() -> Starter:
    return Starter(starter_folder())


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    shutil.copytree(starter_folder(), tmp_path / "copy")
    return tmp_path / "copy"


def test_its_files_are_whole_and_small_enough_to_be_embedded(starter: Starter) -> None:
    starter.check()
    assert sum(path.stat().st_size for path in starter.folder.rglob("*") if path.is_file()) <= MAX_BYTES


def test_its_card_says_what_it_is_and_how_to_draw_with_it(starter: Starter) -> None:
    card = starter.card()
    assert card.name == "starter"
    assert card.folder == starter.folder
    assert len(card.sha256) == 64
    assert card.size.width % card.multiple == 0


@pytest.mark.parametrize(
    "prompt",
    [
        "a red apple",
        "una MANZANA roja",
        "apples",
        "dibujo de un pingüino",
        "dibujo de un pinguino",
        "a beautiful highly detailed penguin, masterpiece",
        "perros",
    ],
)
def test_words_it_knows_are_known_whatever_their_dress(starter: Starter, prompt: str) -> None:
    assert starter.knows(prompt)


@pytest.mark.parametrize("prompt", ["a quarrel of philosophers", "grandmother", "", "pineapplex"])
def test_words_it_does_not_know_are_not_known(starter: Starter, prompt: str) -> None:
    assert not starter.knows(prompt)


def test_three_suggestions_are_near_by_and_known(starter: Starter) -> None:
    for prompt, language in (("a hous", "en"), ("una mansana", "es"), ("xyzzy", "en")):
        suggestions = starter.suggest(prompt, language)  # type: ignore[arg-type]
        assert len(suggestions) == 3
        assert all(starter.knows(name) for name in suggestions)
    assert starter.suggest("a hous", "en")[0] == "house"


@pytest.mark.parametrize(
    ("one", "many"),
    [("apple", "apples"), ("flor", "flores"), ("luz", "luces"), ("cherry", "cherries"), ("rosa", "rosas")],
)
def test_a_word_and_its_plural_have_one_stem(one: str, many: str) -> None:
    assert stem(one) == stem(many)


def test_accents_and_capitals_fold_away() -> None:
    assert fold("BÚHO") == fold("buho")


def test_a_missing_file_is_told_with_the_way_out(copy: Path) -> None:
    (copy / "unet/diffusion_pytorch_model.safetensors").unlink()
    with pytest.raises(MissingWeightsError) as caught:
        Starter(copy).check()
    assert "pip install" in caught.value.tell("es")
    with pytest.raises(MissingWeightsError):
        Starter(copy).card()


def test_a_single_changed_byte_is_found(copy: Path) -> None:
    path = copy / "vae/diffusion_pytorch_model.safetensors"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(DamagedWeightsError):
        Starter(copy).check()


@pytest.mark.parametrize("content", ["{", "[]", "{}", '{"files": {}}'])
def test_a_damaged_card_is_our_error(copy: Path, content: str) -> None:
    (copy / "card.json").write_text(content)
    with pytest.raises(DamagedWeightsError):
        Starter(copy)


def test_none_is_the_starter_and_it_comes_first(starter: Starter) -> None:
    assert find_model(None) == find_model(" Starter ") == known_models()[0] == starter.card()


@pytest.mark.parametrize("name", ["sd15", "SD-1.5", "runwayml/stable-diffusion-v1-5"])
def test_sd15_is_found_by_its_aliases_even_that_of_a_deleted_repository(name: str) -> None:
    assert find_model(name).source == "stable-diffusion-v1-5/stable-diffusion-v1-5"


def test_an_unknown_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(UnknownModelError) as caught:
        find_model("startr")
    assert caught.value.facts["nearest"] == "starter"


def test_a_hub_id_needs_no_network_to_be_planned_with() -> None:
    assert find_model("owner/name").source == "owner/name"


def test_single_files_are_looked_into_and_refused_with_the_reason(copy: Path, tmp_path: Path) -> None:
    with pytest.raises(UnsupportedModelError):
        find_model(str(copy / "unet/diffusion_pytorch_model.safetensors"))
    hostile = tmp_path / "model.ckpt"
    hostile.write_bytes(b"cos\nsystem\n(S'true'\ntR.")
    with pytest.raises(UnsafePickleError):
        find_model(str(hostile))
    (tmp_path / "cut.safetensors").write_bytes(b"\x10\0\0\0\0\0\0\0{")
    with pytest.raises(DamagedWeightsError):
        find_model(str(tmp_path / "cut.safetensors"))


def test_the_card_lists_words_in_both_languages(starter: Starter) -> None:
    concepts = json.loads((starter.folder / "card.json").read_text())["concepts"]
    assert len(concepts) >= 200
    assert all(concept["en"] and concept["es"] and concept["group"] for concept in concepts)
