"""The door to the network: the real client against a hub on this machine, with everything that can go wrong."""

import time
from pathlib import Path

import pytest
from hub_model import FILES, TOKEN, UNET, finish
from hub_server import Fault, HubServer, git_digest, sha256

from colabsd.errors import ColabsdError, DownloadError, UnknownModelError
from colabsd.models.cards import HubFile
from colabsd.models.hub import Hub, Listing, looks_like_id
from colabsd.progress import Progress

ELSEWHERE = "/elsewhere/"


@pytest.fixture
def listing(hub: Hub) -> Listing:
    found: Listing = finish(hub.listing("someone/model"))[0]
    return found


def unet(listing: Listing) -> HubFile:
    return next(file for file in listing.files if file.name == UNET)


def test_a_repository_is_told_with_sizes_digests_and_its_commit(listing: Listing, hub_server: HubServer) -> None:
    files = {file.name: file for file in listing.files}
    assert set(files) == set(FILES)
    assert listing.commit == hub_server.commit("someone/model")
    assert files[UNET] == HubFile(UNET, 300_000, sha256(FILES[UNET]))
    assert files["unet/config.json"] == HubFile("unet/config.json", 2, blob=git_digest(b"{}"))


def test_a_file_comes_with_progress_in_its_bytes(hub: Hub, listing: Listing, tmp_path: Path) -> None:
    told, events = finish(hub.fetch(listing, unet(listing), tmp_path / "part"))
    assert (tmp_path / "part").read_bytes() == FILES[UNET]
    assert told == unet(listing)
    assert events[-1] == Progress(stage="download", done=300_000, total=300_000)


def test_the_token_is_shown_to_the_hub_and_to_nobody_else(
    hub: Hub, listing: Listing, hub_server: HubServer, tmp_path: Path
) -> None:
    finish(hub.fetch(listing, unet(listing), tmp_path / "part"))
    for request in hub_server.requests:
        assert (TOKEN in request.token) is not request.path.startswith(ELSEWHERE), request


def test_a_cut_connection_goes_on_where_it_was_cut(
    hub: Hub, listing: Listing, hub_server: HubServer, tmp_path: Path
) -> None:
    hub_server.repositories["someone/model"][UNET] = data = FILES[UNET] * 100  # more than the client reads at once
    big = HubFile(UNET, len(data))
    listing = Listing("someone/model", hub_server.commit("someone/model"), (big,))
    hub_server.faults.append(Fault(ELSEWHERE, cut_after=15_000_000))
    finish(hub.fetch(listing, big, tmp_path / "part"))
    assert (tmp_path / "part").read_bytes() == data
    assert [request.start > 0 for request in hub_server.requests if ELSEWHERE in request.path] == [False, True]


def test_what_an_earlier_program_left_is_continued(
    hub: Hub, listing: Listing, hub_server: HubServer, tmp_path: Path
) -> None:
    (tmp_path / "part").write_bytes(FILES[UNET][:200_000])
    _, events = finish(hub.fetch(listing, unet(listing), tmp_path / "part"))
    assert (tmp_path / "part").read_bytes() == FILES[UNET]
    assert hub_server.sent(ELSEWHERE) == 100_000
    assert events[0].done == 200_000


def test_a_part_that_is_longer_than_the_file_is_begun_anew(hub: Hub, listing: Listing, tmp_path: Path) -> None:
    (tmp_path / "part").write_bytes(b"z" * 400_000)
    finish(hub.fetch(listing, unet(listing), tmp_path / "part"))
    assert (tmp_path / "part").read_bytes() == FILES[UNET]


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_what_passes_is_tried_again(hub: Hub, hub_server: HubServer, status: int) -> None:
    hub_server.faults.append(Fault("/api/models", status=status, times=2))
    assert finish(hub.listing("someone/model"))[0].commit == hub_server.commit("someone/model")


@pytest.mark.parametrize(
    ("fault", "key", "told"),
    [
        (Fault("/api", status=401, headers={"X-Error-Message": "Invalid credentials in Authorization header"}),
         "error.download.token", "/settings/tokens"),
        (Fault("/api", status=403), "error.download.forbidden", "/someone/model"),
        (Fault("/api", status=403, headers={"X-Error-Code": "GatedRepo"}), "error.download.gated", "/someone/model"),
        (Fault("/api", status=404, headers={"X-Error-Code": "RevisionNotFound"}), "error.download.revision", "main"),
        (Fault("/api", status=403, headers={"X-Error-Message": "Access to this resource is disabled."}),
         "error.download.disabled", "models list"),
        (Fault("/api", status=429, times=3), "error.download.busy", "/settings/tokens"),
        (Fault("/api", status=503, times=3), "error.download.server", "503"),
    ],
    ids=lambda value: value.status if isinstance(value, Fault) else None,
)  # fmt: skip
def test_what_does_not_pass_is_told_with_a_way_out(
    hub: Hub, hub_server: HubServer, fault: Fault, key: str, told: str
) -> None:
    hub_server.faults.append(fault)
    with pytest.raises(DownloadError) as caught:
        finish(hub.listing("someone/model"))
    assert caught.value.message_key == key
    for sentence in (caught.value.tell("en"), caught.value.tell("es")):
        assert told in sentence and TOKEN not in sentence


@pytest.mark.parametrize("status", [401, 404])
def test_an_id_that_the_hub_does_not_know_is_an_unknown_model(hub: Hub, hub_server: HubServer, status: int) -> None:
    hub_server.faults.append(Fault("/api", status=status))
    with pytest.raises(UnknownModelError) as caught:
        finish(hub.listing("nobody/nothing"))
    assert f"{hub_server.url}/settings/tokens" in caught.value.tell("es")


def test_a_file_that_is_gone_is_named(hub: Hub, listing: Listing, tmp_path: Path) -> None:
    with pytest.raises(DownloadError) as caught:
        finish(hub.fetch(listing, HubFile("unet/gone.bin"), tmp_path / "part"))
    assert caught.value.message_key == "error.download.file_gone"
    assert "unet/gone.bin" in caught.value.tell("en")


def test_a_hub_that_cannot_be_reached_is_told_at_once(tmp_path: Path) -> None:
    start = time.monotonic()
    with pytest.raises(DownloadError) as caught:
        finish(Hub(endpoint="http://127.0.0.1:9", waits_s=(60.0,)).listing("someone/model"))
    assert caught.value.message_key == "error.download.offline"
    assert "starter" in caught.value.tell("es")
    assert time.monotonic() - start < 30


def test_offline_mode_is_respected(hub: Hub, hub_server: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(DownloadError) as caught:
        finish(hub.listing("someone/model"))
    assert caught.value.message_key == "error.download.offline"
    assert hub_server.requests == []


def test_a_connection_that_breaks_again_and_again_is_told_and_what_came_stays(
    hub: Hub, listing: Listing, hub_server: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.sleep", lambda _seconds: None)  # the client waits a second before each of its own tries
    hub_server.faults.append(Fault(ELSEWHERE, cut_after=0, times=1000))
    (tmp_path / "part").write_bytes(FILES[UNET][:1000])
    with pytest.raises(ColabsdError) as caught:
        finish(hub.fetch(listing, unet(listing), tmp_path / "part"))
    assert caught.value.message_key == "error.download.cut"
    assert (tmp_path / "part").read_bytes() == FILES[UNET][:1000]


def test_closing_the_work_stops_it_and_nothing_is_written_any_more(
    hub: Hub, listing: Listing, hub_server: HubServer, tmp_path: Path
) -> None:
    hub_server.repositories["someone/model"][UNET] = data = FILES[UNET] * 100
    big = HubFile(UNET, len(data))
    listing = Listing("someone/model", hub_server.commit("someone/model"), (big,))
    hub_server.faults.append(Fault(ELSEWHERE, stall_s=0.002))
    work = hub.fetch(listing, big, tmp_path / "part")
    while next(work).done == 0:
        pass
    work.close()
    came = (tmp_path / "part").stat().st_size
    time.sleep(1.0)
    assert 0 < came < len(data)
    assert (tmp_path / "part").stat().st_size == came


def test_where_the_list_tells_no_digest_the_files_own_headers_do(
    hub: Hub, hub_server: HubServer, tmp_path: Path
) -> None:
    hub_server.tells_digests = False
    listing = finish(hub.listing("someone/model"))[0]
    assert unet(listing) == HubFile(UNET)
    assert finish(hub.fetch(listing, unet(listing), tmp_path / "a"))[0].sha256 == sha256(FILES[UNET])
    config = HubFile("unet/config.json")
    assert finish(hub.fetch(listing, config, tmp_path / "b"))[0].blob == git_digest(b"{}")


def test_a_release_comes_from_its_own_place_without_a_token(hub: Hub, hub_server: HubServer, tmp_path: Path) -> None:
    hub_server.releases["/github/owner/net/releases/download/v1/net.pth"] = b"p" * 5000
    listing = Listing("github.com/owner/net", "v1", (HubFile("net.pth", 5000),))
    finish(hub.fetch(listing, listing.files[0], tmp_path / "part"))
    assert (tmp_path / "part").read_bytes() == b"p" * 5000
    assert [request.token for request in hub_server.requests] == [""]


def test_the_client_prints_nothing(
    hub: Hub, listing: Listing, hub_server: HubServer, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    hub_server.faults.append(Fault(ELSEWHERE, cut_after=1000))
    finish(hub.fetch(listing, unet(listing), tmp_path / "part"))
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("name", "is_id"),
    [
        ("owner/name", True),
        ("owner/name@v1", True),
        ("name", False),
        ("/a/b", False),
        ("./a", False),
        ("a/b/c", False),
        ("~/x", False),
    ],
)
def test_a_hub_id_has_one_slash_and_no_path(name: str, is_id: bool) -> None:
    assert looks_like_id(name) is is_id
