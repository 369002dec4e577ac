"""What could go to make room: the longest unused first, no more than is needed, and never by itself."""

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from colabsd.errors import DownloadError
from colabsd.models.room import SPARE_BYTES, Room, check_room, propose_removal
from colabsd.models.shelf import LIST, KeptFile, KeptModel

OLD = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def kept(tmp_path: Path) -> list[KeptModel]:
    """Three models of 1, 2 and 4 bytes, last used in the order c, a, b."""
    models = []
    for name, count, day in (("a", 1, 2), ("b", 2, 3), ("c", 4, 1)):
        (tmp_path / name).mkdir()
        (tmp_path / name / LIST).write_text("{}")
        used = datetime(2026, 2, day, tzinfo=UTC).timestamp()
        os.utime(tmp_path / name / LIST, (used, used))
        files = (KeptFile("x", count, "0" * 64),)
        models.append(
            KeptModel(folder=tmp_path / name, name=name, source=name, revision="", commit="", files=files, kept=OLD)
        )
    return models


@pytest.mark.parametrize(("lacking", "proposed"), [(1, "c"), (4, "c"), (5, "ca"), (7, "cab"), (8, "")])
def test_the_longest_unused_goes_first_and_no_more_than_is_needed(
    kept: list[KeptModel], lacking: int, proposed: str
) -> None:
    assert "".join(model.name for model in propose_removal(kept, lacking)) == proposed


def test_what_was_just_used_is_not_the_first_to_go(kept: list[KeptModel]) -> None:
    kept[2].mark_used()
    assert [model.name for model in propose_removal(kept, 1)] == ["a"]


@pytest.mark.parametrize(
    ("needed", "free", "left", "key"),
    [
        (10, SPARE_BYTES + 10, None, None),
        (0, 0, None, None),
        (10, SPARE_BYTES + 9, None, "error.download.no_room"),
        (100, 0, None, "error.download.no_room_at_all"),
        (10, SPARE_BYTES + 10, 10, None),
        (10, SPARE_BYTES + 10, 9, "error.download.budget"),
        (100, SPARE_BYTES + 100, 0, "error.download.budget_small"),
    ],
)
def test_room_is_what_is_free_and_what_the_budget_leaves(
    kept: list[KeptModel], tmp_path: Path, needed: int, free: int, left: int | None, key: str | None
) -> None:
    room = Room(tmp_path, free, left)
    if key is None:
        check_room("sd15", needed, room, kept)
        return
    with pytest.raises(DownloadError) as caught:
        check_room("sd15", needed, room, kept)
    assert caught.value.message_key == key
    assert "sd15" in caught.value.tell("es")
