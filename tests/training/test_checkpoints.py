"""States on the disk: whole or not there, the latest whole one is taken, old ones go, the best one stays."""

from pathlib import Path

import pytest
import torch

from colabsd.errors import CheckpointError, StorageError
from colabsd.training import checkpoints
from colabsd.training.checkpoints import Checkpoints, Places, State, find_checkpoints, latest_state, read_state
from colabsd.training.optimizer_state import pack_optimizer, unpack_optimizer


def state(step: int) -> State:
    tensors = {
        "one": torch.arange(6.0).view(2, 3) + step,
        "two": torch.ones(5) * step,
        "count": torch.tensor(float(step)),
    }
    return State(step, tensors, {"plan_key": "k", "losses": [0.1 * step]})


def test_a_state_comes_back_as_it_was(tmp_path: Path) -> None:
    saved = Checkpoints(Places(tmp_path), keep=3).save(state(4))
    found = read_state(find_checkpoints([tmp_path])[0])
    assert (found.step, found.facts) == (4, state(4).facts)
    assert all(torch.equal(found.tensors[name], one) for name, one in state(4).tensors.items())
    assert saved.path == tmp_path / "step-000004.json" and saved.bytes > 40


def test_large_states_come_in_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoints, "PART_BYTES", 24)
    Checkpoints(Places(tmp_path), keep=3).save(state(4))
    found = find_checkpoints([tmp_path])[0]
    assert len(found.parts) == 2
    assert all(torch.equal(read_state(found).tensors[name], one) for name, one in state(4).tensors.items())


@pytest.mark.parametrize("damage", ["cut", "changed", "gone", "marker"])
def test_a_damaged_state_is_passed_over_for_the_one_before(tmp_path: Path, damage: str) -> None:
    kept = Checkpoints(Places(tmp_path), keep=3)
    for step in (4, 8):
        kept.save(state(step))
    part, marker = tmp_path / "step-000008-0.safetensors", tmp_path / "step-000008.json"
    data = part.read_bytes()
    if damage == "cut":
        part.write_bytes(data[:-7])
    elif damage == "changed":
        part.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    elif damage == "gone":
        part.unlink()
    else:
        marker.write_text(marker.read_text()[:-20])
    found, notes = latest_state([tmp_path], "k")
    assert found is not None and found.step == 4
    assert len(notes) == (damage != "marker")
    kept.save(state(8))  # written anew where it is not whole
    found, notes = latest_state([tmp_path], "k")
    assert found is not None and (found.step, notes) == (8, [])


def test_a_state_of_a_later_version_or_of_another_plan_is_told_and_not_passed_over(tmp_path: Path) -> None:
    Checkpoints(Places(tmp_path), keep=3).save(state(4))
    with pytest.raises(CheckpointError) as failed:
        latest_state([tmp_path], "other")
    assert failed.value.message_key == "error.checkpoint.plan"
    marker = tmp_path / "step-000004.json"
    marker.write_text(marker.read_text().replace('"format": 1', '"format": 2'))
    with pytest.raises(CheckpointError) as failed:
        latest_state([tmp_path], "k")
    assert failed.value.message_key == "error.checkpoint.version" and failed.value.facts["version"] == 2


def test_the_latest_stay_and_the_best_one(tmp_path: Path) -> None:
    kept = Checkpoints(Places(tmp_path), keep=2)
    for step in range(1, 6):
        kept.save(state(step))
        kept.prune(best=2 if step >= 2 else None)
    assert [one.step for one in find_checkpoints([tmp_path])] == [5, 2]
    assert sorted(path.name for path in tmp_path.glob("step-*")) == [
        f"step-00000{step}{end}" for step in (2, 5) for end in ("-0.safetensors", ".json")
    ]


def test_where_there_is_no_room_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_room(path: Path, needed_bytes: int) -> None:
        raise StorageError("error.storage.no_room", path=path, needed_mb="1", free_mb="0")

    monkeypatch.setattr(checkpoints, "check_room", no_room)
    with pytest.raises(StorageError):
        Checkpoints(Places(tmp_path), keep=2).save(state(1))
    assert list(tmp_path.glob("step-*")) == []


def test_drive_gets_no_more_than_its_size_allows_and_loses_what_is_old(tmp_path: Path) -> None:
    now, brought, removed = [0.0], list[str](), list[str]()
    places = Places(tmp_path, publish=lambda name, data: brought.append(name), remove=removed.extend)
    kept = Checkpoints(places, keep=1, clock=lambda: now[0])
    told = []
    for step in range(1, 5):
        told.append(kept.save(state(step)).drive)
        kept.prune(None)
        now[0] += 40.0
    assert told == [True, False, True, False]
    assert brought == ["step-000001-0.safetensors", "step-000001.json", "step-000003-0.safetensors", "step-000003.json"]
    assert removed == ["step-000001.json", "step-000001-0.safetensors"]


def test_an_optimizers_state_goes_through_plain_facts_and_tensors() -> None:
    def made() -> tuple[torch.nn.Parameter, torch.optim.Optimizer]:
        parameter = torch.nn.Parameter(torch.arange(4.0))
        return parameter, torch.optim.AdamW([{"params": [parameter], "lr": 0.1, "weight_decay": 0.01}])

    (parameter, optimizer), (other, fresh) = made(), made()
    for _ in range(3):
        (parameter**2).sum().backward()
        optimizer.step()
        optimizer.zero_grad()
    tensors, facts = pack_optimizer(optimizer)
    tensors = {name: one.clone() for name, one in tensors.items()}
    with torch.no_grad():
        other.copy_(parameter)
    unpack_optimizer(fresh, tensors, facts)
    for one, its in ((parameter, optimizer), (other, fresh)):
        (one**2).sum().backward()
        its.step()
    assert torch.equal(parameter, other)
