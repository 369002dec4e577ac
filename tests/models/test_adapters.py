"""Adapters are found by their names in folders, and known by their digests."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from colabsd.errors import UnknownLoraError, UnknownVaeError
from colabsd.models.adapters import AdapterFolders, digest_of_autoencoder
from colabsd.models.digests import digest_file


@pytest.fixture
def folders(tmp_path: Path) -> AdapterFolders:
    for name in ("loras/ink", "loras/styles/rain", "embeddings/toy", "embeddings/broken", "vae/soft"):
        path = tmp_path / f"{name}.safetensors"
        path.parent.mkdir(parents=True, exist_ok=True)
        save_file({"emb_params": torch.zeros(2, 4)}, path)
    (tmp_path / "embeddings/broken.safetensors").write_bytes(b"nothing")
    (tmp_path / "loras/notes.txt").write_text("not a LoRA")
    return AdapterFolders(tmp_path, tmp_path / "digests.json")


def test_files_are_called_by_their_names_in_subfolders_too(folders: AdapterFolders) -> None:
    assert set(folders.loras.paths) == {"ink", "rain"}
    assert folders.loras["rain"] == digest_file(folders.root / "loras/styles/rain.safetensors")
    assert set(folders.embeddings.paths) == {"toy"}


def test_a_lora_from_elsewhere_is_there_too(folders: AdapterFolders, tmp_path: Path) -> None:
    elsewhere = tmp_path / "snow.safetensors"
    save_file({"x": torch.zeros(1)}, elsewhere)
    assert set(AdapterFolders(folders.root, also=[elsewhere]).loras.paths) == {"ink", "rain", "snow"}


def test_a_file_is_found_by_its_digest_under_another_name(folders: AdapterFolders) -> None:
    digest = folders.loras["ink"]
    assert folders.find_lora("ink", digest) == folders.root / "loras/ink.safetensors"
    assert folders.find_lora("whatever", digest) == folders.root / "loras/ink.safetensors"
    with pytest.raises(UnknownLoraError, match="ink"):
        folders.find_lora("ink", "0" * 64)
    with pytest.raises(UnknownLoraError, match="toy"):
        folders.find_embedding("toy", "0" * 64)


def test_an_autoencoder_is_found_by_name_or_path(folders: AdapterFolders) -> None:
    path = folders.root / "vae/soft.safetensors"
    assert folders.vae_path("soft") == folders.vae_path(str(path)) == path
    with pytest.raises(UnknownVaeError, match="hard"):
        folders.vae_path("hard")


def test_an_autoencoders_digest_is_its_files(folders: AdapterFolders, tmp_path: Path) -> None:
    path = folders.root / "vae/soft.safetensors"
    assert digest_of_autoencoder(path, None) == digest_file(path)
    folder = tmp_path / "model" / "vae"
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    save_file({"x": torch.zeros(1)}, folder / "diffusion_pytorch_model.safetensors")
    before = digest_of_autoencoder(folder, None)
    assert before == digest_of_autoencoder(folder.parent, None)
    (folder / "config.json").write_text('{"scaling_factor": 1}')
    assert digest_of_autoencoder(folder, None) != before
