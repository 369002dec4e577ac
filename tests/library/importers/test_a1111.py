"""A1111's text: what it says becomes settings, and what cannot be equal is said."""

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from sd_parsers import ParserManager

from colabsd.errors import ColabsdError, NoManifestError
from colabsd.language import LANGUAGES, say
from colabsd.library.importers.imported import Imported, NamedFile
from colabsd.library.importers.reading import read_picture
from colabsd.settings.fields import check_settings

HEAD = "a (red:1.2) apple,\n[old] oil\nNegative prompt: blurry, ugly\n"
LINE: Mapping[str, str] = {
    "Steps": "20",
    "Sampler": "DPM++ 2M",
    "Schedule type": "Karras",
    "CFG scale": "7",
    "Seed": "965400086",
    "Size": "512x768",
    "Model hash": "6ce0161689",
    "Model": "v1-5-pruned-emaonly",
}


def text(head: str = HEAD, **pairs: str | None) -> str:
    """A `parameters` text; pairs are added, or left out where they are None. Underscores stand for spaces."""
    line = {**LINE, **{name.replace("_", " "): value for name, value in pairs.items()}}
    return head + ", ".join(f"{name}: {value}" for name, value in line.items() if value is not None)


def reasons(imported: Imported) -> dict[str, str]:
    """What is impossible or only nearly possible: reason by name."""
    return {fact.name: fact.reason for fact in imported.facts if fact.reason is not None}


def test_a_text_becomes_settings_and_its_model(png: Callable[..., Path]) -> None:
    imported = read_picture(png({"parameters": text(Clip_skip="2", Version="v1.10.1")}))
    assert imported.program == "A1111"
    assert imported.settings == {
        "prompt": "a (red:1.2) apple,\n[old] oil",
        "negative_prompt": "blurry, ugly",
        "width": 512,
        "height": 768,
        "steps": 20,
        "guidance": 7,
        "seed": 965400086,
        "clip_skip": 2,
        "sampler": "DPM++ 2M",
        "schedule": "Karras",
        "noise": "nv",
    }
    assert (imported.model, imported.model_hash) == ("v1-5-pruned-emaonly", "6ce0161689")
    assert reasons(imported) == {}
    assert [note.key for note in imported.notes] == ["note.import.rounding"]


@pytest.mark.parametrize("name", ["picture.jpg", "picture.webp"])
def test_a_jpeg_and_a_webp_say_the_same_as_a_png(exif_file: Any, png: Any, name: str) -> None:
    assert read_picture(exif_file(text(), name)) == read_picture(png({"parameters": text()}))


def test_sd_parsers_reads_the_same(png: Callable[..., Path]) -> None:
    path = png({"parameters": text(ENSD="31337")})
    info, ours = ParserManager().parse(path), read_picture(path).settings
    assert info is not None
    (theirs,) = info.samplers
    assert (theirs.name, theirs.parameters["scheduler"]) == (ours["sampler"], ours["schedule"])
    read = {name: theirs.parameters[name] for name in ("cfg_scale", "seed", "steps", "ensd")}
    assert read == {"cfg_scale": "7", "seed": "965400086", "steps": "20", "ensd": "31337"}
    assert (ours["guidance"], ours["seed"], ours["steps"], ours["noise_seed_delta"]) == (7, 965400086, 20, 31337)
    assert [prompt.value for prompt in theirs.prompts] == [ours["prompt"]]
    assert [prompt.value for prompt in theirs.negative_prompts] == [ours["negative_prompt"]]
    assert theirs.model is not None and theirs.model.name == "v1-5-pruned-emaonly"


@pytest.mark.parametrize(
    ("written", "schedule", "label", "found"),
    [
        ("DPM++ 2M Karras", None, "DPM++ 2M", "Karras"),
        ("DPM++ 2M", None, "DPM++ 2M", "Uniform"),  # before 1.9 a bare name meant the uniform schedule
        ("DPM++ 2M", "Automatic", "DPM++ 2M", "Automatic"),
        ("k_euler_a", None, "Euler a", "Uniform"),
        ("DPM fast", None, "DPM fast", "Automatic"),
        ("Euler", "SGM Uniform", "Euler", "SGM Uniform"),
        ("PLMS", "Uniform", "PNDM", "Uniform"),
    ],
)
def test_samplers_are_found_by_the_names_of_all_versions(
    png: Any, written: str, schedule: str | None, label: str, found: str
) -> None:
    imported = read_picture(png({"parameters": text(Sampler=written, Schedule_type=schedule)}))
    assert (imported.settings["sampler"], imported.settings["schedule"]) == (label, found)
    assert "note.import.sampler" not in reasons(imported).values()
    assert "note.import.schedule" not in reasons(imported).values()


@pytest.mark.parametrize(
    ("sampler", "schedule", "label", "found", "reason"),
    [
        ("DPM++ 3M SDE", "Exponential", "DPM++ 2M SDE", "Exponential", "note.import.sampler"),
        ("Restart", "Karras", "Heun", "Karras", "note.import.sampler"),
        ("DPM adaptive", "Karras", "DPM fast", "Automatic", "note.import.sampler"),
        ("Flying Circus", "Karras", None, "Karras", "note.import.sampler"),
        ("Euler", "KL Optimal", "Euler", "Karras", "note.import.schedule"),
        ("Euler", "Flying", "Euler", "Automatic", "note.import.schedule"),
        ("Euler a", "Karras", "Euler a", "Automatic", "note.import.schedule"),
        ("DPM++ 2M", "Uniform", "DPM++ 2M", "Uniform", "note.import.sampler_steps"),
        ("DPM2 a", "Karras", "DPM2 a", "Karras", "note.import.sampler_steps"),
    ],
)
def test_what_is_not_here_is_replaced_by_the_nearest_and_said(
    png: Any, sampler: str, schedule: str, label: str | None, found: str, reason: str
) -> None:
    imported = read_picture(png({"parameters": text(Sampler=sampler, Schedule_type=schedule)}))
    assert imported.settings["schedule"] == found
    assert label in (None, imported.settings["sampler"])
    assert reason in reasons(imported).values()


@pytest.mark.parametrize(
    ("source", "noise"), [(None, "nv"), ("GPU", "nv"), ("NV", "nv"), ("CPU", "cpu"), ("something", "nv")]
)
def test_the_source_of_the_noise_is_the_graphics_card_where_nothing_is_said(
    png: Any, source: str | None, noise: str
) -> None:
    assert read_picture(png({"parameters": text(RNG=source)})).settings["noise"] == noise


def test_brownian_noise_is_a1111s_only_with_the_numbers_of_a_graphics_card(png: Callable[..., Path]) -> None:
    pytest.importorskip("torchsde")
    pairs = {"Sampler": "DPM++ 2M SDE", "Schedule_type": "Karras"}
    assert reasons(read_picture(png({"parameters": text(**pairs)}))) == {}
    told = reasons(read_picture(png({"parameters": text(**pairs, RNG="CPU")})))
    assert told == {"Sampler": "note.import.sampler_noise"}


def test_noise_of_large_pictures_is_sure_only_where_it_is_philox_by_name(png: Callable[..., Path]) -> None:
    large = {"Size": "1024x1024"}
    assert "note.import.noise_large" in reasons(read_picture(png({"parameters": text(**large)}))).values()
    assert "note.import.noise_large" not in reasons(read_picture(png({"parameters": text(RNG="NV", **large)}))).values()


@pytest.mark.parametrize(
    ("pairs", "reason"),
    [
        ({"Denoising_strength": "0.7", "Hires_upscale": "2", "Hires_upscaler": "Latent"}, "note.import.hires"),
        ({"Denoising_strength": "0.7"}, "note.import.start_picture"),
        ({"Mask_blur": "4"}, "note.import.mask"),
        ({"Face_restoration": "GFPGAN"}, "note.import.faces"),
        ({"Lora_hashes": '"style: 0123456789ab"'}, "note.import.adapters"),
        ({"Refiner": "sd_xl_refiner", "Refiner_switch_at": "0.8"}, "note.import.refiner"),
        ({"VAE": "vae-ft-mse-840000-ema-pruned.ckpt"}, "note.import.vae"),
        ({"ControlNet_0": '"Module: canny, Model: x"'}, "note.import.controlnet"),
        ({"Tiling": "True"}, "note.import.tiling"),
        ({"Token_merging_ratio": "0.5"}, "note.import.speed"),
        ({"NGMS": "1.5"}, "note.import.speed"),
        ({"Seed_resize_from": "512x512"}, "note.import.seed_resize"),
        ({"Eta": "0.5"}, "note.import.sampler_option"),
        ({"Sigma_churn": "0.5"}, "note.import.sampler_option"),
        ({"Script": "X/Y/Z plot", "X_Type": "Seed"}, "note.import.script"),
        ({"Old_prompt_editing_timelines": "True"}, "note.import.prompt_reading"),
        ({"Steps": "many"}, "note.import.value"),
        ({"Seed": "-1"}, "note.import.value"),
        ({"CFG_scale": "1e9"}, "note.import.value"),
        ({"Clip_skip": "77"}, "note.import.value"),
        ({"A_new_thing": "7"}, "note.import.unknown"),
    ],
)
def test_what_cannot_be_equal_is_said_in_both_languages(png: Any, pairs: dict[str, str], reason: str) -> None:
    imported = read_picture(png({"parameters": text(**pairs)}))
    found = reasons(imported)
    assert set(found.values()) == {reason}
    assert set(found) == {name.replace("_", " ") for name in pairs}
    (note,) = [note for note in imported.notes if note.key == reason]
    for language in LANGUAGES:
        sentence = say(note.key, language, **note.facts)
        assert all(f"{name.replace('_', ' ')}: " in sentence for name in pairs)
    check_settings(imported.image_settings(None))


def test_what_is_as_usual_or_decides_no_pixel_is_not_complained_of(png: Callable[..., Path]) -> None:
    usual = {"Hires_resize": "0x0", "VAE_Encoder": "Full", "User": "ana", "Eta": "1.0"}
    imported = read_picture(png({"parameters": text(**usual)}))
    assert reasons(imported) == {}
    assert {fact.name for fact in imported.facts if fact.fate == "ignored"} == {*(n.replace("_", " ") for n in usual)}


def test_eta_is_a_setting_of_samplers_that_have_it(png: Callable[..., Path]) -> None:
    assert read_picture(png({"parameters": text(Sampler="DPM fast", Eta="0.5")})).settings["eta"] == 0.5
    assert read_picture(png({"parameters": text(Sampler="DDIM", Eta_DDIM="0.3")})).settings["eta"] == 0.3


def test_variations_keep_their_seed_and_strength(png: Callable[..., Path]) -> None:
    pairs = {"Variation_seed": "5", "Variation_seed_strength": "0.25"}
    imported = read_picture(png({"parameters": text(**pairs)}))
    assert (imported.settings["variation_seed"], imported.settings["variation_strength"]) == (5, 0.25)


def test_loras_in_the_prompt_are_named(png: Callable[..., Path]) -> None:
    imported = read_picture(png({"parameters": text("a cat <lora:style:0.8>\n")}))
    assert imported.settings["prompt"] == "a cat <lora:style:0.8>"
    (note,) = [note for note in imported.notes if note.key == "note.import.adapters"]
    assert "<lora:style:0.8>" in note.facts["what"]


def test_prompts_that_older_versions_read_otherwise_are_named(png: Callable[..., Path]) -> None:
    for version, prompt, told in (
        ("v1.5.2", "a [red:blue:0.5] cat", True),
        ("v1.5.2", "a cat", False),
        ("v1.6.0", "a [red:blue:0.5] cat", False),
    ):
        imported = read_picture(png({"parameters": text(f"{prompt}\n", Version=version)}))
        assert ("note.import.prompt_reading" in reasons(imported).values()) == told


def test_templates_of_dynamic_prompts_are_no_parameters(png: Callable[..., Path]) -> None:
    imported = read_picture(png({"parameters": text() + "\nTemplate: a {red|green} apple\nNegative Template: x, y: z"}))
    assert imported.settings["steps"] == 20
    assert "Template" not in reasons(imported)


@pytest.mark.parametrize(
    ("written", "emphasis"),
    [("No norm", "no-norm"), ("Ignore", "ignore"), ("None", "literal"), ("Original", "original")],
)
def test_what_brackets_do_is_kept(png: Any, written: str, emphasis: str) -> None:
    assert read_picture(png({"parameters": text(Emphasis=written)})).settings["emphasis"] == emphasis


@pytest.mark.parametrize(
    ("version", "program"),
    [("v1.10.1", "A1111"), ("f2.0.1v1.10.1-previous", "Forge"), ("colabsd 0.1.0", "colabsd"), ("0.9", "A1111")],
)
def test_the_program_is_told_by_its_version(png: Any, version: str, program: str) -> None:
    assert read_picture(png({"parameters": text(Version=version)})).program == program


def test_what_colabsd_wrote_itself_is_said_to_differ_in_nothing(png: Callable[..., Path]) -> None:
    written = text(Version="colabsd 0.1.0", RNG="CPU", Sampler="DPM2 a", Schedule_type="Automatic")
    assert read_picture(png({"parameters": written})).notes == ()


def test_a_text_without_parameters_is_a_prompt(png: Callable[..., Path]) -> None:
    imported = read_picture(png({"parameters": "just a cat"}))
    assert imported.settings == {"prompt": "just a cat", "width": 64, "height": 48}
    assert "note.import.no_seed" in {note.key for note in imported.notes}


def test_a_comment_of_a_camera_is_no_text_of_a1111(exif_file: Callable[..., Path]) -> None:
    with pytest.raises(NoManifestError):
        read_picture(exif_file("holidays, at sea", code=b"ASCII\x00\x00\x00", codec="ascii"))


@settings(deadline=None, max_examples=150)
@given(st.text(max_size=300) | st.text(alphabet='aS:,"x1\n <>[]{}()', max_size=200))
def test_any_text_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, written: str) -> None:
    path = tmp_path_factory.getbasetemp() / "any.png"
    info = PngInfo()
    info.add_itxt("parameters", written.replace("\x00", "").encode("utf-8", "replace").decode())
    Image.new("RGB", (8, 8)).save(path, pnginfo=info)
    try:
        imported = read_picture(path)
    except ColabsdError:
        return
    check_settings(imported.image_settings(None))


@pytest.mark.parametrize(
    "hostile",
    ["<lora:" * 150_000, "(" * 900_000, "ab: 1, " * 140_000, "Template:\n" * 90_000, HEAD + "Steps: " + "9" * 900_000],
)
def test_hostile_texts_are_read_within_seconds(png: Callable[..., Path], hostile: str) -> None:
    path = png({"parameters": hostile})
    start = time.perf_counter()
    read_picture(path)
    assert time.perf_counter() - start < 5


def test_files_that_took_part_are_named_with_the_digests_that_are_told(png: Callable[..., Path]) -> None:
    pairs = {
        "Lora_hashes": '"style: 0123456789AB, other: 1"',
        "TI_hashes": '"toy: abcdefabcdef"',
        "Hashes": '"{\\"lora:rain\\": \\"00AA00AA00\\", \\"embed:snow\\": \\"11BB11BB11\\", \\"model\\": \\"2\\"}"',
        "VAE_hash": "c6a580b13a",
        "VAE": "vae-ft-mse-840000-ema-pruned.ckpt",
    }
    imported = read_picture(png({"parameters": text("a cat <lora:style:0.8> <lyco:rain:1> <lora:none>\n", **pairs)}))
    assert imported.files == (
        NamedFile("lora", "style", "0123456789ab"),
        NamedFile("lora", "rain", "00aa00aa00"),
        NamedFile("lora", "none"),
        NamedFile("embedding", "snow", "11bb11bb11"),
        NamedFile("embedding", "toy", "abcdefabcdef"),
        NamedFile("vae", "vae-ft-mse-840000-ema-pruned", "c6a580b13a"),
    )
    assert read_picture(png({"parameters": text(Hashes='"[[["', VAE="Automatic")})).files == ()
