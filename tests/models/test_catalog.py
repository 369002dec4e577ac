"""Cards keep to what was seen: each names its source, and old names lead to what lives."""

import re

import pytest

from colabsd.models.addons import ADDONS, AddOn, find_addon
from colabsd.models.cards import ModelCard
from colabsd.models.catalog import CATALOG, SD15
from colabsd.models.hub import is_release, looks_like_id
from colabsd.models.registry import find_model, known_models, wanted_of
from colabsd.settings.samplers import find_sampler, find_schedule

COMMIT = re.compile("[0-9a-f]{40}")
SHA256 = re.compile("[0-9a-f]{64}")


@pytest.mark.parametrize("row", [*CATALOG, *ADDONS], ids=lambda row: row.name)
def test_a_row_says_where_its_facts_were_seen(row: ModelCard | AddOn) -> None:
    assert row.facts_from
    pages = [fact for fact in row.facts_from if row.source in fact or fact.startswith("huggingface.co/" + row.source)]
    assert pages, "one of them is its own page"


@pytest.mark.parametrize("row", [*CATALOG, *ADDONS], ids=lambda row: row.name)
def test_what_a_row_says_of_files_has_the_form_of_such_facts(row: ModelCard | AddOn) -> None:
    assert looks_like_id(row.source) or is_release(row.source)
    assert not row.revision or is_release(row.source) or COMMIT.fullmatch(row.revision)
    for file in row.files if isinstance(row, AddOn) else row.download:
        assert not file.sha256 or SHA256.fullmatch(file.sha256), file
        assert file.bytes >= 0 and not file.name.startswith("/") and ".." not in file.name


@pytest.mark.parametrize("card", CATALOG, ids=lambda card: card.name)
def test_a_card_can_be_drawn_with(card: ModelCard) -> None:
    sampler = find_sampler(card.default_sampler)
    assert find_schedule(card.default_schedule).label in sampler.schedules
    assert card.size.width % card.multiple == card.size.height % card.multiple == 0
    few = card.few_steps
    if few:
        assert few.steps[0] <= card.default_steps <= few.steps[1]
        assert few.guidance[0] <= card.default_guidance <= few.guidance[1]
        assert card.default_sampler in few.samplers


@pytest.mark.parametrize("card", CATALOG, ids=lambda card: card.name)
def test_the_bytes_of_known_files_agree_with_the_parameters(card: ModelCard) -> None:
    """Two bytes for each parameter, and less than a hundredth for names and shapes."""
    parameters = {"unet": card.weights.unet, "vae": card.weights.autoencoder, "text_encoder": card.weights.text_encoder}
    for file in card.download:
        part = file.name.partition("/")[0]
        if file.bytes and part in parameters and card.family != "sdxl":
            assert file.bytes == pytest.approx(2 * parameters[part], rel=0.01), file.name


def test_no_two_rows_answer_to_the_same_name() -> None:
    cards = [spelling.casefold() for card in known_models() for spelling in {card.name, card.source, *card.aliases}]
    names = [*cards, *(word.casefold() for row in ADDONS for word in row.words)]
    assert len(names) == len(set(names))


@pytest.mark.parametrize(
    ("gone", "name"),
    [
        ("runwayml/stable-diffusion-v1-5", "sd15"),
        ("runwayml/stable-diffusion-inpainting", "sd15-inpaint"),
        ("stabilityai/stable-diffusion-2-1", "sd21"),
        ("stabilityai/stable-diffusion-2-1-base", "sd21-base"),
        ("stabilityai/stable-diffusion-2-base", "sd2-base"),
        ("stabilityai/stable-diffusion-2-inpainting", "sd2-inpaint"),
        ("runwayml/stable-diffusion-v1-5@fp16", "sd15"),
        ("https://huggingface.co/runwayml/stable-diffusion-v1-5", "sd15"),
    ],
)
def test_a_repository_that_was_deleted_leads_to_one_that_lives(gone: str, name: str) -> None:
    card = find_model(gone)
    assert card.name == name and card.source != gone


def test_an_id_of_the_hub_is_a_card_of_its_own_with_its_revision() -> None:
    card = find_model("someone/model@v2")
    assert (card.name, card.source, card.revision) == ("someone/model@v2", "someone/model", "v2")
    assert (card.download, card.facts_from, card.license) == ((), (), "")


def test_a_file_of_a_deleted_repository_is_looked_for_in_the_one_that_lives() -> None:
    card = find_model("runwayml/stable-diffusion-v1-5/v1-5-pruned-emaonly.safetensors")
    assert (card.source, card.single) == (SD15.source, "v1-5-pruned-emaonly.safetensors")
    assert card.name == "runwayml/stable-diffusion-v1-5/v1-5-pruned-emaonly.safetensors"
    assert wanted_of(card).folder != wanted_of(SD15).folder


def test_what_goes_with_models_is_found_by_its_name() -> None:
    assert find_addon(" TAESD ") is not None and find_addon("sd15") is None
    assert find_addon("lcm-lora-SDv1-5") == find_addon("lcm-lora-sd15") is not None


@pytest.mark.parametrize("row", [row for row in ADDONS if row.draws_with], ids=lambda row: row.name)
def test_a_lora_for_few_steps_can_be_drawn_with_and_agrees_with_itself(row: AddOn) -> None:
    defaults = row.draws_with
    assert row.kind == "adapter" and defaults is not None and defaults.few_steps is not None
    few, sampler = defaults.few_steps, find_sampler(defaults.sampler)
    assert find_schedule(defaults.schedule).label in sampler.schedules and sampler.label in few.samplers
    assert few.steps[0] <= defaults.steps <= few.steps[1]
    assert few.guidance[0] <= defaults.guidance <= few.guidance[1]
