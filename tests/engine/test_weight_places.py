"""Where weights come to lie: mapped or read, always where torch's own memory would be, never written back."""

from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file

from colabsd.engine import weight_places
from colabsd.engine.tensor_files import PartTensors
from colabsd.engine.weight_places import place_tensors
from colabsd.errors import DamagedWeightsError
from colabsd.models.single_files import Taken
from colabsd.models.tensor_headers import read_header

DTYPES = (torch.float32, torch.float16, torch.bfloat16)


def part_of(path: Path) -> PartTensors:
    header = read_header(path)
    return PartTensors(header, {name: Taken(name, "whole", stored.shape) for name, stored in header.tensors.items()})


def placed(path: Path, dtype: torch.dtype) -> dict[str, torch.Tensor]:
    tensors = part_of(path)
    return dict(place_tensors(tensors, list(tensors), dtype=dtype, device="cpu"))


@given(
    shapes=st.lists(st.lists(st.integers(0, 9), max_size=3), min_size=1, max_size=6),
    stored=st.sampled_from(DTYPES),
    wanted=st.sampled_from(DTYPES),
)
@settings(max_examples=40, deadline=None)
def test_every_number_arrives_and_what_is_computed_with_is_aligned(
    tmp_path_factory: pytest.TempPathFactory, shapes: list[list[int]], stored: torch.dtype, wanted: torch.dtype
) -> None:
    path = tmp_path_factory.mktemp("weights") / "some.safetensors"
    generator = torch.Generator().manual_seed(0)
    tensors = {str(i): torch.randn(shape, generator=generator).to(stored) for i, shape in enumerate(shapes)}
    save_file(tensors, path)
    found = placed(path, wanted)
    assert all(torch.equal(found[name], tensor.to(wanted)) for name, tensor in tensors.items())
    if wanted != torch.float16:
        assert all(tensor.data_ptr() % 64 == 0 for tensor in found.values())


def test_pieces_of_a_large_tensor_are_put_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weight_places, "PIECE_ELEMENTS", 16)
    monkeypatch.setattr(weight_places, "SPAN_ELEMENTS", 50)
    tensor = torch.arange(1010, dtype=torch.float32)
    save_file({"a": tensor}, tmp_path / "a.safetensors")
    assert torch.equal(placed(tmp_path / "a.safetensors", torch.bfloat16)["a"], tensor.bfloat16())
    with torch.inference_mode():
        assert torch.equal(placed(tmp_path / "a.safetensors", torch.bfloat16)["a"], tensor.bfloat16())


def test_halves_wait_in_their_file_and_changing_them_leaves_it_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "halves.safetensors"
    save_file({"a": torch.ones(5000).half(), "b": torch.ones(3).half()}, path)
    before, found = path.read_bytes(), placed(path, torch.float16)
    assert (
        found["a"].data_ptr() - found["b"].data_ptr() == 2 * 3
        or found["b"].data_ptr() - found["a"].data_ptr() == 10_000
    )
    found["a"].fill_(7)
    assert path.read_bytes() == before
    assert torch.equal(placed(path, torch.float16)["a"], torch.ones(5000).half())


def test_a_file_behind_a_network_is_read_not_mapped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weight_places, "is_remote", lambda path: True)
    save_file({"a": torch.ones(5000).half()}, tmp_path / "a.safetensors")
    found = placed(tmp_path / "a.safetensors", torch.float16)
    (tmp_path / "a.safetensors").write_bytes(b"")  # a mapping would be lost with it
    assert torch.equal(found["a"], torch.ones(5000).half())


def test_a_file_that_ends_while_it_is_read_is_damaged(tmp_path: Path) -> None:
    path = tmp_path / "short.safetensors"
    save_file({"a": torch.ones(5000)}, path)
    tensors = part_of(path)
    path.write_bytes(path.read_bytes()[:-4])
    with pytest.raises(DamagedWeightsError) as error:
        list(place_tensors(tensors, ["a"], dtype=torch.bfloat16, device="cpu"))
    assert error.value.facts["path"] == path
