"""Drafts are finished: the same picture, kept beside its draft, compared with it, and continued when it was stopped."""

import os
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import numpy as np
import pytest
from PIL import Image

from colabsd.errors import InvalidSettingError, UnknownPictureError
from colabsd.library.library import KeptPicture
from colabsd.library.manifest import read_manifest
from colabsd.planning.plans import Note
from colabsd.settings.images import ImageSettings
from colabsd.settings.redraw import RedrawSettings
from colabsd.studio import Comparison, Pair, Studio

pytestmark = pytest.mark.integration

Kind = TypeVar("Kind")


@pytest.fixture
def asked(small_model_folder: Path) -> ImageSettings:
    return ImageSettings(prompt="red apple", model=str(small_model_folder), steps=2, seed=7, sampler="Euler")


def only(kind: type[Kind], events: Iterable[object]) -> list[Kind]:
    return [event for event in events if isinstance(event, kind)]


def drafts(studio: Studio, settings: ImageSettings, count: int = 1) -> list[KeptPicture]:
    return only(KeptPicture, studio.draw(replace(settings, count=count)))


def names(kept: Iterable[KeptPicture]) -> list[str]:
    return [one.path.name for one in kept]


def test_a_final_is_kept_beside_its_draft_with_its_seed_and_more_steps(studio: Studio, asked: ImageSettings) -> None:
    (draft,) = drafts(studio, asked)
    before = draft.path.read_bytes()
    events = list(studio.finish(names([draft]), steps=4))
    (final,), (pair,) = only(KeptPicture, events), only(Pair, events)
    assert events.index(final) < events.index(pair)
    assert pair.draft == draft.record and pair.final == final and -1 <= pair.similarity <= 1
    manifest = read_manifest(final.path)
    assert manifest.parents == (draft.record.key,)
    assert (manifest.drawing.steps, manifest.drawing.seed) == (4, 7)
    assert manifest.settings["steps"] == 4 and manifest.settings["prompt"] == "red apple"
    assert draft.path.read_bytes() == before


def test_without_steps_it_gets_those_that_suit_the_sampler(studio: Studio, asked: ImageSettings) -> None:
    (final,) = only(KeptPicture, studio.finish(names(drafts(studio, asked))))
    assert final.record.steps == 50


def test_a_draft_of_chance_is_refined_and_it_is_said(studio: Studio, asked: ImageSettings) -> None:
    (draft,) = drafts(studio, replace(asked, sampler="Euler a", steps=10))
    events = list(studio.finish(names([draft])))
    assert [note.key for note in only(Note, events) if note.key.startswith("note.finish")] == ["note.finish.refined"]
    (refined,) = only(KeptPicture, events)
    manifest = read_manifest(refined.path)
    assert manifest.parents == (draft.record.key,) and manifest.drawing.steps == 10
    assert manifest.drawing.source_sha256 == draft.record.sha256
    (comparison,) = only(Comparison, studio.again(refined.path.name, verify=True))
    assert comparison.equal


def test_what_is_refined_is_nearer_to_its_draft_than_another_picture(studio: Studio) -> None:
    (draft,) = drafts(studio, ImageSettings(prompt="a red apple, 3d style", steps=8, sampler="Euler a", seed=7))
    (refined,) = only(Pair, studio.finish(names([draft])))
    (another,) = only(Pair, studio.finish(names([draft]), steps=24, refine=False))
    assert refined.similarity > max(0.8, another.similarity)


def test_a_redrawn_draft_is_finished_from_its_source(studio: Studio, asked: ImageSettings, tmp_path: Path) -> None:
    photo = tmp_path / "photo.png"
    Image.effect_noise((64, 64), 60).convert("RGB").save(photo)
    settings = RedrawSettings(**{**vars(asked), "image": str(photo), "steps": 4})
    (draft,) = only(KeptPicture, studio.redraw(settings))
    photo.unlink()
    (final,) = only(KeptPicture, studio.finish(names([draft]), steps=8))
    drawing = read_manifest(final.path).drawing
    assert drawing.source_sha256 == draft.picture.drawing.source_sha256 and drawing.steps == 8
    assert read_manifest(final.path).parents == (draft.record.key,)


def test_a_picture_named_twice_is_finished_once(studio: Studio, asked: ImageSettings) -> None:
    (draft,) = drafts(studio, asked)
    assert len(only(Pair, studio.finish([draft.path.name, str(draft.path), draft.record.key], steps=3))) == 1


def test_a_stopped_finish_goes_on_with_every_picture_that_was_named(studio: Studio, asked: ImageSettings) -> None:
    ticked = [*drafts(studio, asked, 2), *drafts(studio, replace(asked, prompt="blue", sampler="Euler a"))]
    whole = [np.asarray(pair.final.picture.image) for pair in only(Pair, studio.finish(names(ticked), steps=4))]
    events = studio.finish(names(ticked), steps=4)
    first = next(event for event in events if isinstance(event, Pair))
    events.close()  # type: ignore[attr-defined]
    rest = only(Pair, studio.resume())
    assert [pair.draft.path for pair in (first, *rest)] == [one.record.path for one in ticked]
    for before, pair in zip(whole, (first, *rest), strict=True):
        assert np.array_equal(before, np.asarray(pair.final.picture.image))
    assert not studio.unfinished()


def test_a_killed_finish_is_finished_by_the_next_program(studio: Studio, asked: ImageSettings, tmp_path: Path) -> None:
    ticked = drafts(studio, asked, 3)
    studio.library.close()
    environ = {**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache"), "COLABSD_HOME": str(studio.workspace.root)}
    command = [sys.executable, "-m", "colabsd", "finish", *names(ticked), "--steps", "150"]
    with subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        assert process.stdout.readline()  # the path of the first final
        process.kill()
    pairs = only(Pair, studio.resume())
    assert 1 <= len(pairs) <= 2 and pairs[-1].draft == ticked[2].record
    assert len(studio.library.search("steps:150")) == 3 and not studio.unfinished()


def test_a_final_goes_on_though_its_draft_is_gone(studio: Studio, asked: ImageSettings) -> None:
    ticked = drafts(studio, asked, 2)
    events = studio.finish(names(ticked), steps=4)
    next(event for event in events if isinstance(event, Pair))
    events.close()  # type: ignore[attr-defined]
    ticked[1].path.unlink()
    left = list(studio.resume())
    assert len(only(KeptPicture, left)) == 1 and not only(Pair, left)


def test_a_final_drawn_again_keeps_its_parent(studio: Studio, asked: ImageSettings) -> None:
    (draft,) = drafts(studio, asked)
    (final,) = only(KeptPicture, studio.finish(names([draft]), steps=3))
    (again,) = only(KeptPicture, studio.again(final.path.name))
    assert read_manifest(again.path).parents == (draft.record.key,)


def test_what_cannot_be_finished_is_told_before_anything_is_drawn(studio: Studio, asked: ImageSettings) -> None:
    (draft,) = drafts(studio, asked)
    with pytest.raises(UnknownPictureError):
        list(studio.finish([draft.path.name, "nothing-of-this-name"], steps=3))
    with pytest.raises(InvalidSettingError):
        list(studio.finish([draft.path.name], steps=0))
    assert len(studio.library.list()) == 1 and not studio.unfinished()
