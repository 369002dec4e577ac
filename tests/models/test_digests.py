"""The digests by which other programs know LoRAs, read once."""

import hashlib
from pathlib import Path

import pytest
import torch
from safetensors.torch import save

from colabsd.errors import DamagedWeightsError, MissingWeightsError
from colabsd.models.digests import content_digest, digest_file

TENSORS = {"x": torch.arange(6.0)}


def test_a_loras_digest_is_that_of_its_numbers_whatever_its_metadata_say(tmp_path: Path) -> None:
    """A1111 leaves out the header: its length in eight bytes, then that many."""
    digests = set()
    for name, metadata in (("a", None), ("b", {"ss_tag": "other words"})):
        path = tmp_path / f"{name}.safetensors"
        path.write_bytes(save(TENSORS, metadata))
        data = path.read_bytes()
        behind = data[8 + int.from_bytes(data[:8], "little") :]
        assert content_digest(path, None) == hashlib.sha256(behind).hexdigest() != digest_file(path)
        digests.add(content_digest(path, None))
    assert len(digests) == 1


def test_what_the_metadata_state_goes_before_it_and_nonsense_does_not(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    path.write_bytes(save(TENSORS, {"sshs_model_hash": "AB" * 32}))
    assert content_digest(path, None) == "ab" * 32
    path.write_bytes(save(TENSORS, {"sshs_model_hash": "no digest"}))
    assert content_digest(path, None) != "no digest"


def test_other_files_are_known_by_all_their_bytes(tmp_path: Path) -> None:
    path = tmp_path / "a.pt"
    path.write_bytes(b"anything")
    assert content_digest(path, None) == digest_file(path)


def test_it_is_read_once(tmp_path: Path) -> None:
    path, memory = tmp_path / "a.pt", tmp_path / "digests.json"
    path.write_bytes(b"anything")
    first = content_digest(path, memory)
    memory.write_text(memory.read_text().replace(first, "0" * 64))
    assert content_digest(path, memory) == "0" * 64
    path.write_bytes(b"something")
    assert content_digest(path, memory) == digest_file(path)


def test_a_file_that_is_none_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    with pytest.raises(MissingWeightsError):
        content_digest(path, None)
    path.write_bytes(b"short")
    with pytest.raises(DamagedWeightsError):
        content_digest(path, None)
