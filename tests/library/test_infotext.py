"""A1111's text: what we write reads back equal, here and in the package sd-parsers."""

import json
import time
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image

from colabsd.library.infotext import Infotext, carried, infotext_of, read_hashes, read_infotext, write_infotext
from colabsd.library.picture_files import encode_picture
from colabsd.planning.plans import Drawing, EmbeddingUse, LoraUse

PAIRS = {"Steps": "20", "Sampler": "Euler a", "CFG scale": "7.5", "Seed": "7"}
prompts = st.text() | st.text(alphabet='aé \n:,"()Negative prompt:\r\x00', max_size=60)
keys = st.from_regex(r"[A-Za-z][A-Za-z \-/]{1,20}", fullmatch=True)


@settings(deadline=None, max_examples=400)
@given(prompts, prompts)
@example("Negative prompt: x", "a\nNegative prompt: b")
@example("", "only negative")
@example("a photo: of cat, style: oil, mood: dark", "")
@example("x\nSteps: 1, Sampler: b, Seed: 3", "Steps: 1, Sampler: b, Seed: 3")
@example("\ud800 half a surrogate", "\x00")
def test_any_prompts_read_back_as_the_format_can_carry_them(prompt: str, negative: str) -> None:
    read = read_infotext(write_infotext(Infotext(prompt, negative, PAIRS)))
    assert read == Infotext(carried(prompt), carried(negative), PAIRS)


@settings(deadline=None, max_examples=200)
@given(st.lists(st.sampled_from("abcñ ,:()[]\"'<>1.5|"), max_size=40).map("".join))
def test_a_prompt_of_one_tidy_line_is_carried_as_it_is(prompt: str) -> None:
    assert carried(prompt) == prompt.strip()


@settings(deadline=None, max_examples=300)
@given(st.dictionaries(keys, st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\x00"))))
@example({"Size": "512x768"})
@example({"Note": 'say "x"'})
@example({"Empty": ""})
def test_any_values_read_back_equal(parameters: dict[str, str]) -> None:
    parameters = {**parameters, **PAIRS}
    assert read_infotext(write_infotext(Infotext("p", "n", parameters))).parameters == parameters


@settings(deadline=None, max_examples=300)
@given(st.text())
def test_any_text_is_read_without_failing(text: str) -> None:
    read_infotext(text)


@pytest.mark.parametrize(
    "text", ["a" * 400_000, "ab:" * 100_000, 'ab:"' * 100_000, "a " * 200_000, 'ab:"\\' * 80_000, "\n" * 400_000]
)
def test_a_hostile_text_is_read_within_seconds(text: str) -> None:
    start = time.perf_counter()
    read_infotext(text)
    assert time.perf_counter() - start < 5


def test_a_text_of_a1111_is_read_as_a1111_reads_it() -> None:
    text = (
        "an apple, (red:1.2)\nsecond line\nNegative prompt: blurry,\nugly\n"
        "Steps: 20, Sampler: DPM++ 2M, Schedule type: Karras, CFG scale: 7, Seed: 965400086, Size: 512x768, "
        'Model hash: 45dee52b, Lora hashes: "one: aa, two: bb", Hires resize: 0x0, Empty: , Version: v1.10.1'
    )
    read = read_infotext(text)
    assert read.prompt == "an apple, (red:1.2)\nsecond line"
    assert read.negative_prompt == "blurry,\nugly"
    assert read.parameters["Lora hashes"] == "one: aa, two: bb"
    assert "Empty" not in read.parameters
    a1111 = read.as_a1111_reads()
    assert (a1111["Size-1"], a1111["Size-2"]) == ("512", "768")
    assert (a1111["Clip skip"], a1111["RNG"], a1111["Schedule type"]) == ("1", "GPU", "Karras")
    assert "Size" not in a1111


def test_a_prompt_alone_with_two_pairs_is_a_prompt_and_with_three_it_is_parameters() -> None:
    assert read_infotext("Steps: 20, Sampler: Euler").prompt == "Steps: 20, Sampler: Euler"
    assert read_infotext("a photo: of cat, style: oil, mood: dark").prompt == ""


def test_every_fact_of_a_drawing_is_in_its_text(drawing: Drawing) -> None:
    full = replace(
        drawing,
        clip_skip=2,
        noise="nv",
        noise_seed_delta=31337,
        eta=0.5,
        variation_seed=9,
        variation_strength=0.25,
        guidance=7.0,
    )
    text = write_infotext(infotext_of(full, "colabsd 0.1.0"))
    assert text == (
        "una manzana roja, estilo 3d\nNegative prompt: borroso\n"
        "Steps: 20, Sampler: Euler a, Schedule type: Automatic, CFG scale: 7, Seed: 7, Size: 64x48, "
        "Model hash: aaaaaaaaaa, Model: starter, Variation seed: 9, Variation seed strength: 0.25, Clip skip: 2, "
        "ENSD: 31337, RNG: NV, Eta: 0.5, Version: colabsd 0.1.0"
    )


def test_what_took_part_is_told_by_the_digests_that_a1111_knows_it_by(drawing: Drawing) -> None:
    full = replace(
        drawing,
        prompt="red <lora:ink:0.5> toy",
        negative_prompt="",
        loras=(
            LoraUse(name="ink", unet=0.5, text_encoder=0.5, sha256="a" * 64),
            LoraUse(name="a:b,c", unet=0.8, text_encoder=0.3, sha256="b" * 64),
            LoraUse(name="rain", sha256="c" * 64),
        ),
        embeddings=(EmbeddingUse(name="toy", sha256="d" * 64),),
        vae="soft",
        vae_sha256="e" * 64,
    )
    hashes = {"ink": "1" * 12, "a:b,c": "2" * 12, "rain": "3" * 12}
    text = write_infotext(infotext_of(full, "colabsd 0.1.0", None, hashes))
    prompt, pairs = text.split("\n")
    assert prompt == "red <lora:ink:0.5> toy <lora:a:b,c:0.3:0.8> <lora:rain:1>"
    assert f"Model: starter, VAE hash: {'e' * 10}, VAE: soft, " in pairs
    assert (
        f'Lora hashes: "ink: {"1" * 12}, abc: {"2" * 12}, rain: {"3" * 12}", TI hashes: "toy: {"d" * 12}", V' in pairs
    )
    read = read_infotext(text).parameters
    assert read_hashes(read["Lora hashes"]) == {"ink": "1" * 12, "abc": "2" * 12, "rain": "3" * 12}


def test_what_does_not_apply_is_not_in_the_text(drawing: Drawing) -> None:
    parameters = infotext_of(drawing, "colabsd 0.1.0").parameters
    assert not {"Clip skip", "Variation seed", "Variation seed strength", "Eta", "Eta DDIM", "ENSD"} & set(parameters)


@pytest.mark.parametrize(("emphasis", "written"), [("no-norm", "No norm"), ("ignore", "Ignore"), ("literal", "None")])
def test_emphasis_is_written_as_a1111_does_only_where_there_are_brackets(
    drawing: Drawing, emphasis: Any, written: str
) -> None:
    for prompt, expected in (("a (cat)", written), ("a [cat", written), ("a cat", None)):
        parameters = infotext_of(replace(drawing, prompt=prompt, emphasis=emphasis), "x").parameters
        assert parameters.get("Emphasis") == expected
    in_negative = replace(drawing, negative_prompt="(bad)", emphasis=emphasis)
    assert infotext_of(in_negative, "x").parameters["Emphasis"] == written
    assert "Emphasis" not in infotext_of(replace(drawing, prompt="a (cat)"), "x").parameters


def test_templates_are_pairs_with_the_seed_of_their_words(drawing: Drawing) -> None:
    prompting = {
        "prompt": {"template": 'a {b|c},\n"d"', "seed": 12, "index": 1, "choices": []},
        "negative_prompt": {"template": "__x__", "seed": 12, "index": 1, "choices": []},
    }
    read = read_infotext(write_infotext(infotext_of(drawing, "colabsd 0.1.0", prompting)))
    assert read.parameters["Template"] == 'a {b|c},\n"d"'
    assert read.parameters["Negative Template"] == "__x__"
    assert read.parameters["Wildcard seed"] == "12"
    assert read.prompt == drawing.prompt


def test_templates_behind_the_pairs_are_read_too() -> None:
    """As the extension sd-dynamic-prompts writes them."""
    text = (
        "a cat\nNegative prompt: bad\nSteps: 20, Sampler: Euler, Seed: 3\n"
        "Template: a {cat|dog}\nsecond line\nNegative Template: {bad|worse}"
    )
    read = read_infotext(text)
    assert (read.prompt, read.negative_prompt) == ("a cat", "bad")
    assert read.parameters["Seed"] == "3"
    assert read.parameters["Template"] == "a {cat|dog}\nsecond line"
    assert read.parameters["Negative Template"] == "{bad|worse}"


def test_a_prompt_with_a_line_that_looks_like_a_template_is_a_prompt() -> None:
    text = "a cat\nTemplate: x\nSteps: 20, Sampler: Euler, Seed: 3"
    assert read_infotext(text).prompt == "a cat\nTemplate: x"


second_opinion = st.text(st.characters(exclude_categories=("Cs",)), max_size=80).filter(lambda text: text.strip())


@pytest.mark.parametrize("image_format", ["png", "jpeg", "webp"])
@settings(deadline=None, max_examples=40)
@given(prompt=second_opinion, negative=st.just("") | second_opinion, seed=st.integers(0, 2**64 - 1))
@example(prompt="búho, «ñandú» 🦉", negative="Negative prompt: x", seed=0)
@example(prompt="Negative prompt: x\nSteps: 1, Sampler: b, Seed: 3", negative="a\nb", seed=1)
def test_sd_parsers_reads_the_same_from_our_files(image_format: Any, prompt: str, negative: str, seed: int) -> None:
    import io

    from sd_parsers import ParserManager
    from sd_parsers.extractors import _jpeg_usercomment

    _jpeg_usercomment._image_id = None  # it remembers the last picture by its id(), which the next one may have again
    text = Infotext(prompt, negative, infotext_of(SEEDED, "colabsd 0.1.0").parameters | {"Seed": str(seed)})
    encoded = encode_picture(Image.new("RGB", (8, 8)), write_infotext(text), json.dumps({}), image_format)
    info = ParserManager().parse(Image.open(io.BytesIO(encoded.data)))
    assert info is not None
    (sampler,) = info.samplers
    assert [one.value for one in sampler.prompts] == [carried(prompt)] * bool(carried(prompt))
    assert [one.value for one in sampler.negative_prompts] == [carried(negative)] * bool(carried(negative))
    assert sampler.name == "DPM++ 2M"
    assert sampler.parameters["seed"] == str(seed)
    assert sampler.parameters["steps"] == "20"
    assert sampler.parameters["cfg_scale"] == "7.5"
    assert sampler.parameters["scheduler"] == "Karras"
    assert sampler.model is not None and (sampler.model.name, sampler.model.hash) == ("starter", "a" * 10)
    assert info.metadata["Size"] == "64x48"


SEEDED = Drawing(
    prompt="",
    negative_prompt="",
    model="starter",
    model_sha256="a" * 64,
    width=64,
    height=48,
    sampler="DPM++ 2M",
    schedule="Karras",
    steps=20,
    guidance=7.5,
    clip_skip=1,
    seed=7,
)
