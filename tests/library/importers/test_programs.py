"""The pictures of Fooocus, NovelAI, InvokeAI, Easy Diffusion, SwarmUI and Draw Things, built as they write them."""

import html
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from sd_parsers import Eagerness, ParserManager

from colabsd.errors import ColabsdError, DamagedMetadataError, NoManifestError, NotAPictureError
from colabsd.library.importers.imported import Imported
from colabsd.library.importers.invokeai import from_compel
from colabsd.library.importers.novelai import from_braces
from colabsd.library.importers.reading import read_picture
from colabsd.settings.fields import check_settings

FOOOCUS = {
    "adm_guidance": "(1.5, 0.8, 0.3)",
    "base_model": "juggernautXL_v8Rundiffusion",
    "base_model_hash": "aeb7e9e689",
    "clip_skip": 2,
    "full_negative_prompt": ["unrealistic, saturated", "blurry"],
    "full_prompt": ["cinematic still a cat", "a cat, dramatic light"],
    "guidance_scale": 4,
    "lora_combined_1": "sd_xl_offset_example-lora_1.0 : 0.1",
    "loras": [["sd_xl_offset_example-lora_1.0", 0.1, "4852686128"]],
    "metadata_scheme": "fooocus",
    "negative_prompt": "blurry",
    "performance": "Speed",
    "prompt": "a cat",
    "prompt_expansion": "a cat, dramatic light",
    "refiner_model": "None",
    "refiner_switch": 0.5,
    "resolution": "(896, 1152)",
    "sampler": "dpmpp_2m_sde_gpu",
    "scheduler": "karras",
    "seed": "2931012098",
    "sharpness": 2,
    "steps": 30,
    "styles": "['Fooocus V2']",
    "vae": "Default (model)",
    "version": "Fooocus v2.5.5",
}
NOVELAI = {
    "prompt": "1girl, {apple}",
    "steps": 28,
    "height": 768,
    "width": 512,
    "scale": 11,
    "uncond_scale": 1.0,
    "cfg_rescale": 0.0,
    "seed": 1027936384,
    "n_samples": 1,
    "noise_schedule": "karras",
    "sampler": "k_euler_ancestral",
    "sm": False,
    "sm_dyn": False,
    "uc": "lowres, {bad}",
    "request_type": "PromptGenerateRequest",
    "signed_hash": "abc=",
}
NOVELAI_TEXTS = {
    "Title": "AI generated image",
    "Description": "1girl, {apple}",
    "Software": "NovelAI",
    "Source": "Stable Diffusion 81274D13",
    "Comment": json.dumps(NOVELAI),
}
INVOKEAI = {
    "app_version": "4.2.7",
    "generation_mode": "txt2img",
    "positive_prompt": "a (red)1.3 apple, oil++ [old]",
    "negative_prompt": "blurry-",
    "width": 512,
    "height": 640,
    "seed": 3293022630,
    "rand_device": "cpu",
    "cfg_scale": 7.5,
    "cfg_rescale_multiplier": 0.0,
    "steps": 30,
    "scheduler": "dpmpp_2m_k",
    "seamless_x": False,
    "seamless_y": False,
    "clip_skip": 1,
    "model": {"key": "7f", "hash": "blake3:ab", "name": "Stable Diffusion 1.5", "base": "sd-1", "type": "main"},
    "loras": [],
}
SD_METADATA = {
    "model": "stable diffusion",
    "model_weights": "stable-diffusion-1.5",
    "model_hash": "cc6cb27103417325ff94f52b7a5d2dde45a7515b25c255d8e396c90014281516",
    "app_id": "invoke-ai/InvokeAI",
    "app_version": "2.2.4",
    "image": {
        "type": "txt2img",
        "prompt": [{"prompt": "a red apple [blurry, ugly]", "weight": 1}],
        "steps": 50,
        "cfg_scale": 7.5,
        "threshold": 0,
        "perlin": 0,
        "height": 512,
        "width": 768,
        "seed": 4182398477,
        "seamless": False,
        "hires_fix": False,
        "variations": [],
        "sampler": "k_dpm_2_a",
        "postprocessing": None,
    },
}
DREAM = '"a red apple [blurry]" -s 50 -S 4182398477 -W 768 -H 512 -C 7.5 -A k_lms'
EASY = {
    "prompt": "a red apple",
    "negative_prompt": "blurry",
    "seed": 3507386231,
    "use_stable_diffusion_model": "C:\\EasyDiffusion\\models\\stable-diffusion\\sd-v1-4.ckpt",
    "clip_skip": True,
    "use_vae_model": None,
    "sampler_name": "euler_a",
    "width": 512,
    "height": 768,
    "num_inference_steps": 25,
    "guidance_scale": 7.5,
    "use_lora_model": None,
    "tiling": "none",
    "use_face_correction": "GFPGANv1.4",
    "use_upscale": None,
}
EASY_LABELS = {
    "Prompt": "a red apple",
    "Negative Prompt": "blurry",
    "Seed": "3507386231",
    "Stable Diffusion model": "/models/sd-v1-4.ckpt",
    "Sampler": "plms",
    "Width": "512",
    "Height": "768",
    "Steps": "25",
    "Guidance Scale": "7.5",
}
SWARM = {
    "sui_image_params": {
        "prompt": "a red apple",
        "negativeprompt": "blurry",
        "model": "OfficialStableDiffusion/sd_v1-5.safetensors",
        "seed": 305223794,
        "steps": 25,
        "cfgscale": 7.0,
        "aspectratio": "1:1",
        "width": 512,
        "height": 512,
        "sampler": "dpmpp_2m",
        "scheduler": "karras",
        "swarm_version": "0.9.1.1",
    }
}
DRAW_THINGS = {
    "c": "a red apple & pear",
    "uc": "blurry",
    "model": "sd_v1.5_f16.ckpt",
    "sampler": "DPM++ 2M Karras",
    "scale": 7.5,
    "seed": 1234567,
    "seed_mode": "Torch CPU Compatible",
    "size": "512x768",
    "steps": 30,
    "strength": 1,
    "lora": [],
    "v2": {"seedMode": 1},
}
XMP = (
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    '<rdf:Description rdf:about="" xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmlns:exif="http://ns.adobe.com/exif/1.0/">'
    "<xmp:CreatorTool>Draw Things</xmp:CreatorTool><exif:UserComment>\n  <rdf:Alt>\n   "
    '<rdf:li xml:lang="x-default">{}</rdf:li>\n  </rdf:Alt>\n </exif:UserComment></rdf:Description></rdf:RDF>'
    "</x:xmpmeta>"
)


def values(imported: Imported, *names: str) -> tuple[Any, ...]:
    return tuple(imported.settings.get(name) for name in names)


def reasons(imported: Imported) -> dict[str, str]:
    return {fact.name: fact.reason for fact in imported.facts if fact.reason is not None}


def second_opinion(path: Path, eagerness: Eagerness = Eagerness.DEFAULT) -> Any:
    """What sd-parsers reads: the sampler with its prompts."""
    info = ParserManager(eagerness=eagerness).parse(path)
    assert info is not None
    (sampler,) = info.samplers
    return sampler


def agrees(imported: Imported, theirs: Any) -> bool:
    """Whether seed, steps and guidance are those that sd-parsers reads, where it reads them."""
    ours = {
        "seed": imported.settings["seed"],
        "steps": imported.settings["steps"],
        "cfg_scale": imported.settings["guidance"],
    }
    return all(float(theirs.parameters.get(name, value)) == value for name, value in ours.items())


def test_fooocus_with_the_words_of_its_styles(png: Callable[..., Path]) -> None:
    path = png({"parameters": FOOOCUS, "fooocus_scheme": "fooocus"})
    imported = read_picture(path)
    assert imported.program == "Fooocus"
    assert values(imported, "prompt", "negative_prompt") == (
        "cinematic still a cat, a cat, dramatic light",
        "unrealistic, saturated, blurry",
    )
    assert values(imported, "width", "height", "steps", "guidance", "seed") == (896, 1152, 30, 4, 2931012098)
    assert values(imported, "sampler", "schedule", "clip_skip", "noise") == ("DPM++ 2M SDE", "Karras", 2, "cpu")
    assert (imported.model, imported.model_hash) == ("juggernautXL_v8Rundiffusion", "aeb7e9e689")
    found = reasons(imported)
    assert found["loras"] == "note.import.adapters"
    assert found["sharpness"] == found["adm_guidance"] == "note.import.fooocus"
    assert found["sampler"] == "note.import.sampler_noise"
    assert "refiner_model" not in found
    theirs = second_opinion(path)
    assert agrees(imported, theirs)
    assert theirs.model.name == imported.model
    assert [prompt.value for prompt in theirs.prompts] == [FOOOCUS["prompt"]]


def test_fooocus_in_a_jpeg_as_it_writes_it(tmp_path: Path, png: Callable[..., Path]) -> None:
    exif = Image.Exif()
    exif[0x9286], exif[0x0131], exif[0x927C] = json.dumps(FOOOCUS), "Fooocus v2.5.5", "fooocus"
    for name in ("picture.jpg", "picture.webp"):
        Image.new("RGB", (64, 48)).save(tmp_path / name, exif=exif)
        assert read_picture(tmp_path / name) == read_picture(png({"parameters": FOOOCUS, "fooocus_scheme": "fooocus"}))


def test_fooocus_of_older_versions_in_a_comment(tmp_path: Path) -> None:
    old = {"Prompt": "a cat", "Seed": 5, "Steps": 30, "Resolution": "(896, 1152)", "Base Model": "x.safetensors"}
    Image.new("RGB", (64, 48)).save(tmp_path / "old.jpg", comment=json.dumps(old).encode())
    imported = read_picture(tmp_path / "old.jpg")
    assert values(imported, "prompt", "seed", "steps", "width") == ("a cat", 5, 30, 896)
    assert imported.model == "x"


def test_fooocus_in_the_scheme_of_a1111(png: Callable[..., Path]) -> None:
    text = (
        "a cat\nSteps: 30, Sampler: DPM++ 2M SDE Karras, Seed: 5, Size: 896x1152, CFG scale: 4, Sharpness: 2, "
        "Version: Fooocus v2.5"
    )
    imported = read_picture(png({"parameters": text, "fooocus_scheme": "a1111"}))
    assert (imported.program, imported.settings["seed"]) == ("Fooocus", 5)
    assert reasons(imported)["Sharpness"] == "note.import.fooocus"


def test_novelai_with_its_braces_and_its_seeds(png: Callable[..., Path]) -> None:
    path = png(NOVELAI_TEXTS)
    imported = read_picture(path)
    assert imported.program == "NovelAI"
    assert values(imported, "prompt", "negative_prompt") == ("1girl, (apple:1.05)", "lowres, (bad:1.05)")
    assert values(imported, "width", "height", "steps", "guidance", "seed") == (512, 768, 28, 11, 1027936384)
    assert values(imported, "clip_skip", "noise_seed_delta", "noise") == (2, 31337, "nv")
    assert imported.settings["sampler"] == "Euler a"
    assert imported.model == "Stable Diffusion 81274D13"
    theirs = second_opinion(path)
    assert agrees(imported, theirs)
    assert [prompt.value for prompt in theirs.prompts] == [NOVELAI_TEXTS["Description"]]


@pytest.mark.parametrize("packed", [True, False])
def test_novelai_hidden_in_the_alpha_channel(stealth_png: Any, png: Any, packed: bool) -> None:
    path = stealth_png(json.dumps(NOVELAI_TEXTS), packed=packed, size=(128, 96))
    imported = read_picture(path)
    assert imported.settings == read_picture(png(NOVELAI_TEXTS)).settings
    if packed:  # sd-parsers reads packed texts only
        assert agrees(imported, second_opinion(path, Eagerness.EAGER))


def test_a1111_hidden_in_the_alpha_channel(stealth_png: Callable[..., Path]) -> None:
    imported = read_picture(stealth_png("a cat\nSteps: 20, Sampler: Euler, Seed: 5"))
    assert (imported.program, imported.settings["seed"]) == ("A1111", 5)


@pytest.mark.parametrize("length", [0, 8, 2**31, 2**32 - 1])
def test_a_hidden_text_that_lies_about_its_length_is_none(stealth_png: Callable[..., Path], length: int) -> None:
    with pytest.raises(NoManifestError):
        read_picture(stealth_png("a cat\nSteps: 20, Sampler: Euler, Seed: 5", length_bits=length))


def test_a_plain_transparent_picture_says_nothing(tmp_path: Path) -> None:
    for side in (1, 3, 64):
        Image.new("RGBA", (side, side), (1, 2, 3, 254)).save(tmp_path / "plain.png")
        with pytest.raises(NoManifestError):
            read_picture(tmp_path / "plain.png")


@pytest.mark.parametrize(
    ("braces", "written"),
    [
        ("{{red}} apple", "((red:1.05):1.05) apple"),
        ("[dull] sky", "(dull:0.9524) sky"),
        ("a (real) thing", r"a \(real\) thing"),
        ("never {closed", "never {closed"),
        ("closed] only", r"closed\] only"),
        (r"already \(so\)", r"already \(so\)"),
    ],
)
def test_braces_become_weights(braces: str, written: str) -> None:
    assert from_braces(braces) == written


def test_invokeai_with_compels_weights(png: Callable[..., Path]) -> None:
    path = png({"invokeai_metadata": INVOKEAI})
    imported = read_picture(path)
    assert imported.program == "InvokeAI"
    assert values(imported, "prompt", "negative_prompt") == (r"a (red:1.3) apple, (oil:1.21) \[old\]", "(blurry:0.9)")
    assert values(imported, "width", "height", "steps", "guidance", "seed") == (512, 640, 30, 7.5, 3293022630)
    assert values(imported, "sampler", "schedule", "clip_skip", "noise") == ("DPM++ 2M", "Karras", 2, "cpu")
    assert imported.model == "Stable Diffusion 1.5"
    assert reasons(imported) == {}


def test_sd_parsers_agrees_on_invokeai(png: Callable[..., Path]) -> None:
    path = png({"invokeai_metadata": {**INVOKEAI, "model": {"model_name": "sd15", "base_model": "sd-1"}}})
    theirs, imported = second_opinion(path), read_picture(path)
    assert agrees(imported, theirs)
    assert imported.model == theirs.model.name == "sd15"
    assert [prompt.value for prompt in theirs.prompts] == [INVOKEAI["positive_prompt"]]


@pytest.mark.parametrize("texts", [{"sd-metadata": SD_METADATA, "Dream": DREAM}, {"Dream": DREAM}])
def test_invokeai_of_older_versions(png: Any, texts: dict[str, Any]) -> None:
    path = png(texts)
    imported = read_picture(path)
    assert imported.settings["prompt"] == "a red apple"
    assert imported.settings["negative_prompt"].startswith("blurry")
    assert values(imported, "width", "height", "steps", "guidance", "seed") == (768, 512, 50, 7.5, 4182398477)
    assert imported.settings["sampler"] == ("DPM2 a" if "sd-metadata" in texts else "LMS")
    assert reasons(imported) == {}
    theirs = second_opinion(path)
    assert agrees(imported, theirs)
    assert [prompt.value for prompt in theirs.prompts] == ["a red apple"]
    assert [prompt.value for prompt in theirs.negative_prompts] == [imported.settings["negative_prompt"]]


def test_what_invokeai_adds_is_said(png: Callable[..., Path]) -> None:
    more = {
        "loras": [{"model": {"name": "style"}, "weight": 0.7}],
        "strength": 0.6,
        "positive_prompt": '("a cat", "a dog").blend(0.3, 0.7)',
        "rand_device": "cuda",
        "hrf_enabled": True,
    }
    imported = read_picture(png({"invokeai_metadata": {**INVOKEAI, **more}}))
    found = reasons(imported)
    assert found["loras"] == "note.import.adapters"
    assert found["strength"] == "note.import.start_picture"
    assert found["positive_prompt"] == "note.import.compel"
    assert found["hrf_enabled"] == "note.import.hires"
    assert imported.settings["noise"] == "nv"


@pytest.mark.parametrize(
    ("compel", "written"),
    [
        ("(red apple)1.2", "(red apple:1.2)"),
        ("(red apple)++", "(red apple:1.21)"),
        ("((red)1.1 apple)--", "((red:1.1) apple:0.81)"),
        ("plain (words)", r"plain \(words\)"),
        (r"escaped \(words\)", r"escaped \(words\)"),
        ("well-known, C++17 a-b", "well-known, C++17 a-b"),
        ("bright+++", "(bright:1.331)"),
        ("unclosed (red", r"unclosed \(red"),
    ],
)
def test_compels_weights_become_a1111s(compel: str, written: str) -> None:
    assert from_compel(compel) == written


@pytest.mark.parametrize("name", ["picture.png", "picture.jpg", "picture.webp"])
def test_easy_diffusion_in_every_format(png: Any, exif_file: Any, name: str) -> None:
    # In a PNG every value is text, as Python's str() makes it.
    plain = {pair: str(value) for pair, value in EASY.items()}
    path = png(plain, name) if name.endswith("png") else exif_file(json.dumps(EASY), name)
    imported = read_picture(path)
    assert imported.program == "Easy Diffusion"
    assert values(imported, "prompt", "negative_prompt", "seed") == ("a red apple", "blurry", 3507386231)
    assert values(imported, "width", "height", "steps", "guidance") == (512, 768, 25, 7.5)
    assert values(imported, "sampler", "clip_skip", "noise") == ("Euler a", 2, "cpu")
    assert imported.model == "sd-v1-4"
    assert reasons(imported) == {"use_face_correction": "note.import.faces"}


def test_easy_diffusion_under_the_labels_of_its_form(png: Callable[..., Path]) -> None:
    imported = read_picture(png(EASY_LABELS))
    assert (imported.program, imported.model) == ("Easy Diffusion", "sd-v1-4")
    assert values(imported, "prompt", "sampler", "steps") == ("a red apple", "PNDM", 25)


def test_swarmui(png: Any, exif_file: Any) -> None:
    for path in (png({"parameters": SWARM}), exif_file(json.dumps(SWARM))):
        imported = read_picture(path)
        assert (imported.program, imported.model) == ("SwarmUI", "sd_v1-5")
        assert values(imported, "prompt", "negative_prompt", "seed") == ("a red apple", "blurry", 305223794)
        assert values(imported, "sampler", "schedule") == ("DPM++ 2M", "Karras")
        assert reasons(imported) == {}


def test_draw_things_in_its_xmp(png: Callable[..., Path], tmp_path: Path) -> None:
    packet = XMP.format(html.escape(json.dumps(DRAW_THINGS)))
    Image.new("RGB", (64, 48)).save(tmp_path / "picture.jpg", xmp=packet.encode())
    for path in (png({"XML:com.adobe.xmp": packet}), tmp_path / "picture.jpg"):
        imported = read_picture(path)
        assert (imported.program, imported.model) == ("Draw Things", "sd_v1.5_f16")
        assert values(imported, "prompt", "negative_prompt", "seed") == ("a red apple & pear", "blurry", 1234567)
        assert values(imported, "width", "height", "steps", "guidance") == (512, 768, 30, 7.5)
        assert values(imported, "sampler", "schedule", "noise") == ("DPM++ 2M", "Karras", "cpu")
        assert reasons(imported) == {}


def test_draw_things_with_noise_of_its_own_says_so(png: Callable[..., Path]) -> None:
    for mode in ("Scale Alike", "Legacy"):
        told = json.dumps({**DRAW_THINGS, "seed_mode": mode, "strength": 0.4})
        found = reasons(read_picture(png({"XML:com.adobe.xmp": XMP.format(html.escape(told))})))
        assert found == {"seed_mode": "note.import.noise_unknown", "strength": "note.import.start_picture"}


@pytest.mark.parametrize(
    "texts",
    [
        {"invokeai_metadata": '{"seed": '},
        {"invokeai_metadata": "[1, 2]"},
        {"invokeai_metadata": '{"seed": NaN}'},
        {"invokeai_metadata": "{" + '"a":{' * 100_000},
        {"invokeai_metadata": '{"seed": ' + "9" * 500_000 + "}"},
        {"sd-metadata": '{"image": 7}'},
        {"Dream": "no quotes"},
        {"Software": "NovelAI", "Comment": "{broken"},
        {"parameters": "{broken", "fooocus_scheme": "fooocus"},
        {"prompt": "{broken"},
        {"XML:com.adobe.xmp": "<exif:UserComment>{broken</exif:UserComment>"},
    ],
)
def test_damaged_texts_are_refused_in_words(png: Any, texts: dict[str, str]) -> None:
    with pytest.raises(DamagedMetadataError) as caught:
        read_picture(png(texts))
    assert "picture.png" in caught.value.tell("es")


WRONG: tuple[Any, ...] = (None, True, [], {}, [[]], "", "NaN", -1, 1e300, 2**70, "9" * 30, {"a": {"b": [1] * 50}})


@settings(deadline=None, max_examples=120)
@given(st.dictionaries(st.sampled_from(sorted({*INVOKEAI, *FOOOCUS, *NOVELAI, *DRAW_THINGS})), st.sampled_from(WRONG)))
def test_values_of_wrong_types_leave_settings_that_can_be(
    tmp_path_factory: pytest.TempPathFactory, wrong: dict[str, Any]
) -> None:
    from PIL.PngImagePlugin import PngInfo

    path = tmp_path_factory.getbasetemp() / "wrong.png"
    for texts in (
        {"invokeai_metadata": json.dumps({**INVOKEAI, **wrong})},
        {"parameters": json.dumps({**FOOOCUS, **wrong, "base_model": "x"})},
        {**NOVELAI_TEXTS, "Comment": json.dumps({**NOVELAI, **wrong})},
        {"XML:com.adobe.xmp": XMP.format(html.escape(json.dumps({**DRAW_THINGS, **wrong})))},
        {"parameters": json.dumps({"sui_image_params": wrong})},
        {"sd-metadata": json.dumps({"image": wrong})},
    ):
        info = PngInfo()
        for keyword, value in texts.items():
            info.add_text(keyword, value)
        Image.new("RGB", (8, 8)).save(path, pnginfo=info)
        check_settings(read_picture(path).image_settings(None))


def test_files_that_are_no_pictures_or_say_nothing_are_told_apart(tmp_path: Path, png: Callable[..., Path]) -> None:
    with pytest.raises(NoManifestError):
        read_picture(png({}))
    (tmp_path / "text.png").write_text("not a picture")
    whole = png({"parameters": "a cat\nSteps: 20, Sampler: Euler, Seed: 5"}).read_bytes()
    (tmp_path / "cut.png").write_bytes(whole[:60])
    (tmp_path / "head.png").write_bytes(whole[:12])
    for name in ("text.png", "cut.png", "head.png"):
        with pytest.raises(NotAPictureError):
            read_picture(tmp_path / name)


@settings(deadline=None, max_examples=150)
@given(data=st.data())
def test_a_damaged_file_of_any_kind_is_read_or_refused(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    exif = Image.Exif()
    exif[0x8769] = {0x9286: b"UNICODE\x00" + json.dumps(EASY).encode("utf-16-be")}
    exif[0x927C] = "fooocus"
    file = io.BytesIO()
    name = data.draw(st.sampled_from(["JPEG", "WEBP", "PNG"]))
    Image.new("RGBA" if name == "PNG" else "RGB", (16, 16)).save(file, name, exif=exif.tobytes(), xmp=XMP.encode())
    damaged = bytearray(file.getvalue())
    for _ in range(data.draw(st.integers(0, 4))):
        damaged[data.draw(st.integers(0, min(len(damaged) - 1, 900)))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.getbasetemp() / "damaged"
    path.write_bytes(damaged[: data.draw(st.integers(0, len(damaged)))])
    try:
        check_settings(read_picture(path).image_settings(None))
    except ColabsdError as error:
        error.tell("es")
