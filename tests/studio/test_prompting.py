"""Prompts in a workspace: styles, wildcards, what is kept of them, and pictures drawn again from it."""

import dataclasses
import json
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from colabsd.errors import DamagedStylesError, UnknownStyleError, UnknownWildcardError
from colabsd.library.infotext import read_infotext
from colabsd.library.library import KeptPicture
from colabsd.library.manifest import read_manifest
from colabsd.library.picture_files import read_picture_text
from colabsd.models.shelf import LIST, KeptFile, KeptModel
from colabsd.planning.plans import Note
from colabsd.prompts import Style, write_styles
from colabsd.settings.images import ImageSettings
from colabsd.studio import Comparison, Studio, open_studio
from colabsd.studio.exporting import export_model

pytestmark = pytest.mark.integration


@pytest.fixture
def studio(tmp_path: Path) -> Iterator[Studio]:
    environ = {"XDG_CACHE_HOME": str(tmp_path / "cache"), "HOME": str(tmp_path)}
    opened = open_studio(tmp_path / "workspace", language="en", environ=environ)
    opened.workspace.prepare()
    opened.workspace.wildcards.mkdir()
    (opened.workspace.wildcards / "colour.txt").write_text("red\ngreen\nblue\n", encoding="utf-8")
    styles = (Style("ink", "ink, {prompt}", "photo"), Style("señal", "bright"))
    opened.workspace.styles.write_bytes(write_styles(styles).encode())
    with opened.library:
        yield opened


@pytest.fixture
def asked(small_model_folder: Path) -> ImageSettings:
    return ImageSettings(prompt="red apple", model=str(small_model_folder), steps=2, seed=7, width=64, height=64)


def kept(studio: Studio, settings: ImageSettings, **more: Any) -> list[KeptPicture]:
    return [event for event in studio.draw(settings, **more) if isinstance(event, KeptPicture)]


def pixels(picture: KeptPicture) -> bytes:
    with Image.open(picture.path) as image:
        return image.convert("RGB").tobytes()


def test_the_manifest_keeps_template_choices_and_styles_and_the_drawing_the_final_prompt(
    studio: Studio, asked: ImageSettings
) -> None:
    wanted = dataclasses.replace(asked, prompt="__colour__ {apple|pear}", style=("ink, señal",), count=3)
    for index, picture in enumerate(kept(studio, wanted)):
        manifest = read_manifest(picture.path)
        assert manifest.settings["prompt"] == "__colour__ {apple|pear}"
        assert manifest.settings["style"] == ["ink, señal"]
        drawn = manifest.extras["prompting"]["prompt"]
        words = [choice["texts"][0] for choice in drawn["choices"]]
        assert manifest.drawing.prompt == f"ink, {words[0]} {words[1]}, bright"
        assert manifest.drawing.negative_prompt == "photo"
        assert (drawn["template"], drawn["index"]) == ("ink, __colour__ {apple|pear}, bright", index)


def test_the_infotext_has_the_template_and_the_seed_of_the_words(studio: Studio, asked: ImageSettings) -> None:
    (picture,) = kept(studio, dataclasses.replace(asked, prompt="{a|b}, (c)", wildcard_seed=12, emphasis="no-norm"))
    infotext = read_infotext(read_picture_text(picture.path).infotext or "")
    assert infotext.parameters["Template"] == "{a|b}, (c)"
    assert infotext.parameters["Wildcard seed"] == "12"
    assert infotext.parameters["Emphasis"] == "No norm"
    assert infotext.prompt == picture.picture.drawing.prompt


RICH = (
    "[red:roj:0.5] (apple:1.3) [x|y] BREAK "
    + "blue sky, " * 30
    + " AND {a|b} dog :0.4 __colour__ <lora:nothing:0.5> # comment"
)


@pytest.mark.parametrize("emphasis", [None, "no-norm", "ignore", "literal"])
def test_a_picture_made_with_all_of_the_language_is_drawn_again_equal(
    studio: Studio, asked: ImageSettings, emphasis: str | None
) -> None:
    wanted = dataclasses.replace(asked, prompt=RICH, negative_prompt="(bad:1.2)", emphasis=emphasis, sampler="Heun")
    (picture,) = kept(studio, wanted)
    (comparison,) = [event for event in studio.again(str(picture.path), verify=True) if isinstance(event, Comparison)]
    assert comparison.equal
    (again,) = [event for event in studio.again(str(picture.path)) if isinstance(event, KeptPicture)]
    assert pixels(again) == pixels(picture)
    assert read_manifest(again.path).extras == read_manifest(picture.path).extras


def test_words_are_drawn_from_their_own_seed(studio: Studio, asked: ImageSettings) -> None:
    wanted = dataclasses.replace(asked, prompt="__colour__ {1|2|3|4|5|6|7|8|9}", count=4)

    def prompts(**more: Any) -> list[str]:
        return [drawing.prompt for drawing in studio.plan(dataclasses.replace(wanted, **more)).drawings]

    assert prompts() == prompts()
    assert prompts(seed=8) != prompts()
    assert prompts(seed=8, wildcard_seed=7) == prompts()
    assert prompts(wildcard_seed=9) != prompts()


def test_a_stopped_request_with_choices_goes_on_with_the_same_prompts(studio: Studio, asked: ImageSettings) -> None:
    wanted = dataclasses.replace(asked, prompt="__colour__ {a|b|c}", count=4)
    whole = {picture.record.key: pixels(picture) for picture in kept(studio, wanted)}
    events = studio.draw(wanted)
    first = next(event for event in events if isinstance(event, KeptPicture))
    events.close()  # type: ignore[attr-defined]
    (studio.workspace.wildcards / "colour.txt").unlink()
    rest = [event for event in studio.resume() if isinstance(event, KeptPicture)]
    assert {picture.record.key: pixels(picture) for picture in (first, *rest)} == whole
    assert all("prompting" in read_manifest(picture.path).extras for picture in rest)


def test_prompts_taken_as_written_have_no_choices(studio: Studio, asked: ImageSettings) -> None:
    (picture,) = kept(studio, dataclasses.replace(asked, prompt="{a|b} __colour__"), as_written=True)
    assert picture.picture.drawing.prompt == "{a|b} __colour__"


def test_what_is_not_there_is_told_before_anything_is_drawn(studio: Studio, asked: ImageSettings) -> None:
    with pytest.raises(UnknownStyleError) as style:
        list(studio.draw(dataclasses.replace(asked, style=("inc",))))
    assert style.value.facts["nearest"] == "ink"
    with pytest.raises(UnknownWildcardError) as wildcard:
        list(studio.draw(dataclasses.replace(asked, prompt="__color__")))
    assert wildcard.value.facts["nearest"] == "colour"
    studio.workspace.styles.write_bytes(b'name,prompt\n"a\0' + b"x" * 200_000)
    with pytest.raises((DamagedStylesError, UnknownStyleError)):
        list(studio.draw(dataclasses.replace(asked, style=("ink",))))
    assert not studio.library.list()


def test_styles_are_read_only_when_asked_for(studio: Studio, asked: ImageSettings) -> None:
    studio.workspace.styles.unlink()
    studio.workspace.styles.mkdir()
    assert kept(studio, asked)


def test_remarks_are_notes(studio: Studio, asked: ImageSettings) -> None:
    wanted = dataclasses.replace(asked, prompt="a (cat <lora:ink>", count=2)
    keys = [event.key for event in studio.draw(wanted) if isinstance(event, Note)]
    assert keys.count("lint.bracket_open") == keys.count("lint.lora_unknown") == 1


def test_a_long_template_that_no_picture_could_carry_is_refused_before_drawing(
    studio: Studio, asked: ImageSettings
) -> None:
    from colabsd.errors import InvalidSettingError

    wanted = dataclasses.replace(asked, prompt="{a|b} " + "# " + "x" * 400_000)
    with pytest.raises(InvalidSettingError):
        list(studio.draw(wanted))
    assert not studio.library.list()


def test_a_prompt_is_read_without_drawing(studio: Studio, asked: ImageSettings) -> None:
    wanted = dataclasses.replace(asked, prompt="[red:apple:2] {a|b}", negative_prompt="(x)", steps=6, count=2)
    plan, readings = studio.read(wanted)
    assert len(readings) == len(plan.drawings) == 2
    positive, negative = readings[0]
    assert [(used.first, used.last) for used in positive.used] == [(1, 3), (4, 6)]
    assert (positive.chunks, negative.negative) == (1, True)
    assert negative.used[0].sides[0][1][0].weight == 1.1  # type: ignore[union-attr]
    assert not studio.library.list()


def test_a_model_that_is_not_here_reads_with_clips_words(studio: Studio) -> None:
    _, ((reading,),) = studio.read(ImageSettings(prompt="a photo of a cat", model="sd15"))
    assert reading.tokens == 5


def test_a_single_file_and_a_kept_model_of_the_hub_are_read_with_their_own_words(
    studio: Studio, small_model_folder: Path, tmp_path: Path
) -> None:
    """The small model has no word for "photograph" but its letters, where CLIP has one."""
    file, prompt = tmp_path / "small.safetensors", "photograph"
    for _ in export_model(str(small_model_folder), file, studio.cache):
        pass
    folder = ImageSettings(prompt=prompt, model=str(small_model_folder))
    _, ((wanted,),) = studio.read(folder)
    assert wanted.tokens == len(prompt) - 1, "it has one for r and o"
    _, ((found,),) = studio.read(dataclasses.replace(folder, model=str(file)))
    assert found.tokens == wanted.tokens
    hub = ImageSettings(prompt=prompt, model="someone/small")
    assert studio.read(hub)[1][0][0].tokens == 1
    shelf = studio.cache.shelf / "someone--small"
    shutil.copytree(small_model_folder, shelf)
    facts: dict[str, Any] = {"name": "someone/small", "source": "someone/small", "revision": "", "commit": "c"}
    files = tuple(
        KeptFile(path.relative_to(shelf).as_posix(), path.stat().st_size, "0" * 64) for path in shelf.rglob("*.*")
    )
    kept_model = KeptModel(folder=shelf, **facts, files=files, kept=datetime.now(UTC))
    (shelf / LIST).write_text(json.dumps(kept_model.as_json()))
    assert studio.read(hub)[1][0][0].tokens == wanted.tokens


def test_settings_with_styles_are_plain_data(studio: Studio, asked: ImageSettings) -> None:
    (picture,) = kept(studio, dataclasses.replace(asked, style=("ink",)))
    assert json.loads(json.dumps(dict(read_manifest(picture.path).settings)))["style"] == ["ink"]
