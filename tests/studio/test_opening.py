"""Opening a studio on Colab: where things are kept, what is asked of whom, and that no Drive is never the end."""

import dataclasses
import json
import sys
from pathlib import Path

import fake_colab
import pytest
from fake_colab import DENIED, FakeColab, MessageError

from colabsd.environment.colab import Colab
from colabsd.environment.machine import Gpu, Machine
from colabsd.errors import StorageError
from colabsd.language import LANGUAGES, Language, say
from colabsd.studio import Studio, open_studio
from colabsd.studio.leaving import leave, take_away

TOKEN = "hf_AbCdEfGhIjKlMnOpQrStUvWxYz012345678"
T4 = Gpu(name="Tesla T4", capability=(7, 5), vram_bytes=15_637_086_208, free_vram_bytes=15_528_000_000)
COLAB_GPU = Machine(cores=2, ram_bytes=13_609_431_040, free_ram_bytes=11_000_000_000, gpu=T4, colab=True)


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeColab:
    played = FakeColab(tmp_path / "vm")
    for name, module in played.modules().items():
        monkeypatch.setitem(sys.modules, name, module)
    return played


def opened(fake: FakeColab, *, folder: Path | None = None, drive: bool | None = None, **variables: str) -> Studio:
    """A studio as a cell of a notebook opens it."""
    environ = {"COLAB_RELEASE_TAG": "release", "HOME": str(fake.folder / "root"), **variables}
    colab = Colab(environ=environ, mounts=fake.mounts, disk=fake.disk, mountpoint=fake.mountpoint)
    return open_studio(folder, language="en", drive=drive, environ=environ, colab=colab)


def notes(studio: Studio) -> list[str]:
    return [note.key for note in studio.place.notes]


def test_everything_is_in_one_folder_on_drive(fake: FakeColab):
    studio = opened(fake)
    assert studio.workspace.root == fake.top / "colabsd" and studio.workspace.remote
    assert studio.place.drive and notes(studio) == []
    assert str(fake.top / "colabsd") in studio.introduction()


def test_a_mounted_drive_is_not_mounted_again(fake: FakeColab):
    fake.appear()
    assert opened(fake).place.drive
    assert not [asked for asked in fake.asked if "mount" in asked]


def test_without_drive_the_machines_disk_is_used_and_said(fake: FakeColab):
    fake.drive_fails = MessageError(DENIED)
    studio = opened(fake)
    assert studio.workspace.root == fake.disk / "colabsd" and not studio.workspace.remote
    assert notes(studio) == ["error.drive.denied", "note.drive.disk"]
    assert "erases" in studio.introduction()


def test_where_no_page_answers_drive_is_not_waited_for(fake: FakeColab):
    """Colab's own command line would wait two minutes in silence, and gives up on a cell after half a minute."""
    fake.page = "none"
    studio = opened(fake)
    assert notes(studio) == ["note.drive.unasked", "note.drive.disk"]
    assert not [asked for asked in fake.asked if "mount" in asked]


def test_in_vs_code_drive_can_be_asked_for(fake: FakeColab):
    fake.page = "vscode"
    assert notes(opened(fake)) == ["note.drive.unasked", "note.drive.disk"]
    assert opened(fake, drive=True).place.drive


def test_drive_can_be_left_out(fake: FakeColab):
    assert notes(opened(fake, drive=False)) == ["note.drive.disk"]


def test_a_process_that_a_cell_starts_finds_the_same_folder(fake: FakeColab, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "IPython", fake_colab.without_notebook(fake)["IPython"])
    assert opened(fake).workspace.root == fake.disk / "colabsd"
    fake.appear()
    assert opened(fake).workspace.root == fake.top / "colabsd"
    assert fake.asked == []


def test_another_folder_can_be_chosen(fake: FakeColab, tmp_path: Path):
    assert opened(fake, folder=tmp_path / "mine").workspace.root == tmp_path / "mine"
    assert opened(fake, COLABSD_HOME=str(tmp_path / "home")).workspace.root == tmp_path / "home"
    assert not [asked for asked in fake.asked if "mount" in asked]
    assert opened(fake, folder=fake.top / "mine").workspace.root == fake.top / "mine"
    assert "mount first" in fake.asked


def test_what_this_machine_began_on_drive_waits_for_it(fake: FakeColab):
    first = opened(fake)
    first.workspace.prepare_local()
    (first.workspace.local / "remote").write_text("fuse.drive", encoding="utf-8")
    fake.vanish()
    fake.drive_fails = MessageError(DENIED)
    again = opened(fake)
    assert again.workspace == first.workspace
    assert notes(again) == ["error.drive.denied", "note.drive.waiting"]


def test_drive_is_mounted_again_only_where_a_page_answers(fake: FakeColab):
    place = opened(fake).place
    assert place.remount()
    fake.vanish()
    fake.page = "none"
    assert not place.remount()
    fake.page = "browser"
    assert place.remount() and fake.asked[-1] == "mount again"
    fake.vanish()
    fake.drive_fails = ValueError("mount failed")
    assert not place.remount()


def test_elsewhere_nothing_of_colab_is_asked(fake: FakeColab, tmp_path: Path):
    studio = open_studio(tmp_path, environ={"HOME": str(tmp_path)})
    assert studio.place.token is None and notes(studio) == [] and fake.asked == []


@pytest.mark.parametrize("place", ["secret", "variable", "file"])
def test_the_token_is_found_and_shown_to_nobody(fake: FakeColab, tmp_path: Path, place: str):
    variables = {"HF_TOKEN": TOKEN} if place == "variable" else {"HF_TOKEN_PATH": str(tmp_path / "token")}
    fake.secrets = {"HF_TOKEN": TOKEN} if place == "secret" else {}
    if place == "file":
        (tmp_path / "token").write_text(TOKEN)
    studio = opened(fake, **variables)
    assert studio.cache.hub.token == TOKEN
    shown = [repr(studio.place), repr(studio.cache), repr(studio.cache.hub), studio.introduction()]
    assert not [text for text in shown if TOKEN in text]
    studio.remember_model("sd15")
    assert not [path for path in fake.folder.rglob("*") if path.is_file() and TOKEN.encode() in path.read_bytes()]


@pytest.mark.parametrize(
    ("trouble", "key"),
    [
        (fake_colab.NotebookAccessError("HF_TOKEN"), "note.token.no_access"),
        (fake_colab.TimeoutException("HF_TOKEN"), "note.token.no_answer"),
    ],
)
def test_a_secret_that_cannot_be_read_is_told(fake: FakeColab, trouble: Exception, key: str):
    fake.secrets = {"HF_TOKEN": trouble}
    studio = opened(fake)
    assert studio.place.token is False and notes(studio) == [key]


def test_secrets_are_asked_for_only_where_a_page_answers(fake: FakeColab):
    fake.page = "none"
    assert opened(fake).place.token is False
    assert "secret HF_TOKEN" not in fake.asked


def test_no_secret_is_no_trouble(fake: FakeColab):
    assert notes(opened(fake)) == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_with_a_graphics_card_the_next_model_is_offered(fake: FakeColab, language: Language):
    studio = opened(fake)
    studio.machine, studio.language = COLAB_GPU, language
    told = studio.introduction()
    facts = {"model": "sd15", "gb": "2.1", "minutes": 1}
    assert say("intro.next", language, **facts) in told.replace("\n", " ")
    assert "Tesla T4" in told and "14.6 GB" in told and "12.7 GB" in told


def test_without_a_graphics_card_nothing_is_offered(fake: FakeColab):
    studio = opened(fake)
    studio.machine = dataclasses.replace(COLAB_GPU, gpu=None)
    assert "sd15" not in studio.introduction()


def test_the_chosen_model_is_remembered_in_the_workspace(fake: FakeColab):
    studio = opened(fake, drive=False)
    assert studio.remembered_model() is None
    studio.remember_model("sd15")
    studio.remember_model("dreamshaper-8")
    again = opened(fake, drive=False)
    assert again.remembered_model() == "dreamshaper-8"
    assert "dreamshaper-8" in again.introduction()


def test_a_remembered_model_that_is_gone_is_forgotten(fake: FakeColab, tmp_path: Path):
    studio = opened(fake, drive=False)
    studio.remember_model("sd15")
    (path,) = (studio.workspace.root / "choices").iterdir()
    path.write_text(json.dumps({"model": str(tmp_path / "gone.safetensors")}), encoding="utf-8")
    assert studio.remembered_model() is None
    assert studio.introduction()


def test_a_library_that_cannot_be_read_is_told_and_not_raised(fake: FakeColab, monkeypatch: pytest.MonkeyPatch):
    studio = opened(fake)

    def fails(query: str = "") -> int:
        raise StorageError("error.storage.vanished", path=fake.top)

    monkeypatch.setattr(studio.library, "count", fails)
    assert str(fake.top) in studio.introduction()


def test_leaving_waits_for_drive_and_gives_the_machine_back(fake: FakeColab):
    studio = opened(fake)
    assert [note.key for note in leave(studio) if hasattr(note, "key")] == ["note.leaving"]
    assert fake.asked[-2:] == ["flush", "unassign"]


def test_leaving_keeps_a_machine_that_has_the_only_copies(fake: FakeColab, monkeypatch: pytest.MonkeyPatch):
    studio = opened(fake, drive=False)
    monkeypatch.setattr(studio.library, "count", lambda query="": 3)
    assert [note.key for note in leave(studio) if hasattr(note, "key")] == ["note.leaving.disk"]
    assert "unassign" not in fake.asked


def test_leaving_elsewhere_only_says_that_all_is_kept(tmp_path: Path):
    studio = open_studio(tmp_path, environ={"HOME": str(tmp_path)})
    assert [note.key for note in leave(studio) if hasattr(note, "key")] == ["note.left"]


def test_there_may_be_nothing_to_take_along(fake: FakeColab):
    assert [note.key for note in take_away(opened(fake), "") if hasattr(note, "key")] == ["note.nothing_to_take"]
