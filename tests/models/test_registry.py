"""From a name to a model with its files here: through the cache, with the catalog's word before the family's."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from hub_model import finish
from hub_server import HubServer
from safetensors.torch import save

from colabsd.errors import UnsupportedModelError
from colabsd.models import registry
from colabsd.models.cache import WeightCache
from colabsd.models.cards import FewSteps, ModelCard
from colabsd.models.catalog import SD15
from colabsd.models.digests import digest_file
from colabsd.models.folders import model_files
from colabsd.models.registry import bring_model, find_model, wanted_of
from colabsd.progress import Note
from colabsd.studio.exporting import export_model

pytestmark = pytest.mark.integration


@pytest.fixture
def small_on_the_hub(hub_server: HubServer, small_model_folder: Path) -> None:
    """The small model, as a repository that holds more than is needed."""
    files = {path.relative_to(small_model_folder).as_posix(): path for path in small_model_folder.rglob("*.*")}
    hub_server.repositories["someone/small"] = {name: path.read_bytes() for name, path in files.items()}
    hub_server.repositories["someone/small"] |= {
        "model_index.json": b"{}",
        "unet/config.json": (small_model_folder / "unet/config.json").read_bytes(),
        "small.ckpt": b"x" * 5000,
    }


@pytest.mark.usefixtures("small_on_the_hub")
def test_a_hub_id_becomes_a_card_with_its_own_sizes_and_digests(
    cache: WeightCache, small_model_folder: Path, small_card: ModelCard
) -> None:
    asked = find_model("someone/small")
    card, events = finish(bring_model(asked, cache))
    assert (card.name, card.family, card.size) == ("someone/small", "sd1", small_card.size)
    assert card.folder == cache.shelf / "someone--small"
    assert card.sha256 == small_card.sha256, "the same files, the same digest"
    assert set(card.files) == set(model_files(small_model_folder))
    assert next(event for event in events if isinstance(event, Note)).key == "note.weights.download"
    assert not (card.folder / "small.ckpt").exists()


@pytest.mark.usefixtures("small_on_the_hub")
def test_the_catalogs_defaults_go_before_the_familys(cache: WeightCache, monkeypatch: pytest.MonkeyPatch) -> None:
    few = FewSteps(steps=(1, 4), guidance=(1.0, 1.0), samplers=("Euler",))
    listed = dataclasses.replace(
        SD15,
        name="small",
        source="someone/small",
        revision="",
        download=(),
        default_sampler="Euler",
        default_steps=2,
        few_steps=few,
        license="of the test",
    )
    monkeypatch.setattr(registry, "CATALOG", (listed,))
    card, _ = finish(bring_model(find_model("small"), cache))
    assert (card.default_sampler, card.default_steps, card.few_steps) == ("Euler", 2, few)
    assert card.license == "of the test" and card.weights != SD15.weights


@pytest.mark.usefixtures("small_on_the_hub")
def test_a_model_that_was_brought_is_brought_again_without_asking(
    cache: WeightCache, make_cache: Callable[..., WeightCache], hub_server: HubServer
) -> None:
    first, _ = finish(bring_model(find_model("someone/small"), cache))
    asked = len(hub_server.requests)
    again, events = finish(bring_model(find_model("someone/small"), make_cache()))
    assert again == first and events == [] and len(hub_server.requests) == asked


def test_a_folder_of_ones_own_is_used_where_it_is(cache: WeightCache, small_model_folder: Path) -> None:
    card, _ = finish(bring_model(find_model(str(small_model_folder)), cache))
    assert card.folder == small_model_folder and cache.models() == {}


def test_what_is_asked_of_the_cache_is_what_the_card_knows() -> None:
    wanted = wanted_of(SD15)
    assert (wanted.source, wanted.revision, wanted.known) == (SD15.source, SD15.revision, SD15.download)
    assert wanted.folder == "stable-diffusion-v1-5--stable-diffusion-v1-5@451f4fe16113"


def test_a_folder_on_drive_is_copied_to_the_disk_and_its_card_is_the_same(
    make_cache: Callable[..., WeightCache], small_model_folder: Path, small_card: ModelCard
) -> None:
    cache = make_cache(is_far=lambda path: path.is_relative_to(small_model_folder))
    asked = find_model(str(small_model_folder))
    card, events = finish(bring_model(asked, cache))
    assert card.folder is not None and card.folder.is_relative_to(cache.workspace.local)
    assert (card.name, card.sha256) == (asked.name, small_card.sha256)
    assert [event.key for event in events if isinstance(event, Note)] == ["note.weights.near"]


def test_a_single_file_of_the_hub_becomes_a_card_and_is_brought_alone(
    cache: WeightCache, hub_server: HubServer, small_model_folder: Path, tmp_path: Path
) -> None:
    file = tmp_path / "small.safetensors"
    finish(export_model(str(small_model_folder), file, cache))
    hub_server.repositories["someone/files"] = {"deep/small.safetensors": file.read_bytes(), "b.ckpt": b"x" * 2000}
    asked = find_model("https://huggingface.co/someone/files/blob/main/deep/small.safetensors")
    assert (asked.name, asked.single) == ("someone/files/deep/small.safetensors", "deep/small.safetensors")
    card, events = finish(bring_model(asked, cache))
    assert card.file is not None and card.file.is_relative_to(cache.shelf)
    assert card.sha256 == digest_file(file) and card.files == {"small.safetensors": card.sha256}
    assert card.name == asked.name and card.weights == find_model(str(file)).weights
    assert "note.weights.download" in [event.key for event in events if isinstance(event, Note)]
    assert hub_server.sent("b.ckpt") == 0
    hub_server.close()
    assert finish(bring_model(asked, cache))[0] == card


def test_a_single_file_that_is_no_model_says_what_it_is(cache: WeightCache, hub_server: HubServer) -> None:
    hub_server.repositories["someone/files"] = {"ink.safetensors": save({"lora_unet_x.alpha": torch.zeros(1)})}
    with pytest.raises(UnsupportedModelError, match="LoRA"):
        finish(bring_model(find_model("someone/files/ink.safetensors"), cache))


def test_a_catalogs_model_at_another_revision_is_another_card() -> None:
    card = find_model(f"{SD15.source}@v9")
    assert (card.name, card.revision, card.download) == (f"{SD15.source}@v9", "v9", ())
    assert wanted_of(card).folder != wanted_of(SD15).folder
