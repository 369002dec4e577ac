"""Colab: three questions asked apart, Drive mounted only when it must be, and every refusal told with a way out."""

import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import fake_colab
import pytest
from fake_colab import DENIED, POLICY, ROOT_TIMEOUT, SIGNATURES, TIMEOUT, UNSUPPORTED, FakeColab, MessageError

from colabsd.environment.colab import Colab
from colabsd.errors import DriveError, NoPageError
from colabsd.language import LANGUAGES


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeColab]:
    played = FakeColab(tmp_path)
    for name, module in played.modules().items():
        monkeypatch.setitem(sys.modules, name, module)
    yield played


@pytest.fixture
def colab(fake: FakeColab) -> Colab:
    environ = {"COLAB_RELEASE_TAG": "release-colab-external", "HOME": str(fake.folder)}
    return Colab(environ=environ, mounts=fake.mounts, disk=fake.disk, mountpoint=fake.mountpoint)


@pytest.fixture
def no_notebook(fake: FakeColab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "IPython", fake_colab.without_notebook(fake)["IPython"])


def test_the_fake_has_the_signatures_of_the_real_module(fake: FakeColab):
    assert fake_colab.signatures(fake) == SIGNATURES


def test_elsewhere_there_is_no_colab():
    elsewhere = Colab(environ={})
    assert not (elsewhere.here or elsewhere.has_notebook or elsewhere.answers())


def test_in_colab_all_three_are_so(colab: Colab):
    assert colab.here and colab.has_notebook and colab.answers()


@pytest.mark.parametrize("page", ["vscode", "none"])
def test_a_notebook_without_colabs_page_is_one(fake: FakeColab, colab: Colab, page: fake_colab.Page):
    fake.page = page
    assert colab.here and colab.has_notebook and not colab.answers(0.1)


@pytest.mark.usefixtures("no_notebook")
def test_a_process_that_a_cell_started_has_no_notebook(fake: FakeColab, colab: Colab):
    assert colab.here and not colab.has_notebook and not colab.answers()
    assert fake.asked == []


def test_a_page_that_fails_is_none(fake: FakeColab, colab: Colab, monkeypatch: pytest.MonkeyPatch):
    def fails(*_: object, **__: object) -> None:
        raise MessageError("ReferenceError: x is not defined")

    monkeypatch.setattr(sys.modules["google.colab.output"], "eval_js", fails)
    assert not colab.answers()


def test_drive_is_mounted_when_it_is_not(fake: FakeColab, colab: Colab, capsys: pytest.CaptureFixture[str]):
    assert colab.drive is None
    assert colab.mount_drive() == fake.top == colab.drive
    assert fake.asked == ["mount first"]
    assert capsys.readouterr().out == ""


def test_a_mounted_drive_is_used_and_nobody_is_asked(fake: FakeColab, colab: Colab):
    """`drive.mount` would ask the page before it looks whether Drive is mounted."""
    fake.appear()
    assert colab.mount_drive() == fake.top
    assert fake.asked == []


def test_a_drive_that_is_gone_is_mounted_again(fake: FakeColab, colab: Colab):
    fake.appear()
    fake.vanish()
    assert colab.drive is None
    assert colab.mount_drive() == fake.top
    assert fake.asked == ["mount again"]


def test_somebody_who_works_in_a_lost_drive_is_led_out(fake: FakeColab, colab: Colab, monkeypatch: pytest.MonkeyPatch):
    fake.appear()
    monkeypatch.chdir(fake.top)
    fake.vanish()
    colab.mount_drive()
    assert Path.cwd() == fake.disk
    os.chdir(fake.folder)


@pytest.mark.parametrize(
    ("failure", "key"),
    [
        (MessageError(DENIED), "error.drive.denied"),
        (NotImplementedError(UNSUPPORTED), "error.drive.unsupported"),
        (
            NotImplementedError("google.colab.drive.mount is not supported in Colab Enterprise."),
            "error.drive.enterprise",
        ),
        (KeyError("TBE_EPHEM_CREDS_ADDR"), "error.drive.unsupported"),
        (ValueError(ROOT_TIMEOUT), "error.drive.timeout"),
        (ValueError(POLICY), "error.drive.policy"),
        (ValueError("Mountpoint must not be a symlink"), "error.drive.mountpoint"),
        (ValueError("Mountpoint must not already contain files"), "error.drive.mountpoint"),
        (ValueError("Mountpoint must either be a directory or not exist"), "error.drive.mountpoint"),
        (ValueError("Mountpoint must be in a directory that exists"), "error.drive.mountpoint"),
        (ValueError("mount failed"), "error.drive.failed"),
        (TIMEOUT("Timeout exceeded."), "error.drive.failed"),
        (AssertionError(), "error.drive.failed"),
        (AttributeError("'NoneType' object has no attribute 'kernel'"), "error.drive.failed"),
    ],
)
def test_every_refusal_is_told_in_both_languages(fake: FakeColab, colab: Colab, failure: Exception, key: str):
    fake.drive_fails = failure
    with pytest.raises(DriveError) as caught:
        colab.mount_drive()
    assert caught.value.message_key == key
    assert all(len(caught.value.tell(language)) > 40 for language in LANGUAGES)


def test_where_nobody_answers_mounting_fails_and_is_told(fake: FakeColab, colab: Colab):
    fake.page = "none"
    with pytest.raises(DriveError, match="two minutes"):
        colab.mount_drive()


def test_in_vs_code_drive_can_be_mounted(fake: FakeColab, colab: Colab):
    fake.page = "vscode"
    assert colab.mount_drive() == fake.top


@pytest.mark.usefixtures("no_notebook")
def test_outside_of_a_notebook_nothing_is_tried(fake: FakeColab, colab: Colab):
    with pytest.raises(DriveError) as caught:
        colab.mount_drive()
    assert caught.value.message_key == "error.drive.no_notebook" and fake.asked == []


def test_only_the_main_thread_asks_colab(fake: FakeColab, colab: Colab):
    told: list[object] = []

    def ask() -> None:
        told.append(colab.answers())
        try:
            colab.mount_drive()
        except DriveError as error:
            told.append(error.message_key)

    thread = threading.Thread(target=ask)
    thread.start()
    thread.join()
    assert told == [False, "error.drive.thread"] and fake.asked == []


def test_a_drive_that_says_yes_and_is_not_there_is_told(fake: FakeColab, colab: Colab, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys.modules["google.colab.drive"], "mount", lambda *_, **__: None)
    with pytest.raises(DriveError) as caught:
        colab.mount_drive()
    assert caught.value.message_key == "error.drive.lost"


def test_a_flush_that_fails_is_told(fake: FakeColab, colab: Colab):
    colab.flush_drive()
    assert fake.asked == []  # it is not mounted: a flush that succeeds would prove nothing
    fake.appear()
    fake.drive_fails = ValueError()
    with pytest.raises(DriveError) as caught:
        colab.flush_drive()
    assert caught.value.message_key == "error.drive.flush"


@pytest.mark.parametrize(
    ("secret", "found"),
    [
        ("hf_secret", ("hf_secret", "")),
        ("  hf_secret\n", ("hf_secret", "")),
        ("", ("", "")),
        (fake_colab.SecretNotFoundError("HF_TOKEN"), ("", "")),
        (fake_colab.NotebookAccessError("HF_TOKEN"), ("", "note.token.no_access")),
        (fake_colab.TimeoutException("HF_TOKEN"), ("", "note.token.no_answer")),
        (MessageError("Error"), ("", "note.token.no_answer")),
    ],
)
def test_the_secret_is_found_or_its_trouble_named(
    fake: FakeColab, colab: Colab, secret: str | Exception, found: tuple[str, str]
):
    fake.secrets = {"HF_TOKEN": secret}
    assert colab.secret_token() == found


def test_files_come_from_the_readers_computer(fake: FakeColab, colab: Colab, tmp_path: Path):
    fake.chosen = {"mi gato.png": b"picture", "x (1).png": b"other"}
    brought = colab.upload(tmp_path / "new" / "folder")
    assert [(path.name, path.read_bytes()) for path in brought] == list(fake.chosen.items())
    assert {path.parent for path in brought} == {tmp_path / "new" / "folder"}


def test_cancelling_brings_nothing(colab: Colab, tmp_path: Path):
    assert colab.upload(tmp_path) == ()


def test_files_go_to_the_readers_browser(fake: FakeColab, colab: Colab, tmp_path: Path):
    (tmp_path / "all.zip").write_bytes(b"zip")
    colab.download(tmp_path / "all.zip")
    assert fake.asked[-1] == "download all.zip"


@pytest.mark.parametrize("page", ["vscode", "none"])
def test_without_a_page_dialogs_are_refused_instead_of_waiting_for_ever(
    fake: FakeColab, colab: Colab, tmp_path: Path, page: fake_colab.Page
):
    fake.page = page
    with pytest.raises(NoPageError):
        colab.upload(tmp_path)
    with pytest.raises(NoPageError):
        colab.download(tmp_path / "all.zip")


def test_the_machine_is_given_back_from_a_notebook_only(fake: FakeColab, colab: Colab, monkeypatch: pytest.MonkeyPatch):
    colab.release()
    assert fake.asked == ["unassign"]
    monkeypatch.setitem(sys.modules, "IPython", fake_colab.without_notebook(fake)["IPython"])
    with pytest.raises(NoPageError):
        colab.release()


def test_colabs_log_of_causes_is_in_the_home_folder(fake: FakeColab, colab: Colab):
    assert colab.drive_log == fake.folder / ".config/Google/DriveFS/Logs/timeouts.txt"


def test_what_is_shown_of_it_names_no_token():
    assert "hf_secret" not in repr(Colab(environ={"HF_TOKEN": "hf_secret"}))
