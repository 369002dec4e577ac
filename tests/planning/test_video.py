"""A film's exact plan: from every setting to every frame's values, small, keyed, checked before anything is drawn."""

import dataclasses
import itertools
import json
from typing import Any

import pytest

from colabsd.environment.machine import Machine
from colabsd.errors import (
    ColabsdError,
    InvalidCameraError,
    InvalidScheduleError,
    InvalidSchedulesError,
    InvalidSettingError,
    UnknownSamplerError,
)
from colabsd.models.cards import ModelCard
from colabsd.models.catalog import CATALOG
from colabsd.planning.video import plan_video
from colabsd.planning.video_plans import CameraValues, FramePlan, FrameTable, VideoPlan
from colabsd.settings.fields import field_specs
from colabsd.settings.video import SCHEDULES, TEXT_SCHEDULES, VideoSettings

GIB = 2**30
CARD = dataclasses.replace(next(card for card in CATALOG if card.name == "sd15"), sha256="a" * 64)
OTHER = dataclasses.replace(CARD, name="other", sha256="b" * 64)
LARGE = Machine(cores=8, ram_bytes=64 * GIB, free_ram_bytes=60 * GIB)


def card_of(name: str) -> ModelCard:
    return {"sd15": CARD, "other": OTHER}[name]


def plan(more: dict[str, Any] | None = None, **asked: Any) -> VideoPlan:
    """The plan of a film of ten frames, with seeds from 1000 on."""
    counter = itertools.count(1000)
    settings = VideoSettings(**{"prompts": ("a red apple",), "max_frames": 10, **asked})
    facts: dict[str, Any] = {"cards": card_of, **(more or {})}
    return plan_video(settings, card=CARD, machine=LARGE, new_seed=lambda: next(counter), **facts)


def test_a_plan_comes_back_from_json_with_its_key() -> None:
    made = plan(zoom="0: (1 + 0.1*sin(t))", diffusion_cadence=3, compat=("cadence_tail",))
    again = VideoPlan.from_json(json.loads(json.dumps(made.as_json(), allow_nan=False)))
    assert again.key == made.key and again.as_json() == made.as_json() and again.frames == made.frames
    assert again.frames[7] == made.frames[7]


def test_ten_thousand_frames_stay_small() -> None:
    made = plan(max_frames=10_000, zoom="0: (1.02)", prompts=("0: a red apple", "5000: a blue ball"))
    assert len(json.dumps(made.as_json())) < 150_000  # the seeds, one per frame


def test_the_key_says_what_is_drawn_and_not_how_or_under_which_name() -> None:
    made = plan(seed=7)
    renamed = dataclasses.replace(CARD, name="another name")
    same = plan_video(
        VideoSettings(prompts=("a red apple",), max_frames=10, seed=7, fps=30, make_gif=True),
        card=renamed,
        machine=LARGE,
        new_seed=lambda: 1,
    )
    assert same.key == made.key
    assert plan(seed=7, strength_schedule="0: (0.5)").key != made.key
    assert dataclasses.replace(made, frames=plan(seed=8).frames).key != made.key


def test_the_digest_of_a_file_counts_and_not_its_path() -> None:
    def key(path: str, digest: str) -> str:
        return plan({"digests": {path: digest}}, seed=1, use_init=True, init_image=path).key

    assert key("a.png", "1") == key("b.png", "1") != key("a.png", "2")


def test_strength_becomes_steps_as_in_deforum() -> None:
    made = plan(strength_schedule="0: (0.9)", steps=20)
    assert (made.frames[0].strength, made.frames[0].drawn_steps) == (0.0, 20)
    assert made.frames[1].drawn_steps == 1  # and not 2: the whole part of 1.9999…
    assert plan(strength_schedule="0: (7)").frames[3].strength == 1.0
    assert plan(use_init=True, init_image="a.png", strength=0.3).frames[0].strength == 0.3


def test_every_nth_frame_is_drawn_and_the_last_one_is_not_lost() -> None:
    def drawn(**asked: Any) -> list[int]:
        return [frame.index for frame in plan(diffusion_cadence=4, **asked).frames if frame.drawn]

    assert drawn() == [0, 4, 8, 9]
    assert drawn(compat=("cadence_tail",)) == [0, 4, 8]
    assert drawn(camera_only=True) == [0]
    assert drawn(animation_mode="Video Input") == list(range(10))


def test_seeds_go_on_with_drawn_frames() -> None:
    assert plan(seed=100, diffusion_cadence=4).frames.column("seed") == (100,) * 4 + (101,) * 4 + (102, 103)
    assert plan().frames[0].seed == 1000
    scheduled = plan(seed=5, seed_behavior="schedule", seed_schedule="0: (s), 3: (9)")
    assert scheduled.frames.column("seed") == (5,) * 3 + (9,) * 7
    usual = plan(seed=5, seed_behavior="schedule").frames.column("seed")  # Deforum's: s at both ends, else new ones
    assert usual[0] == usual[8] == usual[9] == 5 and len(set(usual)) == 8


def test_only_the_camera_values_of_the_mode_are_in_the_plan() -> None:
    moves: dict[str, Any] = {"zoom": "1.1", "angle": "2", "rotation_3d_y": "3", "translation_z": "4", "seed": 1}
    assert plan(**moves).frames[1].camera == CameraValues(zoom=1.1, angle=2.0)
    deep = plan(**moves, animation_mode="3D").frames[1].camera
    assert deep == CameraValues(rotation_3d_y=3.0, translation_z=4.0)
    still = plan(**moves, animation_mode="Interpolation").frames[1].camera
    assert still == CameraValues()
    assert plan(zoom="0: (0)", animation_mode="3D", seed=1).frames[1].camera.zoom == 1.0  # harmless in space


def test_between_prompts_frames_say_how_far_they_have_come() -> None:
    made = plan(animation_mode="Interpolation", prompts=("0: a", "4: b --neg c"), seed=1, negative_prompt="d")
    assert made.frames.column("blend") == (0.0, 0.25, 0.5, 0.75) + (0.0,) * 6
    first, last = made.frames[1], made.frames[9]
    assert (first.prompt, first.next_prompt, first.seed, first.next_seed) == ("a", "b", 1, 2)
    assert (first.negative_prompt, first.next_negative_prompt) == ("d", "c, d")
    assert (last.prompt, last.next_prompt, last.seed, last.next_seed) == ("b", "b", 2, 2)
    assert set(made.frames.column("strength")) == {0.0}


def test_prompts_begin_at_their_frames_and_may_be_calculated() -> None:
    made = plan(prompts=("0: a `t*2` b", "max_f/3: c", "50: d"))
    assert [frame.prompt for frame in made.frames][:5] == ["a 0 b", "a 2 b", "a 4 b", "c", "c"]
    assert "note.film_prompt.beyond" in {note.key for note in made.notes}


def test_samplers_models_steps_and_guidance_follow_their_schedules() -> None:
    made = plan(
        sampler_schedule="0: (Euler a), 5: (DPM++ 2M Karras)",
        checkpoint_schedule="0: (sd15), 8: (other)",
        steps_schedule="0: (10), 5: (20)",
        cfg_scale_schedule="0: (3), 4: (7)",
        clipskip_schedule="2",
    )
    assert (made.frames[0].sampler, made.frames[5].sampler, made.frames[5].schedule) == (
        *("Euler a", "DPM++ 2M"),
        "Karras",
    )
    assert (made.frames[7].model, made.frames[8].model, made.frames[8].model_sha256) == ("sd15", "other", "b" * 64)
    assert (made.frames[2].steps, made.frames[2].guidance, made.frames[2].clip_skip) == (14, 5.0, 2)


def test_a_frame_becomes_a_drawing_with_what_is_new_of_it() -> None:
    made = plan(strength_schedule="0: (0.75)", seed=3, steps=8)
    drawing = made.drawing(1)
    assert (drawing.strength, drawing.seed, drawing.steps, drawing.prompt) == (0.25, 4, 8, "a red apple")


def test_an_input_film_that_is_shorter_ends_the_film_and_says_so() -> None:
    made = plan({"input_frames": 6}, animation_mode="Video Input", video_init_path="a.mp4")
    assert len(made.frames) == 6 and "note.film.input_short" in {note.key for note in made.notes}
    assert len(plan({"input_frames": 6}).frames) == 10  # not used, not asked


def test_a_dialect_is_found_by_its_names_and_decides_the_noise() -> None:
    assert plan(zoom="0: (1 + t/max_frames/10)").dialect == "notebook"
    assert plan(zoom="0: (1 + t/max_f/10)").dialect == "a1111"
    assert plan(dialect="notebook").noise.kind == "gaussian" and plan().noise.kind == "perlin"


def test_all_schedules_that_are_wrong_are_told_together() -> None:
    with pytest.raises(InvalidSchedulesError) as caught:
        plan(zoom="0: (", angle="5: (1)", sampler_schedule="0: (Euler a", fov_schedule="0: (x)")
    told = caught.value.tell("es")
    assert all(name in told for name in ("zoom", "angle", "sampler_schedule", "fov_schedule"))
    assert told.startswith("No se pueden leer 4")


@pytest.mark.parametrize(
    ("asked", "error"),
    [
        ({"zoom": "0: (0)"}, InvalidCameraError),
        ({"zoom": "0: (1/t)"}, InvalidScheduleError),
        ({"noise_schedule": "0: (log(t))"}, InvalidScheduleError),
        ({"animation_mode": "3D", "fov_schedule": "0: (180)"}, InvalidCameraError),
        ({"sampler_schedule": "0: (no such)"}, UnknownSamplerError),
        ({"compat": ("no such",)}, InvalidSettingError),
        ({"max_frames": 0}, InvalidSettingError),
        ({"fps": float("nan")}, InvalidSettingError),
        ({"prompts": ("0: `1/0*t", "x")}, ColabsdError),
        ({"prompts": ("0: a `t+` b",)}, InvalidScheduleError),
    ],
    ids=str,
)
def test_what_cannot_be_is_told_before_anything_is_drawn(asked: dict[str, Any], error: type[ColabsdError]) -> None:
    with pytest.raises(error) as caught:
        plan(**asked)
    assert caught.value.tell("en") != caught.value.tell("es")


# Another value of every setting, and what else must be set for it to count.
MOVES = "0: (1 + t/100)"
OTHERS: dict[str, dict[str, Any]] = {
    **{name: {name: MOVES} for name in SCHEDULES},
    **{name: {name: MOVES, "animation_mode": "3D"} for name in SCHEDULES if name.startswith("rotation")},
    **{
        name: {name: "0: (40)", "animation_mode": "3D"}
        for name in ("translation_z", "fov_schedule", "aspect_ratio_schedule")
    },
    **{name: {name: "0: (40)", "enable_perspective_flip": True} for name in SCHEDULES if "flip" in name},
    **{
        name: {name: MOVES, "animation_mode": "2D", "hybrid_composite": "Normal"} for name in SCHEDULES if "hyb" in name
    },
    "seed_schedule": {"seed_schedule": "0: (9)", "seed_behavior": "schedule"},
    "subseed_schedule": {"subseed_schedule": "0: (9)", "subseed_strength_schedule": "0: (0.5)"},
    "subseed_strength_schedule": {"subseed_schedule": "0: (9)", "subseed_strength_schedule": "0: (0.5)"},
    "strength_schedule": {"strength_schedule": "0: (0.4)"},
    "eta_schedule": {"eta_schedule": "0: (0.3)", "sampler": "DDIM"},
    "clipskip_schedule": {"clipskip_schedule": "0: (2)"},
    "kernel_schedule": {"kernel_schedule": "0: (9)"},
    "sampler_schedule": {"sampler_schedule": "0: (DDIM)"},
    "checkpoint_schedule": {"checkpoint_schedule": "0: (other)"},
    "prompts": {"prompts": ("a blue ball",)},
    "negative_prompt": {"negative_prompt": "grey"},
    "sampler": {"sampler": "DDIM"},
    "steps": {"steps": 7},
    "seed_behavior": {"seed_behavior": "fixed"},
    "seed_iter_n": {"seed_iter_n": 2},
    "clip_skip": {"clip_skip": 2},
    "dialect": {"dialect": "notebook"},
    "key_frame_method": {"key_frame_method": "Quadratic", "zoom": "0: (1), 3: (1.1), 9: (1)"},
    "compat": {"compat": ("contrast_wraps",)},
    "use_depth_warping": {"use_depth_warping": False, "animation_mode": "3D"},
    "depth_algorithm": {"depth_algorithm": "map.png", "animation_mode": "3D"},
    "init_image": {"init_image": "a.png", "use_init": True},
    "strength": {"strength": 0.2, "init_image": "a.png", "use_init": True},
    "mask_file": {"mask_file": "a.png", "use_mask": True},
    "mask_overlay_blur": {"mask_overlay_blur": 9, "mask_file": "a.png", "use_mask": True},
    "video_init_path": {"video_init_path": "a.mp4", "animation_mode": "Video Input"},
    "video_mask_path": {"video_mask_path": "a.mp4", "use_mask_video": True},
    "color_coherence_image_path": {"color_coherence_image_path": "a.png", "color_coherence": "Image"},
    "use_init": {"use_init": True, "init_image": "a.png"},
    "use_mask": {"use_mask": True, "mask_file": "a.png"},
    "use_mask_video": {"use_mask_video": True, "video_mask_path": "a.mp4"},
    "soundtrack_path": {"soundtrack_path": "a.mp3", "add_soundtrack": "File"},
    "model": {},
    "style": {},
    "lora": {},
    "name": {},
}
# These say how a film is drawn or written, and no pixel depends on them; or the studio looks after them.
NOT_IN_THE_KEY = ("name", "model", "style", "lora", "fps", "device", "precision", "attention", "offload")
FILE = ("add_soundtrack", "soundtrack_path", "make_gif", "make_webp", "skip_video_creation")
AFTERWARDS = tuple(name for name in field_specs(VideoSettings) if name.startswith("frame_interpolation"))


def changed(name: str) -> dict[str, Any]:
    if name in OTHERS:
        return OTHERS[name]
    spec, default = field_specs(VideoSettings)[name], getattr(VideoSettings(), name)
    if spec.kind == "switch":
        return {name: not default}
    if spec.kind == "choice":
        return {name: next(choice for choice in spec.choices if choice != default)}
    return {name: (64 if default is None else default + 1) if spec.kind == "integer" else 0.25}


@pytest.mark.parametrize("name", [name for name in field_specs(VideoSettings) if name not in NOT_IN_THE_KEY])
def test_another_value_of_a_setting_makes_another_plan(name: str) -> None:
    asked = changed(name)
    beside = {key: value for key, value in asked.items() if key != name}
    before, after = plan(**{"seed": 1, **beside}), plan(**{"seed": 1, **asked})
    if name in (*FILE, *AFTERWARDS):
        assert (after.file != before.file) and after.key == before.key
    else:
        assert after.key != before.key


def test_every_schedule_is_a_text_setting() -> None:
    specs = field_specs(VideoSettings)
    assert [name for name in (*SCHEDULES, *TEXT_SCHEDULES) if specs[name].kind != "text"] == []
    assert [name for name in specs if name.endswith("_schedule") and name not in (*SCHEDULES, *TEXT_SCHEDULES)] == []


def test_a_table_of_frames_is_a_sequence_of_them() -> None:
    frames = [FramePlan(index=index, seed=index // 2, camera=CameraValues(zoom=1 + index)) for index in range(5)]
    table = FrameTable.of(frames)
    assert list(table) == frames and table[-1] == frames[-1] and table[1:3] == tuple(frames[1:3])
    assert table.column("camera.zoom") == (1, 2, 3, 4, 5) and table.column("strength") == (0.0,) * 5
    with pytest.raises(IndexError):
        table[5]
    with pytest.raises(TypeError):
        FrameTable.from_json({"length": 1, "columns": {"no_such": {"values": [1]}}})
