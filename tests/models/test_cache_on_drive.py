"""The weight cache of a workspace on Drive: kept there, loaded from the disk, taken from where it comes faster."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hub_model import FILES, NEEDED_BYTES, UNET, WANTED, finish
from hub_server import Fault, HubServer

from colabsd.models import speeds as measured
from colabsd.models.cache import WeightCache
from colabsd.models.hub import Hub
from colabsd.models.shelf import UNFINISHED, KeptModel, read_kept
from colabsd.models.speeds import read_speeds, remember_speed
from colabsd.progress import Note, Progress

ELSEWHERE = "/elsewhere/someone/model//"
DEAD = Hub(endpoint="http://127.0.0.1:9", waits_s=())
PLENTY, LITTLE = 50_000_000_000, 5_000_000_000


@pytest.fixture
def room(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, int]:
    """Free bytes of Drive and of the machine's disk, to be changed by a test."""
    free = {"drive": PLENTY, "disk": PLENTY}

    def free_bytes(path: Path) -> int:
        return free["drive" if path.is_relative_to(tmp_path / "workspace") else "disk"]

    monkeypatch.setattr("colabsd.models.room.free_bytes", free_bytes)
    return free


@pytest.fixture
def make(make_cache: Callable[..., WeightCache], room: dict[str, int]) -> Callable[..., WeightCache]:
    return lambda **options: make_cache(**{"remote": True, **options})


def keys(events: list[object]) -> list[str]:
    return [event.key for event in events if isinstance(event, Note)]


def on_drive(cache: WeightCache) -> KeptModel | None:
    return read_kept(cache.shelf / "someone--model")


def test_a_model_is_loaded_from_the_machines_disk_and_kept_on_drive(make: Callable[..., WeightCache]) -> None:
    cache = make()
    kept, events = finish(cache.bring(WANTED))
    assert kept.folder == cache.workspace.local / "models" / "someone--model"
    there = on_drive(cache)
    assert there is not None and there.digests == kept.digests
    assert (there.folder / UNET).read_bytes() == FILES[UNET]
    assert list((cache.shelf / UNFINISHED).iterdir()) == []
    assert keys(events) == ["note.weights.download", "note.weights.will_keep", "note.weights.kept"]


def test_keeping_is_said_before_the_first_byte_with_the_switch(make: Callable[..., WeightCache]) -> None:
    _, events = finish(make().bring(WANTED))
    said = next(event for event in events if isinstance(event, Note) and event.key == "note.weights.will_keep")
    first_byte = next(event for event in events if isinstance(event, Progress) and event.done)
    assert events.index(said) < events.index(first_byte)
    assert said.facts["switch"] == "COLABSD_KEEP_MODELS=no"


def test_the_switch_keeps_models_off_drive(make: Callable[..., WeightCache]) -> None:
    cache = make(keep=False)
    _, events = finish(cache.bring(WANTED))
    assert on_drive(cache) is None and "note.weights.keep_off" in keys(events)


def test_below_six_gigabytes_drive_is_left_alone(make: Callable[..., WeightCache], room: dict[str, int]) -> None:
    room["drive"] = LITTLE
    cache = make()
    kept, events = finish(cache.bring(WANTED))
    assert on_drive(cache) is None and "note.weights.drive_full" in keys(events)
    assert (kept.folder / UNET).read_bytes() == FILES[UNET]


def test_a_full_budget_on_drive_proposes_what_could_go(make: Callable[..., WeightCache], hub_server: HubServer) -> None:
    cache = make(budget_bytes=NEEDED_BYTES)
    finish(cache.bring(WANTED))
    hub_server.repositories["someone/other"] = dict(FILES)
    other = type(WANTED)(name="other", source="someone/other")
    _, events = finish(cache.bring(other))
    proposal = next(event for event in events if isinstance(event, Note) and event.key == "note.weights.no_drive_room")
    assert proposal.facts["command"] == "colabsd models remove someone/model"
    assert on_drive(cache) is not None  # nothing goes by itself


def test_the_next_machine_takes_it_from_drive_without_the_hub(
    make: Callable[..., WeightCache], hub_server: HubServer
) -> None:
    finish(make().bring(WANTED))
    asked = len(hub_server.requests)
    cache = make(machine="next", hub=DEAD)
    kept, events = finish(cache.bring(WANTED))
    assert kept.folder.is_relative_to(cache.workspace.local)
    assert (kept.folder / UNET).read_bytes() == FILES[UNET]
    assert len(hub_server.requests) == asked
    assert [(event.stage, event.done) for event in events][-1] == ("copy", NEEDED_BYTES)


def test_a_copy_on_drive_that_was_damaged_is_replaced(make: Callable[..., WeightCache]) -> None:
    first = make()
    finish(first.bring(WANTED))
    (first.shelf / "someone--model" / UNET).write_bytes(bytes(len(FILES[UNET])))  # of the right size
    cache = make(machine="next")
    kept, events = finish(cache.bring(WANTED))
    assert (kept.folder / UNET).read_bytes() == FILES[UNET]
    assert "note.weights.drive_damaged" in keys(events)
    assert (first.shelf / "someone--model" / UNET).read_bytes() == FILES[UNET]


def test_a_copy_on_drive_that_cannot_be_read_comes_from_the_hub(
    make: Callable[..., WeightCache], monkeypatch: pytest.MonkeyPatch
) -> None:
    finish(make().bring(WANTED))
    cache, real = make(machine="next"), Path.open

    def fails(path: Path, mode: str = "r", *arguments: object, **options: object) -> object:
        if mode == "rb" and path.is_relative_to(cache.shelf):
            raise OSError(5, "Input/output error")
        return real(path, mode, *arguments, **options)  # type: ignore[call-overload]

    monkeypatch.setattr(Path, "open", fails)
    kept, events = finish(cache.bring(WANTED))
    assert "note.weights.drive_unreadable" in keys(events)
    assert (kept.folder / UNET).stat().st_size == len(FILES[UNET])
    assert on_drive(cache) is not None, "it may be readable again tomorrow"


def test_what_is_faster_is_measured_and_used(
    make: Callable[..., WeightCache], hub_server: HubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measured, "LEAST_BYTES", 1)
    finish(make().bring(WANTED))
    assert read_speeds(make().shelf).hub is not None and read_speeds(make().shelf).drive is None
    finish(make(machine="second").bring(WANTED))  # nothing to compare yet: from Drive, and measured
    assert read_speeds(make().shelf).drive is not None
    for _ in range(measured.REMEMBERED):
        remember_speed(make().shelf, "drive", 10_000_000, 1000.0, "29990101")
    asked = hub_server.sent(ELSEWHERE)
    kept, events = finish(make(machine="third").bring(WANTED))
    assert keys(events)[0] == "note.weights.hub_faster"
    assert hub_server.sent(ELSEWHERE) == 2 * asked
    assert (kept.folder / UNET).read_bytes() == FILES[UNET]


def test_a_faster_hub_that_fails_is_replaced_by_drive(make: Callable[..., WeightCache], hub_server: HubServer) -> None:
    finish(make().bring(WANTED))
    remember_speed(make().shelf, "hub", 10**9, 1.0, "1")
    remember_speed(make().shelf, "drive", 10**9, 100.0, "2")
    hub_server.faults.append(Fault("/api/models", status=404, headers={"X-Error-Code": "RevisionNotFound"}))
    kept, events = finish(make(machine="next").bring(WANTED))
    assert keys(events) == ["note.weights.hub_faster", "note.weights.drive_instead"]
    assert (kept.folder / UNET).read_bytes() == FILES[UNET]


def test_a_drive_that_fails_while_keeping_stops_nothing(
    make: Callable[..., WeightCache], monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = make()
    real = Path.open

    def fails(path: Path, mode: str = "r", *arguments: object, **options: object) -> object:
        if "w" in mode and path.is_relative_to(cache.shelf):
            raise OSError(107, "Transport endpoint is not connected")
        return real(path, mode, *arguments, **options)  # type: ignore[call-overload]

    monkeypatch.setattr(Path, "open", fails)
    kept, events = finish(cache.bring(WANTED))
    assert "note.weights.keep_failed" in keys(events)
    assert on_drive(cache) is None
    assert (kept.folder / UNET).stat().st_size == len(FILES[UNET])


@pytest.mark.parametrize("stage", ["download", "copy"])
def test_work_that_is_closed_in_the_middle_leaves_nothing_under_a_final_name(
    make: Callable[..., WeightCache], stage: str
) -> None:
    cache = make()
    work = cache.bring(WANTED)
    while not (isinstance(event := next(work), Progress) and event.stage == stage and event.done > 100):
        pass
    work.close()
    assert on_drive(cache) is None
    assert (cache.find(WANTED) is None) is (stage == "download")
    finish(make().bring(WANTED))


def test_what_killed_programs_left_on_drive_is_removed_when_it_is_old(make: Callable[..., WeightCache]) -> None:
    cache = make()
    old, young = (cache.shelf / UNFINISHED / f"someone--model@2026112{name}T1" / "x" for name in (4, 5))
    for path in (old, young):
        path.parent.mkdir(parents=True)
        path.write_bytes(b"x")
    for path in (old, old.parent):
        os.utime(path, (1, 1))
    finish(cache.bring(WANTED))
    assert young.exists() and not old.parent.exists()


def test_a_model_is_removed_from_both_places(make: Callable[..., WeightCache]) -> None:
    cache = make()
    finish(cache.bring(WANTED))
    assert len(cache.models()["someone--model"]) == 2
    assert cache.remove("someone/model") == 2 * NEEDED_BYTES
    assert cache.models() == {} and cache.find(WANTED) is None


def test_a_forecast_says_that_drive_will_keep_it(make: Callable[..., WeightCache], room: dict[str, int]) -> None:
    assert finish(make().forecast(WANTED))[0].drive
    room["drive"] = LITTLE
    assert not finish(make().forecast(WANTED))[0].drive
    assert not finish(make(keep=False).forecast(WANTED))[0].drive


def test_too_little_room_on_the_machine_is_told_before_drive_is_read(
    make: Callable[..., WeightCache], room: dict[str, int]
) -> None:
    from colabsd.errors import DownloadError

    finish(make().bring(WANTED))
    room["disk"] = NEEDED_BYTES
    with pytest.raises(DownloadError) as caught:
        finish(make(machine="next").bring(WANTED))
    assert caught.value.message_key == "error.download.no_room_at_all"
