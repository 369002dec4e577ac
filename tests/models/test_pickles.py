"""Checkpoints are looked into, never run."""

import os
import pickle
import subprocess
import sys
import types
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from colabsd.errors import DamagedWeightsError, MissingWeightsError, UnsafePickleError
from colabsd.models.pickles import read_stored


def read_shapes(path: Path) -> dict[str, tuple[int, ...]]:
    return {name: tensor.shape for name, tensor in read_stored(path).items()}


class Hostile:
    """What a hostile checkpoint holds: a call that the unpickler makes."""

    def __init__(self, call: object, *arguments: object) -> None:
        self.call, self.arguments = call, arguments

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return self.call, self.arguments


def test_names_and_shapes_of_a_real_checkpoint_are_read(tmp_path: Path) -> None:
    path = tmp_path / "model.ckpt"
    weights = {"a.weight": torch.zeros(3, 5), "b": torch.nn.Parameter(torch.zeros(2, dtype=torch.float16))}
    torch.save({"state_dict": weights, "epoch": 3}, path)
    assert read_shapes(path) == {"state_dict.a.weight": (3, 5), "state_dict.b": (2,)}


@pytest.mark.parametrize("call", [os.system, eval, exec, subprocess.run, getattr, __import__])
@pytest.mark.parametrize("zipped", [True, False])
def test_a_hostile_checkpoint_is_refused_and_nothing_runs(tmp_path: Path, call: object, zipped: bool) -> None:
    path, trace = tmp_path / "model.ckpt", tmp_path / "trace"
    content = {"state_dict": Hostile(call, f"touch {trace}")}
    if zipped:
        torch.save(content, path)
    else:
        path.write_bytes(pickle.dumps(content))
    with pytest.raises(UnsafePickleError) as caught:
        read_shapes(path)
    assert not trace.exists()
    assert str(caught.value.facts["wants"]).split(".")[-1] in str(caught.value)
    assert str(path) in caught.value.tell("es")


@pytest.mark.parametrize("keep", [0, 10, 100, -30])
def test_a_truncated_checkpoint_is_damaged(tmp_path: Path, keep: int) -> None:
    path = tmp_path / "model.ckpt"
    torch.save({"w": torch.zeros(100)}, path)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(DamagedWeightsError):
        read_shapes(path)


def test_a_missing_checkpoint_is_missing(tmp_path: Path) -> None:
    with pytest.raises(MissingWeightsError):
        read_shapes(tmp_path / "nothing.ckpt")


@given(data=st.binary(max_size=120))
@settings(deadline=None, max_examples=300)
def test_no_bytes_get_past_the_reader(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.mktemp("pickle") / "x.ckpt"
    path.write_bytes(data)
    try:
        read_shapes(path)
    except (DamagedWeightsError, UnsafePickleError) as error:
        assert error.facts["path"] == path


def test_a_trainers_own_state_beside_the_tensors_does_no_harm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """CompVis' checkpoints name a class of their trainer and NumPy's numbers: stepped over, never imported."""
    name = "pytorch_lightning.callbacks.model_checkpoint"
    module = types.ModuleType(name)
    module.ModelCheckpoint = type("ModelCheckpoint", (), {"__module__": name})  # type: ignore[attr-defined]
    for known in ("pytorch_lightning", "pytorch_lightning.callbacks", name):
        monkeypatch.setitem(sys.modules, known, module)
    path = tmp_path / "model.ckpt"
    state = {module.ModelCheckpoint: {"best": np.float64(0.5), "of": module.ModelCheckpoint()}}
    torch.save({"state_dict": {"w": torch.zeros(2)}, "callbacks": state}, path)
    for known in ("pytorch_lightning", "pytorch_lightning.callbacks", name):
        monkeypatch.delitem(sys.modules, known)
    assert read_shapes(path) == {"state_dict.w": (2,)}


def test_places_of_tensors_are_where_their_bytes_are(tmp_path: Path) -> None:
    """Views, transposed tensors and both formats of PyTorch: what is read there is what was saved."""
    whole = torch.arange(24, dtype=torch.float32).reshape(4, 6)
    tensors = {"rows": whole[1:3], "columns": whole[:, 2:4], "turned": whole.t(), "half": whole.half()}
    for zipped in (True, False):
        path = tmp_path / f"{zipped}.pt"
        torch.save(tensors, path, _use_new_zipfile_serialization=zipped)
        for name, stored in read_stored(path).items():
            data = path.read_bytes()[stored.start : stored.start + stored.span]
            assert stored.strides is not None
            numbers = np.frombuffer(data, {"F32": np.float32, "F16": np.float16}[stored.dtype])
            strides = [stride * numbers.itemsize for stride in stored.strides]
            found = np.lib.stride_tricks.as_strided(numbers, stored.shape, strides)
            assert np.array_equal(found, tensors[name].numpy()), (name, zipped)
