"""What other cells did shows on the page; only the newest page listens."""

from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell

from colabsd.errors import StorageError
from colabsd.widgets.cells import EVENT, AfterCells


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch) -> Any:
    shell = InteractiveShell()
    monkeypatch.setattr("IPython.core.getipython.get_ipython", lambda: shell)
    return shell


def test_it_is_called_after_every_cell(shell: Any) -> None:
    called: list[int] = []
    AfterCells("page", lambda: called.append(1)).listen()
    shell.run_cell("1 + 1")
    shell.run_cell("1 / 0")
    assert len(called) == 2


def test_of_one_name_only_the_newest_listens(shell: Any) -> None:
    called: list[str] = []
    AfterCells("page", lambda: called.append("first")).listen()
    AfterCells("other", lambda: called.append("other")).listen()
    AfterCells("page", lambda: called.append("second")).listen()
    shell.run_cell("1")
    assert sorted(called) == ["other", "second"]
    assert sum(isinstance(getattr(heard, "__self__", None), AfterCells) for heard in shell.events.callbacks[EVENT]) == 2


def test_what_is_wrong_with_the_library_does_not_show_in_a_cell_that_has_nothing_to_do_with_it(
    shell: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> None:
        raise StorageError("error.storage.exists", path="x")

    AfterCells("page", fail).listen()
    shell.run_cell("x = 1")
    told = capsys.readouterr()
    assert "StorageError" not in told.out + told.err


def test_without_a_notebook_nothing_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("IPython.core.getipython.get_ipython", lambda: None)
    AfterCells("page", lambda: None).listen()
