"""Deforum's settings files: read in all their forms, told key by key, written again, refused where they are none."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from colabsd.errors import InvalidDeforumFileError
from colabsd.planning.deforum_export import write_deforum
from colabsd.planning.deforum_files import LARGEST, Imported, load_deforum, read_deforum
from colabsd.planning.video_values import film_values
from colabsd.settings.video import VideoSettings

FOLDER = Path(__file__).parents[1] / "data/planning"
FILES = ("notebook_run_settings.txt", "notebook_partial_settings.json")
A1111: dict[str, Any] = {
    "W": 512,
    "H": 768,
    "seed": -1,
    "sampler": "DPM++ 2M SDE",
    "scheduler": "Karras",
    "steps": 25,
    "batch_name": "Deforum_{timestring}",
    "seed_iter_N": 2,
    "init_image": None,
    "animation_mode": "3D",
    "max_frames": "100",
    "zoom": "0: (0)",
    "translation_z": "0:(5), 200: (1)",
    "enable_steps_scheduling": False,
    "steps_schedule": "0: (10)",
    "enable_clipskip_scheduling": True,
    "clipskip_schedule": 2,
    "enable_ancestral_eta_scheduling": True,
    "ancestral_eta_schedule": "0:(0.5)",
    "enable_ddim_eta_scheduling": False,
    "ddim_eta_schedule": "0:(0)",
    "cfg_scale_schedule": "0: (7)",
    "near_schedule": "0: (200)",
    "color_coherence": "Match Frame 0 LAB",
    "color_coherence_video_every_N_frames": 1.0,
    "diffusion_cadence": "2",
    "optical_flow_cadence": True,
    "hybrid_composite": False,
    "depth_algorithm": "Midas-3-Hybrid",
    "use_looper": True,
    "cn_1_enabled": False,
    "cn_1_weight": 1.0,
    "sd_model_name": "xl\\juggernaut.safetensors",
    "frame_interpolation_engine": "RIFE v4.6",
    "something_new": {"kept": [1]},
    "prompts": {"0": "a red apple --neg grey", "max_f/2": "a blue ball"},
    "positive_prompts": "a red apple",
}


def read(data: dict[str, Any] | str) -> Imported:
    return read_deforum((data if isinstance(data, str) else json.dumps(data)).encode())


def outcomes(found: Imported) -> dict[str, str]:
    return {row.key: row.outcome for row in found.rows}


def test_every_key_of_a_file_of_the_extension_is_told() -> None:
    found = read(A1111)
    settings, told = found.settings, outcomes(found)
    assert set(told) == set(A1111)
    assert (settings.width, settings.height, settings.max_frames, settings.diffusion_cadence) == (512, 768, 100, 2)
    assert settings.sampler == "DPM++ 2M SDE Karras" and settings.color_coherence == "LAB"
    assert (settings.clipskip_schedule, settings.eta_schedule, settings.steps_schedule) == ("0: (2)", "0:(0.5)", None)
    assert (settings.optical_flow_cadence, settings.hybrid_composite) == ("DIS Fine", "None")
    assert settings.prompts == ("0: a red apple --neg grey", "max_f/2: a blue ball")
    assert settings.legacy_colormatch and settings.dialect == "a1111" and settings.init_image == ""
    assert (told["W"], told["depth_algorithm"], told["near_schedule"]) == ("renamed", "changed", "ignored")
    assert (told["use_looper"], told["something_new"], told["cn_1_enabled"]) == ("impossible", "unknown", "ignored")
    assert found.kept["something_new"] == {"kept": [1]} and found.kept["steps_schedule"] == "0: (10)"
    assert film_values(settings).frames == 100


def test_writing_keeps_every_understood_key_and_all_others_as_they_were() -> None:
    found = read(A1111)
    written = write_deforum(found.settings, found.kept)
    again = read(written)
    assert again.settings == found.settings
    data = json.loads(written)
    assert {row.key for row in found.of("understood", "renamed", "changed")} <= set(data)
    assert data["something_new"] == {"kept": [1]} and data["sd_model_name"] == "xl\\juggernaut.safetensors"
    assert data["enable_clipskip_scheduling"] is True and data["enable_steps_scheduling"] is False


@pytest.mark.parametrize("dialect", ["notebook", "a1111"])
def test_settings_of_our_own_come_back_from_a_file(dialect: str) -> None:
    settings = VideoSettings(
        dialect=dialect,
        prompts=("0: a", "5: b --neg c"),
        zoom="0: (1.02)",
        cfg_scale_schedule="0: (7)",
        fov_schedule="0: (40)",
        sampler_schedule='0: ("Euler a"), 5: ("DDIM")',
        noise_multiplier_schedule="0: (1.05)",
        color_coherence="HSV",
        legacy_colormatch=True,
    )
    again = read(write_deforum(settings)).settings
    assert dataclasses.replace(again, cfg_scale_schedule=None, fov_schedule="") == dataclasses.replace(
        settings, cfg_scale_schedule=None, fov_schedule=""
    )
    assert film_values(again).numbers == film_values(settings).numbers


@pytest.mark.parametrize("name", FILES)
def test_files_of_the_notebook_are_read_and_come_back(name: str) -> None:
    found = load_deforum(FOLDER / name)
    assert found.settings.dialect == "notebook" and found.of("unknown") == ()
    again = read(write_deforum(found.settings, found.kept))
    assert again.settings == found.settings
    assert set(json.loads((FOLDER / name).read_text())) <= set(json.loads(write_deforum(found.settings, found.kept)))


def test_a_batch_of_pictures_and_a_loss_are_told() -> None:
    batch = load_deforum(FOLDER / FILES[0])
    assert batch.settings.prompts[1].startswith("1: a beautiful portrait")
    assert "note.deforum.batch" in {note.key for note in batch.notes}
    assert batch.settings.sampler == "DPM++ SDE" and outcomes(batch)["sampler"] == "changed"
    assert outcomes(load_deforum(FOLDER / FILES[1]))["colormatch_scale"] == "impossible"


@pytest.mark.parametrize(
    ("prompts", "expected"),
    [
        ({"0": "a", "30": "b"}, ("0: a", "30: b")),
        (["a", "b"], ("0: a", "1: b")),
        ("a lake", ("0: a lake",)),
        ('{"0": "a", "9": "b"}', ("0: a", "9: b")),
        ("{'0': 'a', '9': \"it's b\"}", ("0: a", "9: it's b")),
        ({'"max_f-1"': "a"}, ("max_f-1: a",)),
    ],
)
def test_prompts_are_read_in_every_form(prompts: Any, expected: tuple[str, ...]) -> None:
    assert read({"prompts": prompts, "max_frames": 10}).settings.prompts == expected


def test_prompts_of_the_interface_are_put_together_and_those_of_a_run_are_not_repeated() -> None:
    added = {"prompts": {"0": "a"}, "animation_prompts_positive": "p", "animation_prompts_negative": "n"}
    assert read(added).settings.prompts == ("0: p, a --neg n",)
    run = {"prompts": {"0": "a --neg n"}, "positive_prompts": "a", "negative_prompts": "n"}
    assert read(run).settings.prompts == ("0: a --neg n",)


@pytest.mark.parametrize(
    ("key", "value", "setting", "expected"),
    [
        ("flip_2d_perspective", True, "enable_perspective_flip", True),
        ("scale", 9, "cfg_scale_schedule", "0: (9)"),
        ("fov", 50, "fov_schedule", "0: (50)"),
        ("sampler", 1, "sampler", "Euler"),
        ("sampler", "dpmpp_2m_sde_gpu", "sampler", "DPM++ 2M SDE"),
        ("add_soundtrack", True, "add_soundtrack", "File"),
        ("border", "warp", "border", "wrap"),
        ("animation_mode", "None", "animation_mode", "2D"),
        ("padding_mode", "Reflection", "padding_mode", "reflection"),
        ("strength_schedule", "0.35", "strength_schedule", "0.35"),
        ("fps", "24", "fps", 24.0),
        ("use_init", "true", "use_init", True),
    ],
)
def test_aliases_and_odd_values_are_understood(key: str, value: Any, setting: str, expected: Any) -> None:
    found = read({"prompts": {"0": "a"}, key: value})
    assert getattr(found.settings, setting) == expected
    assert outcomes(found)[key] in ("understood", "renamed", "changed")


@pytest.mark.parametrize(
    "values", [{"W": "wide"}, {"W": 1e999}, {"fps": None}, {"max_frames": -3}, {"sampler": "no such"}, {"zoom": [1]}]
)
def test_values_that_cannot_be_are_told_and_the_rest_is_taken(values: dict[str, Any]) -> None:
    found = read({"prompts": {"0": "a"}, **values})
    assert found.settings.prompts == ("0: a",)
    assert outcomes(found)[next(iter(values))] in ("impossible", "ignored")


def test_settings_inside_something_else_are_found() -> None:
    assert read({"input": {"settings": {"W": 320, "prompts": ["a"]}}}).settings.width == 320


def test_a_broken_file_is_refused_with_line_and_column() -> None:
    with pytest.raises(InvalidDeforumFileError) as caught:
        read('{\n  "W": 512,\n  "border": V "wrap"\n}')
    assert (caught.value.facts["line"], caught.value.facts["column"]) == (3, 13)
    assert "3" in caught.value.tell("es") and "13" in caught.value.tell("en")


@pytest.mark.parametrize(
    ("data", "key"),
    [
        (b"[1, 2]", "error.deforum.none"),
        (b'{"a": 1}', "error.deforum.none"),
        (b"[" * 200_000, "error.deforum.none"),
        (b'{"W": ' + b"1" * 6000 + b"}", "error.deforum.none"),
        (b"\xff\xfe\x00", "error.deforum.text"),
        (b"", "error.deforum.syntax"),
    ],
    ids=range(6),
)
def test_what_is_no_settings_file_is_refused(data: bytes, key: str) -> None:
    with pytest.raises(InvalidDeforumFileError) as caught:
        read_deforum(data)
    assert caught.value.message_key == key


def test_a_hundred_megabytes_are_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "large.json"
    with path.open("wb") as file:
        file.truncate(100_000_000)
    with pytest.raises(InvalidDeforumFileError) as caught:
        load_deforum(path)
    assert caught.value.facts == {"size": 100_000_000, "limit": LARGEST}


def test_what_a_plane_cannot_do_with_is_remarked() -> None:
    flat = read({"prompts": {"0": "a"}, "animation_mode": "2D", "zoom": "0: (0)"})
    assert [note.key for note in flat.notes] == ["note.deforum.zero"]
