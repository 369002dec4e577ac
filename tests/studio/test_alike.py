"""Looking for pictures by what they show: with a sentence in either language, and with another picture."""

from pathlib import Path
from typing import Any

import pytest

from colabsd.errors import NotAPictureError
from colabsd.library.library import KeptPicture
from colabsd.progress import Note, Progress
from colabsd.settings.images import ImageSettings
from colabsd.studio import Studio
from colabsd.studio.alike import Alike

pytestmark = pytest.mark.integration

PROMPTS = (
    "a red apple, 3d style, blue background",
    "dog, 3d style, green background",
    "car, flat style, white background",
)


@pytest.fixture
def kept(studio: Studio) -> list[KeptPicture]:
    found: list[KeptPicture] = []
    for prompt in PROMPTS:
        settings = ImageSettings(prompt=prompt, seed=5, steps=12)
        found += [event for event in studio.draw(settings) if isinstance(event, KeptPicture)]
    return found


def alike(studio: Studio, like: str, **facts: Any) -> list[Alike]:
    return [event for event in studio.find_alike(like, **facts) if isinstance(event, Alike)]


def test_pictures_are_found_by_sentences_and_by_pictures(
    studio: Studio, kept: list[KeptPicture], tmp_path: Path
) -> None:
    for like, place in (("una manzana", 0), ("un perro", 1), ("a car", 2)):
        found = alike(studio, like)
        assert found[0].record.key == kept[place].record.key
        assert [one.cosine for one in found] == sorted((one.cosine for one in found), reverse=True)
    assert alike(studio, str(kept[2].path))[0].cosine > 0.9
    assert len(alike(studio, "a car", limit=2)) == 2

    again = list(studio.find_alike("a dog"))
    assert not any(isinstance(event, Progress) for event in again), "each is looked at once"
    told = next(event for event in again if isinstance(event, Note))
    assert told.facts == {"scorer": "drawn-world", "count": 3}

    list(studio.library.delete([kept[0].record.path]))
    assert kept[0].record.key not in [one.record.key for one in alike(studio, "una manzana")]
    (tmp_path / "text.png").write_text("no picture")
    with pytest.raises(NotAPictureError):
        alike(studio, str(tmp_path / "text.png"))


def test_an_empty_library_has_nothing_alike(studio: Studio) -> None:
    assert alike(studio, "a dog") == []
