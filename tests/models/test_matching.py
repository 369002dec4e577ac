"""Models that other programs name, found among those that are known here."""

from dataclasses import replace

import pytest

from colabsd.models.cards import HubFile, ModelCard
from colabsd.models.catalog import CATALOG
from colabsd.models.matching import KNOWN_FILES, KnownFile, match_model, nearest_model

SD15 = replace(CATALOG[0], sha256="ab" * 32, files={"unet": "cd" * 32}, download=(HubFile("x", 1, "ef" * 32),))
KNOWN: tuple[ModelCard, ...] = (SD15, *CATALOG[1:])


@pytest.mark.parametrize("digest", ["abababab", "AB" * 5, "cdcdcdcdcd", "efefefef"])
def test_a_digest_finds_its_model_with_certainty(digest: str) -> None:
    match = match_model("whatever it is called", digest, KNOWN)
    assert match is not None
    assert (match.card, match.certain) == (SD15, True)


@pytest.mark.parametrize(
    "name",
    ["sd15", "SD 1.5", "v1-5-pruned-emaonly", "stable-diffusion-v1-5", "runwayml/stable-diffusion-v1-5", "sd_v1.5_f16"],
)
def test_a_name_finds_its_model_without_certainty(name: str) -> None:
    match = match_model(name, "0123456789", KNOWN)
    assert match is not None
    assert (match.card, match.certain) == (SD15, False)


@pytest.mark.parametrize(
    ("name", "digest"), [(None, None), ("", ""), ("--", "ab"), ("myModel_v3", "1234567890"), ("x", "abab")]
)
def test_what_is_not_known_is_not_found(name: str | None, digest: str | None) -> None:
    assert match_model(name, digest, KNOWN) is None


def test_known_files_are_of_models_that_are_here() -> None:
    assert {file.model for file in KNOWN_FILES} <= {card.name for card in CATALOG}


@pytest.mark.parametrize("file", KNOWN_FILES, ids=lambda file: file.name)
def test_a_known_file_is_found_by_its_name_and_by_its_digests(file: KnownFile) -> None:
    match = match_model(file.name, None, CATALOG)
    assert match is not None
    assert (match.card.name, match.certain) == (file.model, False)
    for digest in (*(digest[:10] for digest in file.digests), *filter(None, [file.old])):
        match = match_model("renamed", digest, CATALOG)
        assert match is not None
        assert (match.card.name, match.certain) == (file.model, True)


def test_the_nearest_name_is_offered_else_the_first_model() -> None:
    assert nearest_model("stable-diffusion-v1-5-mine", KNOWN) == "sd15"
    assert nearest_model("zzzz", KNOWN) == KNOWN[0].name
    assert nearest_model(None, KNOWN) == KNOWN[0].name
