"""The weight cache on an ordinary disk: what is needed, once, checked, whole or not at all."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hub_model import FILES, NEEDED_BYTES, NOT_NEEDED, TOKEN, UNET, WANTED, finish
from hub_server import Fault, HubServer, sha256

from colabsd.errors import ColabsdError, DownloadError, UnknownModelError, UsageError
from colabsd.models.cache import WeightCache, open_cache
from colabsd.models.cards import HubFile
from colabsd.models.digests import digest_files
from colabsd.models.download import Wanted
from colabsd.models.hub import Hub
from colabsd.models.shelf import LIST, read_kept
from colabsd.progress import Note, Progress
from colabsd.storage.workspace import Workspace

ELSEWHERE = "/elsewhere/someone/model//unet"
DEAD = Hub(endpoint="http://127.0.0.1:9", waits_s=())


def files_in(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def bring_error(cache: WeightCache, wanted: Wanted = WANTED) -> ColabsdError:
    """The error that bringing ends with; it must show no token, in no language."""
    with pytest.raises(ColabsdError) as caught:
        finish(cache.bring(wanted))
    assert TOKEN not in caught.value.tell("en") + caught.value.tell("es")
    return caught.value


def test_what_is_needed_comes_and_nothing_else(cache: WeightCache) -> None:
    kept, _ = finish(cache.bring(WANTED))
    assert kept.folder == cache.workspace.root / "models" / "someone--model"
    assert files_in(kept.folder) == {*FILES} - NOT_NEEDED | {LIST}
    for name in {*FILES} - NOT_NEEDED:
        path = kept.folder / name
        assert path.read_bytes() == FILES[name] and not path.is_symlink()
    assert kept.bytes == NEEDED_BYTES


def test_what_comes_is_said_before_the_first_byte_and_counted_to_the_last(cache: WeightCache) -> None:
    _, events = finish(cache.bring(WANTED))
    first, *rest = (event for event in events if not (isinstance(event, Progress) and event.total == 0))
    assert isinstance(first, Note) and first.key == "note.weights.download"
    counted = [(event.done, event.total) for event in rest]
    assert counted == sorted(counted) and counted[-1] == (NEEDED_BYTES, NEEDED_BYTES)


def test_what_is_here_is_used_without_asking_anybody(
    cache: WeightCache, make_cache: Callable[..., WeightCache], hub_server: HubServer
) -> None:
    before, _ = finish(cache.bring(WANTED))
    asked = len(hub_server.requests)
    again, events = finish(make_cache(hub=DEAD).bring(WANTED))
    assert again == before and events == [] and len(hub_server.requests) == asked


def test_digests_of_what_came_are_known_without_reading_it_again(cache: WeightCache) -> None:
    kept, _ = finish(cache.bring(WANTED))
    digests, events = finish(digest_files(kept.folder, [UNET], cache.memory))
    assert digests == {UNET: sha256(FILES[UNET])} and events == []


def test_the_list_says_where_it_came_from_and_who_told_each_digest(cache: WeightCache, hub_server: HubServer) -> None:
    kept, _ = finish(cache.bring(WANTED))
    said = json.loads((kept.folder / LIST).read_text())
    assert (said["source"], said["commit"]) == ("someone/model", hub_server.commit("someone/model"))
    assert {file["name"]: file["sha256"] for file in said["files"]}[UNET] == sha256(FILES[UNET])
    assert {file["seen"] for file in said["files"]} == {"hub"}


def test_a_digest_that_nobody_tells_is_recorded_as_seen_here(
    cache: WeightCache, hub_server: HubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub_server.releases["/github/owner/net/releases/download/v1/net.pth"] = b"p" * 5000
    wanted = Wanted(
        name="net", source="github.com/owner/net", revision="v1", known=(HubFile("net.pth"),), only_known=True
    )
    kept, _ = finish(cache.bring(wanted))
    assert [(file.sha256, file.seen) for file in kept.files] == [(sha256(b"p" * 5000), "here")]


def test_a_file_that_comes_wrong_once_comes_again(cache: WeightCache, hub_server: HubServer) -> None:
    hub_server.faults.append(Fault(ELSEWHERE, corrupt=True))
    kept, _ = finish(cache.bring(WANTED))
    assert (kept.folder / UNET).read_bytes() == FILES[UNET]


def test_a_file_that_comes_wrong_twice_is_refused_and_thrown_away(cache: WeightCache, hub_server: HubServer) -> None:
    hub_server.faults.append(Fault(ELSEWHERE, corrupt=True, times=2))
    error = bring_error(cache)
    assert error.message_key == "error.download.hash" and UNET in error.tell("es")
    assert cache.find(WANTED) is None
    assert not any(path.name.startswith("diffusion") and "unet" in path.parts for path in cache.shelf.rglob("*"))


def test_a_digest_that_a_card_knows_must_be_met(cache: WeightCache) -> None:
    wanted = replace(WANTED, known=(HubFile(UNET, 300_000, "0" * 64),))
    assert bring_error(cache, wanted).message_key == "error.download.hash"


def test_after_a_failure_what_came_is_kept_and_the_rest_comes(cache: WeightCache, hub_server: HubServer) -> None:
    hub_server.faults.append(Fault("/resolve/", method="HEAD", status=500, times=1000))
    assert bring_error(cache).message_key == "error.download.server"
    hub_server.faults[0].times = 0
    hub_server.faults.append(
        Fault("vae/diffusion", method="HEAD", status=404, headers={"X-Error-Code": "EntryNotFound"})
    )
    assert bring_error(cache).message_key == "error.download.file_gone"
    finish(cache.bring(WANTED))
    assert hub_server.sent(ELSEWHERE) == len(FILES[UNET])  # once, although it took three programs


def test_a_full_disk_is_told_and_what_came_is_continued(
    cache: WeightCache, hub_server: HubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_self: object, _data: bytes) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("colabsd.models.hub._StoppableFile.write", full)
        assert bring_error(cache).message_key == "error.download.disk_full"
    assert cache.find(WANTED) is None
    assert finish(cache.bring(WANTED))[0].bytes == NEEDED_BYTES


def test_a_revision_can_be_asked_for_and_one_that_vanished_is_told(cache: WeightCache, hub_server: HubServer) -> None:
    commit = hub_server.commit("someone/model")
    kept, _ = finish(cache.bring(replace(WANTED, revision=commit)))
    assert kept.folder.name == f"someone--model@{commit[:12]}" and kept.commit == commit
    error = bring_error(cache, replace(WANTED, revision="d" * 40))
    assert error.message_key == "error.download.revision" and "--model someone/model" in error.tell("en")


def test_a_repository_that_moves_on_between_two_programs_is_begun_anew(
    cache: WeightCache, hub_server: HubServer
) -> None:
    hub_server.faults.append(
        Fault("vae/diffusion", method="HEAD", status=404, headers={"X-Error-Code": "EntryNotFound"})
    )
    bring_error(cache)
    hub_server.repositories["someone/model"][UNET] = newer = b"n" * 200_000
    kept, _ = finish(cache.bring(WANTED))
    assert (kept.folder / UNET).read_bytes() == newer
    assert list((cache.shelf / ".unfinished").iterdir()) == []


def test_without_room_what_could_go_is_proposed_and_nothing_goes(
    cache: WeightCache, hub_server: HubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, _ = finish(cache.bring(WANTED))
    hub_server.repositories["someone/other"] = dict(FILES)
    monkeypatch.setattr("colabsd.models.room.free_bytes", lambda _path: 500_000_000 + NEEDED_BYTES // 2)
    error = bring_error(cache, Wanted(name="other", source="someone/other"))
    assert error.message_key == "error.download.no_room"
    assert "colabsd models remove someone/model" in error.tell("es")
    assert read_kept(old.folder) == old
    assert not any("someone/other/resolve" in request.path for request in hub_server.requests)


def test_a_budget_holds_and_says_how_to_make_room(
    make_cache: Callable[..., WeightCache], hub_server: HubServer
) -> None:
    cache = make_cache(budget_bytes=NEEDED_BYTES + 10)
    finish(cache.bring(WANTED))
    hub_server.repositories["someone/other"] = dict(FILES)
    other = Wanted(name="other", source="someone/other")
    error = bring_error(cache, other)
    assert error.message_key == "error.download.budget" and "COLABSD_MODELS_GB" in error.tell("en")
    cache.remove("someone/model")
    finish(cache.bring(other))
    assert bring_error(make_cache(budget_bytes=10)).message_key == "error.download.budget_small"


def test_a_forecast_tells_what_it_takes_and_brings_nothing(cache: WeightCache, hub_server: HubServer) -> None:
    forecast, _ = finish(cache.forecast(WANTED))
    assert (forecast.needed_bytes, forecast.place, forecast.seconds) == (NEEDED_BYTES, cache.shelf, None)
    assert hub_server.sent(ELSEWHERE) == 0 and not cache.workspace.root.exists()
    finish(cache.bring(WANTED))
    assert finish(cache.forecast(WANTED))[0].needed_bytes == 0


def test_a_removed_model_is_gone_and_its_bytes_are_told(cache: WeightCache) -> None:
    kept, _ = finish(cache.bring(WANTED))
    assert cache.remove("SOMEONE/model") == NEEDED_BYTES
    assert not kept.folder.exists() and cache.models() == {}
    with pytest.raises(UnknownModelError):
        cache.remove("someone/model")


def test_what_comes_again_under_the_same_commit_must_be_the_same(
    cache: WeightCache, hub_server: HubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub_server, "commit", lambda _source: "c" * 40)
    finish(cache.bring(WANTED))
    cache.remove("someone/model")
    hub_server.repositories["someone/model"][UNET] = b"another" * 10_000
    error = bring_error(cache)
    assert error.message_key == "error.download.changed"
    (cache.shelf / ".seen" / "someone--model.json").unlink()  # the way out that it names
    assert finish(cache.bring(WANTED))[0].digests[UNET] == sha256(b"another" * 10_000)


@pytest.mark.parametrize("harm", ["no list", "short file", "missing file", "broken list", "list of nothing"])
def test_what_is_not_whole_is_not_taken_for_a_model_and_comes_again(cache: WeightCache, harm: str) -> None:
    kept, _ = finish(cache.bring(WANTED))
    if harm == "no list":
        (kept.folder / LIST).unlink()
    elif harm == "short file":
        (kept.folder / UNET).write_bytes(FILES[UNET][:-1])
    elif harm == "missing file":
        (kept.folder / UNET).unlink()
    else:
        (kept.folder / LIST).write_text("{" if harm == "broken list" else '{"format": 1, "files": []}')
    assert cache.find(WANTED) is None and cache.models() == {}
    again, _ = finish(cache.bring(WANTED))
    assert (again.folder / UNET).read_bytes() == FILES[UNET]


def test_a_list_that_leads_out_of_its_folder_is_no_list(cache: WeightCache) -> None:
    kept, _ = finish(cache.bring(WANTED))
    text = (kept.folder / LIST).read_text().replace(UNET, "../../secret")
    (kept.folder.parents[1] / "secret").write_bytes(FILES[UNET])
    (kept.folder / LIST).write_text(text)
    assert read_kept(kept.folder) is None


def test_two_at_once_bring_it_once(
    cache: WeightCache, make_cache: Callable[..., WeightCache], hub_server: HubServer
) -> None:
    first, second = cache.bring(WANTED), make_cache().bring(WANTED)
    while not isinstance(next(first), Note):
        pass
    waiting = next(second)
    assert isinstance(waiting, Note) and waiting.key == "note.weights.waiting"
    kept, _ = finish(first)
    assert finish(second)[0] == kept
    assert hub_server.sent(ELSEWHERE) == len(FILES[UNET])


def test_a_model_that_is_coming_cannot_be_removed_meanwhile(cache: WeightCache) -> None:
    finish(cache.bring(WANTED))
    other = cache._take("someone--model")
    assert other is not None
    with pytest.raises(DownloadError) as caught:
        cache.remove("someone/model")
    assert caught.value.message_key == "error.models.busy"
    other.release()
    cache.remove("someone/model")


@pytest.mark.parametrize(
    ("environ", "keep", "budget"),
    [
        ({}, True, None),
        ({"COLABSD_KEEP_MODELS": "no"}, False, None),
        ({"COLABSD_KEEP_MODELS": "yes", "COLABSD_MODELS_GB": "7.5"}, True, 7_500_000_000),
        ({"COLABSD_MODELS_GB": " "}, True, None),
    ],
)
def test_the_environment_sets_the_switch_and_the_budget(
    tmp_path: Path, environ: dict[str, str], keep: bool, budget: int | None
) -> None:
    cache = open_cache(Workspace(root=tmp_path, local=tmp_path), environ)
    assert (cache.keep, cache.budget_bytes, cache.remote) == (keep, budget, False)


@pytest.mark.parametrize("value", ["much", "-1", "nan", "inf"])
def test_a_budget_that_is_no_number_is_told(tmp_path: Path, value: str) -> None:
    with pytest.raises(UsageError) as caught:
        open_cache(Workspace(root=tmp_path, local=tmp_path), {"COLABSD_MODELS_GB": value})
    assert value in caught.value.tell("es") and "COLABSD_MODELS_GB" in caught.value.tell("en")
