"""A manifest reads back equal, and nothing that lies is believed."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image

from colabsd.artifacts import Picture
from colabsd.errors import DamagedManifestError, InvalidSettingError, NoManifestError, NotAPictureError
from colabsd.library.manifest import LONGEST_MANIFEST, check_length, manifest_of, parse_manifest, write_manifest
from colabsd.library.manifest import read_manifest as read_manifest_file
from colabsd.planning.plans import Drawing, Execution, LoraUse

PATH = Path("picture.png")
BASE = Drawing(
    prompt="a red apple",
    negative_prompt="",
    model="starter",
    model_sha256="a" * 64,
    width=64,
    height=48,
    sampler="Euler a",
    schedule="Automatic",
    steps=20,
    guidance=7.5,
    clip_skip=1,
    seed=7,
)


def written(drawing: Drawing = BASE, batch: tuple[Drawing, ...] = (), position: int = 0, **options: Any) -> str:
    image = Image.new("RGB", (64, 48))
    picture = Picture(
        image=image, drawing=drawing, execution=Execution(), index=3, batch=batch, position=position, seconds=1.23456
    )
    facts = {
        "settings": {"prompt": "as asked", "steps": 20},
        "job": "20261124T142501-abcdefgh",
        "created": datetime(2026, 11, 24, 14, 25, 1, tzinfo=UTC),
        "model_files": {"unet/model.safetensors": "b" * 64},
        "versions": {"torch": "2.14.1+cu126"},
    }
    return write_manifest(manifest_of(picture, **{**facts, **options}))


@settings(deadline=None, max_examples=150)
@given(
    st.text(),
    st.text(),
    st.integers(0, 2**64 - 1),
    st.floats(0, 100),
    st.integers(1, 1000),
    st.none() | st.floats(0, 1),
)
@example("half a surrogate \ud800, \x00, \ufffe", "", 0, 0.0, 1, None)
def test_a_manifest_reads_back_equal(
    prompt: str, negative: str, seed: int, guidance: float, steps: int, eta: float | None
) -> None:
    drawing = replace(BASE, prompt=prompt, negative_prompt=negative, seed=seed, guidance=guidance, steps=steps, eta=eta)
    other = replace(drawing, seed=(seed + 1) % 2**64, variation_seed=5, variation_strength=0.5)
    text = written(drawing, (other, drawing), 1)
    text.encode()  # valid Unicode whatever the prompt is
    manifest = parse_manifest(text, PATH)
    assert manifest.drawing == drawing
    assert (manifest.batch, manifest.position) == ((other, drawing), 1)
    assert (manifest.job, manifest.index, manifest.seconds) == ("20261124T142501-abcdefgh", 3, 1.235)
    assert manifest.settings == {"prompt": "as asked", "steps": 20}
    assert manifest.execution == Execution()
    assert write_manifest(manifest) == text


def test_a_prompt_is_written_once_for_the_whole_batch() -> None:
    drawing = replace(BASE, prompt="palabra " * 1000)
    batch = tuple(replace(drawing, seed=seed) for seed in range(64))
    assert len(written(drawing, batch, 7)) < 1.3 * len(written(drawing)) + 64 * 20


def test_loras_and_emphasis_read_back_equal() -> None:
    loras = (LoraUse(name="ink", unet=0.5, text_encoder=-1.0, ranks=8, sha256="c" * 64), LoraUse(name="two"))
    drawing = replace(BASE, loras=loras, emphasis="literal")
    manifest = parse_manifest(written(drawing, (drawing, replace(drawing, seed=9)), 0), PATH)
    assert manifest.drawing == drawing
    assert manifest.batch[1] == replace(drawing, seed=9)
    assert manifest.drawing.loras[0].ranks == 8


@pytest.mark.parametrize(
    "name", ["eta", "noise", "variation_seed", "variation_strength", "emphasis", "loras", "strength", "safety"]
)
def test_a_manifest_from_before_a_field_was_there_reads_as_its_default(name: str) -> None:
    assert parse_manifest(lying(**{f"drawing__{name}": ...}), PATH).drawing == BASE


def lying(**changes: Any) -> str:
    """The manifest with parts replaced; `drawing__steps` reaches into the drawing, `...` takes a part away."""
    data = json.loads(written())
    for name, value in changes.items():
        *rooms, last = name.split("__")
        part = data
        for room in rooms:
            part = part[room]
        if value is ...:
            del part[last]
        else:
            part[last] = value
    return json.dumps(data)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"format": "somebody.else"}, "error.manifest.format"),
        ({"version": 2}, "error.manifest.newer"),
        ({"version": "1"}, "error.manifest.field"),
        ({"key": "0" * 64}, "error.manifest.key"),
        ({"drawing__prompt": "another prompt"}, "error.manifest.key"),
        ({"drawing__seed": 8}, "error.manifest.key"),
        ({"key": "x"}, "error.manifest.field"),
        ({"key": ...}, "error.manifest.missing_field"),
        ({"drawing": []}, "error.manifest.field"),
        ({"drawing__steps": ...}, "error.manifest.missing_field"),
        ({"drawing__extra": 1}, "error.manifest.unknown_field"),
        ({"extra": 1}, "error.manifest.unknown_field"),
        ({"drawing__steps": 10**9}, "error.manifest.field"),
        ({"drawing__steps": True}, "error.manifest.field"),
        ({"drawing__steps": "20"}, "error.manifest.field"),
        ({"drawing__steps": 20.0}, "error.manifest.field"),
        ({"drawing__steps": None}, "error.manifest.field"),
        ({"drawing__width": 10**9}, "error.manifest.field"),
        ({"drawing__height": 0}, "error.manifest.field"),
        ({"drawing__height": 10**4000}, "error.manifest.field"),
        ({"drawing__seed": -1}, "error.manifest.field"),
        ({"drawing__seed": 2**64}, "error.manifest.field"),
        ({"drawing__variation_seed": 2**64}, "error.manifest.field"),
        ({"drawing__guidance": 1e300}, "error.manifest.field"),
        ({"drawing__noise": "gpu"}, "error.manifest.field"),
        ({"drawing__source_sha256": "../../x"}, "error.manifest.field"),
        ({"drawing__mask_sha256": None}, "error.manifest.field"),
        ({"drawing__strength": 0}, "error.manifest.field"),
        ({"drawing__exact_steps": "yes"}, "error.manifest.field"),
        ({"drawing__mask_blur": 1e9}, "error.manifest.field"),
        ({"drawing__image_guidance": 0.5}, "error.manifest.field"),
        ({"drawing__safety": "black"}, "error.manifest.field"),
        ({"drawing__noise": {}}, "error.manifest.field"),
        ({"drawing__emphasis": "strong"}, "error.manifest.field"),
        ({"drawing__emphasis": None}, "error.manifest.field"),
        ({"drawing__loras": {}}, "error.manifest.field"),
        ({"drawing__loras": [7]}, "error.manifest.field"),
        ({"drawing__loras": [{}]}, "error.manifest.field"),
        ({"drawing__loras": [{"name": "a\nb"}]}, "error.manifest.field"),
        ({"drawing__loras": [{"name": "ink", "unet": "1"}]}, "error.manifest.field"),
        ({"drawing__loras": [{"name": "ink", "unet": 1e9}]}, "error.manifest.field"),
        ({"drawing__loras": [{"name": "ink", "ranks": 0}]}, "error.manifest.field"),
        ({"drawing__loras": [{"name": "ink", "sha256": "../x"}]}, "error.manifest.field"),
        ({"drawing__loras": [{"name": "ink", "path": "/etc/passwd"}]}, "error.manifest.field"),
        ({"drawing__loras": [{"name": "ink"}] * 1001}, "error.manifest.field"),
        ({"drawing__model": "a\x00b"}, "error.manifest.field"),
        ({"drawing__sampler": "Euler\x1b[2J"}, "error.manifest.field"),
        ({"drawing__model_sha256": "../../etc"}, "error.manifest.field"),
        ({"drawing__prompt": 7}, "error.manifest.field"),
        ({"job": "a\nb"}, "error.manifest.field"),
        ({"index": -1}, "error.manifest.field"),
        ({"index": 10**30}, "error.manifest.field"),
        ({"created": "yesterday"}, "error.manifest.field"),
        ({"created": "2026-11-24T14:25:01"}, "error.manifest.field"),
        ({"execution__device": "tpu"}, "error.manifest.field"),
        ({"execution__precision": ["fp32"]}, "error.manifest.field"),
        ({"execution__reasons": []}, "error.manifest.unknown_field"),
        ({"batch": []}, "error.manifest.field"),
        ({"batch": [{"seed": "7"}]}, "error.manifest.field"),
        ({"batch": [{"nothing": 1}]}, "error.manifest.unknown_field"),
        ({"batch": [{"seed": 8}]}, "error.manifest.field"),
        ({"position": 1}, "error.manifest.field"),
        ({"parents": ["x"]}, "error.manifest.field"),
        ({"model_files": {"unet": 1}}, "error.manifest.field"),
        ({"seconds": -1}, "error.manifest.field"),
        ({"seconds": 10**4000}, "error.manifest.field"),
        ({"settings": []}, "error.manifest.field"),
    ],
)
def test_a_lie_is_refused_with_its_reason(changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(DamagedManifestError) as caught:
        parse_manifest(lying(**changes), PATH)
    assert caught.value.message_key == reason
    assert str(caught.value).isprintable() and caught.value.tell("es").isprintable()


@pytest.mark.parametrize(
    "text",
    ["", "{", "[1]", "null", '"x"', "7", "[" * 100_000, '{"a":' * 50_000, "1" * 10_000, '{"format": NaN}', "\x00"],
)
def test_broken_json_is_refused(text: str) -> None:
    with pytest.raises(DamagedManifestError):
        parse_manifest(text, PATH)


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", "1" * 5000])
def test_numbers_that_are_none_are_refused(number: str) -> None:
    text = lying().replace('"guidance": 7.5', f'"guidance": {number}')
    with pytest.raises(DamagedManifestError):
        parse_manifest(text, PATH)


def test_a_manifest_of_more_than_a_million_characters_is_refused() -> None:
    with pytest.raises(DamagedManifestError) as caught:
        parse_manifest(written() + " " * LONGEST_MANIFEST, PATH)
    assert caught.value.message_key == "error.manifest.too_long"


def test_a_prompt_that_no_picture_can_carry_is_refused_before_it_is_drawn() -> None:
    check_length(replace(BASE, prompt="palabra " * 10_000), {"prompt": "palabra " * 10_000})
    with pytest.raises(InvalidSettingError):
        check_length(replace(BASE, prompt="x" * LONGEST_MANIFEST), {})
    with pytest.raises(InvalidSettingError):
        written(replace(BASE, prompt="x" * LONGEST_MANIFEST))


changed = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@settings(deadline=None, max_examples=300)
@given(st.sampled_from(list(json.loads(written()))), changed)
def test_whatever_a_part_is_replaced_with_is_read_or_refused(part: str, value: Any) -> None:
    try:
        parse_manifest(lying(**{part: value}), PATH)
    except DamagedManifestError as error:
        str(error), error.tell("es")


@settings(deadline=None, max_examples=300)
@given(st.sampled_from(list(json.loads(written())["drawing"])), changed)
def test_whatever_a_fact_of_the_drawing_is_replaced_with_is_refused(name: str, value: Any) -> None:
    original = json.loads(written())["drawing"][name]
    try:
        manifest = parse_manifest(lying(**{f"drawing__{name}": value}), PATH)
        assert value == original or name == "model", "only the model's name is not in the key"
        assert manifest.drawing == replace(BASE, **{name: value})
    except DamagedManifestError as error:
        str(error), error.tell("es")


def test_files_without_a_manifest_and_files_that_are_no_pictures_are_told_apart(
    tmp_path: Path, library: Any, keep_all: Callable[..., Any]
) -> None:
    Image.new("RGB", (8, 8)).save(tmp_path / "plain.png")
    Image.new("RGB", (8, 8)).save(tmp_path / "plain.jpg")
    (tmp_path / "text.png").write_text("no picture")
    (tmp_path / "empty.png").write_bytes(b"")
    (tmp_path / "cut.png").write_bytes(keep_all(library)[0].path.read_bytes()[:200])
    for name in ("plain.png", "plain.jpg"):
        with pytest.raises(NoManifestError):
            read_manifest_file(tmp_path / name)
    for name in ("text.png", "empty.png", "cut.png"):
        with pytest.raises(NotAPictureError):
            read_manifest_file(tmp_path / name)
