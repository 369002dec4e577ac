"""What goes with models, called by the catalog's names and by places on the hub."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hub_model import finish
from hub_server import HubServer

from colabsd.errors import DownloadError, UnknownVaeError
from colabsd.models.adapters import AdapterFolders
from colabsd.models.addons import find_addon
from colabsd.models.cache import WeightCache
from colabsd.models.remotes import find_remote, listed_remotes


def test_each_word_of_the_catalog_calls_its_row() -> None:
    row = find_addon("lcm-lora-sd15")
    assert row is not None
    words = {remote.word: remote for remote in listed_remotes("adapter")}
    for word in ("lcm-lora-sd15", "lcm-lora-sdv1-5"):
        assert words[word].wanted == row.wanted and words[word].sha256 == row.files[0].sha256
        assert words[word].families == ("sd1",)


@pytest.mark.parametrize(
    "text",
    [
        "lcm-lora-sdv1-5",
        "latent-consistency/lcm-lora-sdv1-5",
        "latent-consistency/lcm-lora-sdv1-5/pytorch_lora_weights.safetensors",
        "https://huggingface.co/latent-consistency/lcm-lora-sdv1-5/blob/main/pytorch_lora_weights.safetensors",
    ],
)
def test_the_place_of_what_the_catalog_has_is_the_catalogs(text: str) -> None:
    found = find_remote(text, "adapter")
    assert found is not None and found.word == "lcm-lora-sd15" and found.sha256


def test_at_another_revision_it_is_a_place_of_its_own() -> None:
    found = find_remote("latent-consistency/lcm-lora-sdv1-5@other", "adapter")
    assert found is not None and (found.word, found.sha256) == ("lcm-lora-sdv1-5", "")
    assert found.wanted.revision == "other"


def test_of_a_repository_with_several_the_file_decides() -> None:
    whole = find_remote("ByteDance/Hyper-SD", "adapter")
    assert whole is not None and (whole.word, whole.file) == ("Hyper-SD", "pytorch_lora_weights.safetensors")
    found = find_remote("ByteDance/Hyper-SD/Hyper-SD15-8steps-lora.safetensors", "adapter")
    assert found is not None and found.word == "hyper-sd15-8steps"


def test_an_autoencoder_is_a_file_or_a_folder() -> None:
    folder, file = (find_remote(text, "autoencoder") for text in ("owner/soft", "owner/soft/hard.pt"))
    assert folder is not None and file is not None
    assert (folder.file, [one.name for one in folder.wanted.known]) == (
        "",
        ["config.json", "diffusion_pytorch_model.safetensors"],
    )
    assert (file.word, file.file) == ("hard", "hard.pt")
    assert folder.wanted.folder != file.wanted.folder
    assert find_remote("vae-ft-mse", "adapter") is None


def test_what_was_brought_is_found_and_known_by_its_digest(
    cache: WeightCache, make_cache: Callable[..., WeightCache], hub_server: HubServer
) -> None:
    hub_server.repositories["owner/ink"] = {"deep/rain.safetensors": b"r" * 3000}
    remote = find_remote("owner/ink/deep/rain.safetensors", "adapter")
    assert remote is not None
    folders = AdapterFolders(cache.shelf, cache.memory, remotes=[remote], home=cache.home)
    assert folders.loras["rain"] == "" and "rain" not in folders.loras.paths
    finish(cache.bring(remote.wanted))
    folders = AdapterFolders(cache.shelf, cache.memory, remotes=[remote], home=cache.home)
    assert folders.loras.paths["rain"].read_bytes() == b"r" * 3000
    assert folders.find_lora("rain", folders.loras["rain"]) == folders.loras.paths["rain"]


def test_a_lora_that_was_asked_for_goes_before_one_of_its_name(tmp_path: Path) -> None:
    (tmp_path / "loras").mkdir()
    (tmp_path / "loras" / "rain.safetensors").write_bytes(b"own")
    remote = find_remote("owner/ink/rain.safetensors", "adapter")
    assert remote is not None
    assert "rain" in AdapterFolders(tmp_path).loras.paths
    assert "rain" not in AdapterFolders(tmp_path, remotes=[remote]).loras.paths
    (tmp_path / "loras" / "lcm-lora-sd15.safetensors").write_bytes(b"own")
    assert AdapterFolders(tmp_path).loras.paths["lcm-lora-sd15"].parent.name == "loras"


def test_an_autoencoder_that_is_still_to_come_is_told_apart_from_an_unknown_one(tmp_path: Path) -> None:
    folders = AdapterFolders(tmp_path)
    remote = folders.remote_vae("vae-ft-mse")
    assert remote is not None and remote.word == "vae-ft-mse"
    assert folders.remote_vae("nothing") is None
    for name in ("vae-ft-mse", "nothing"):
        with pytest.raises(UnknownVaeError):
            folders.vae_path(name)


def test_a_repository_without_the_file_says_what_it_has(cache: WeightCache, hub_server: HubServer) -> None:
    hub_server.repositories["owner/ink"] = {"README.md": b"x", "rain.safetensors": b"r", "old/snow.ckpt": b"s"}
    remote = find_remote("owner/ink", "adapter")
    assert remote is not None
    with pytest.raises(DownloadError) as caught:
        finish(cache.bring(remote.wanted))
    for language in ("en", "es"):
        told = caught.value.tell(language)
        assert "pytorch_lora_weights.safetensors" in told and "rain.safetensors, old/snow.ckpt" in told
