"""Vectors of pictures: remembered by scorer and file, forgotten with their pictures, made anew when damaged."""

from pathlib import Path

import numpy as np
import pytest

from colabsd.library.vectors import VectorStore

ROWS = np.array([[0.6, 0.8], [1.0, 0.0], [0.0, -1.0]], np.float32)
DIGESTS = ["a" * 64, "b" * 64, "c" * 64]


def test_vectors_come_back_by_their_digests(tmp_path: Path) -> None:
    VectorStore(tmp_path / "v.sqlite", "one").add(DIGESTS, ROWS)
    found = VectorStore(tmp_path / "v.sqlite", "one").all()
    assert sorted(found) == DIGESTS
    assert found[DIGESTS[0]] == pytest.approx(ROWS[0], abs=1e-3)  # half precision


def test_each_scorer_has_its_own(tmp_path: Path) -> None:
    VectorStore(tmp_path / "v.sqlite", "one").add(DIGESTS, ROWS)
    assert VectorStore(tmp_path / "v.sqlite", "other").all() == {}


def test_what_was_deleted_is_forgotten_whoever_had_seen_it(tmp_path: Path) -> None:
    first, second = (VectorStore(tmp_path / "v.sqlite", name) for name in ("one", "other"))
    first.add(DIGESTS, ROWS)
    second.add(DIGESTS, ROWS)
    first.keep_only({DIGESTS[1]})
    assert list(first.all()) == list(second.all()) == [DIGESTS[1]]


def test_a_damaged_file_is_made_anew(tmp_path: Path) -> None:
    (tmp_path / "v.sqlite").write_bytes(b"no database at all" * 100)
    store = VectorStore(tmp_path / "v.sqlite", "one")
    assert store.all() == {}
    store.add(DIGESTS[:1], ROWS[:1])
    assert list(store.all()) == DIGESTS[:1]
