"""What weight files say of themselves is read without loading them, and what they say wrongly is found out."""

import json
import struct
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file

from colabsd.errors import DamagedWeightsError, MissingWeightsError, UnsupportedModelError
from colabsd.models.tensor_headers import read_header


@pytest.fixture
def tensors() -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(3)
    return {
        "a.weight": torch.randn(3, 5, generator=generator),
        "b": torch.randn(7, generator=generator).half(),
        "c": torch.randn(2, 2, generator=generator).bfloat16(),
        "nothing": torch.zeros(0, 4),
        "one": torch.tensor(2.5),
    }


def test_shapes_types_and_texts_of_a_safetensors_file(tmp_path: Path, tensors: dict[str, torch.Tensor]) -> None:
    path = tmp_path / "a.safetensors"
    save_file(tensors, path, {"format": "pt", "note": "¿qué?"})
    header = read_header(path)
    assert header.shapes == {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    assert [header.tensors[name].dtype for name in "abc" if name in tensors] == ["F16", "BF16"]
    assert header.metadata == {"format": "pt", "note": "¿qué?"}


@pytest.mark.parametrize("ending", [".ckpt", ".pt", ".bin"])
@pytest.mark.parametrize("zipped", [True, False])
def test_a_checkpoint_tells_the_same_as_a_safetensors_file(
    tmp_path: Path, tensors: dict[str, torch.Tensor], ending: str, zipped: bool
) -> None:
    path = tmp_path / f"a{ending}"
    torch.save({"state_dict": tensors, "epoch": 3}, path, _use_new_zipfile_serialization=zipped)
    assert read_header(path).shapes == {name: tuple(tensor.shape) for name, tensor in tensors.items()}


def test_a_file_of_another_kind_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a.gguf"
    path.write_bytes(b"GGUF")
    with pytest.raises(UnsupportedModelError, match=r"\.safetensors"):
        read_header(path)
    with pytest.raises(MissingWeightsError):
        read_header(tmp_path / "nothing.safetensors")


def header_of(path: Path, **entry: Any) -> Path:
    """A safetensors file of 8 bytes of numbers with one entry in its header."""
    text = json.dumps({"x": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]} | entry}).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + bytes(8))
    return path


def test_a_header_that_is_right_is_read(tmp_path: Path) -> None:
    assert read_header(header_of(tmp_path / "x.safetensors")).shapes == {"x": (2,)}


@pytest.mark.parametrize(
    "entry",
    [
        {"shape": [3]},
        {"shape": [-2]},
        {"shape": [10**30]},
        {"shape": "two"},
        {"shape": [1e400]},
        {"data_offsets": [0, 80], "shape": [20]},
        {"data_offsets": [-8, 0]},
        {"data_offsets": [0]},
        {"dtype": "F4"},
        {"dtype": None},
    ],
)
def test_a_header_that_contradicts_itself_is_damaged(tmp_path: Path, entry: dict[str, Any]) -> None:
    with pytest.raises(DamagedWeightsError):
        read_header(header_of(tmp_path / "x.safetensors", **entry))


def test_a_checkpoint_whose_tensor_leaves_the_file_is_damaged(tmp_path: Path) -> None:
    """A view that is longer than its numbers: reading it would read something else."""
    path = tmp_path / "x.ckpt"
    torch.save({"x": torch.zeros(4)}, path)
    longer = path.read_bytes().replace(b"K\x04\x85", b"K\x09\x85")  # the shape (4,) becomes (9,)
    assert longer != path.read_bytes()
    path.write_bytes(longer)
    with pytest.raises(DamagedWeightsError):
        read_header(path)


@given(data=st.binary(max_size=200), ending=st.sampled_from([".safetensors", ".ckpt"]))
@settings(deadline=None, max_examples=200)
def test_no_bytes_break_the_reader(tmp_path_factory: pytest.TempPathFactory, data: bytes, ending: str) -> None:
    path = tmp_path_factory.mktemp("header") / f"x{ending}"
    path.write_bytes(data)
    try:
        read_header(path)
    except DamagedWeightsError as error:
        assert error.facts["path"] == path
    except Exception as error:
        assert type(error).__name__ == "UnsafePickleError", error


@given(keep=st.integers(0, 400))
@settings(deadline=None, max_examples=40)
def test_no_truncated_file_is_taken_for_whole(tmp_path_factory: pytest.TempPathFactory, keep: int) -> None:
    path = tmp_path_factory.mktemp("header") / "x.safetensors"
    save_file({"x": torch.zeros(100)}, path)
    whole = path.read_bytes()
    path.write_bytes(whole[: min(keep, len(whole) - 1)])
    with pytest.raises(DamagedWeightsError):
        read_header(path)
