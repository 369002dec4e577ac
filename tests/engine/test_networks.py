"""Classes of other libraries, taken while a module is built without memory."""

from pathlib import Path

import pytest
import torch

from colabsd.engine.networks import class_of


def test_a_library_that_computes_while_it_is_imported_can_be_imported_where_nothing_has_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "computing_library.py").write_text("import torch\nclass Found:\n    value = torch.ones(2).tolist()\n")
    monkeypatch.syspath_prepend(tmp_path)
    with torch.device("meta"):
        found = class_of("computing_library", "Found")
        built = torch.ones(1)
    assert found.value == [1.0, 1.0] and built.is_meta
