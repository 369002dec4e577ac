"""A1111's `parameters` text, also as Forge, SD.Next, Fooocus (scheme a1111) and colabsd itself write it."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace

from colabsd.library.importers.file_texts import COMMENT, FileTexts
from colabsd.library.importers.imported import Imported, NamedFile
from colabsd.library.importers.ledger import Ledger
from colabsd.library.importers.names import REASONS
from colabsd.library.importers.values import file_stem, size, text
from colabsd.library.infotext import A1111_DEFAULTS, EMPHASES, Infotext, hashed_name, read_hashes, read_infotext
from colabsd.library.picture_files import A1111_KEYWORD
from colabsd.settings.samplers import find_sampler, missing_package

# Programs by what they write of themselves; A1111's own version begins with v and a digit.
VERSIONS: Mapping[str, re.Pattern[str]] = {
    "colabsd": re.compile("colabsd"),
    "Forge": re.compile(r"f\d|neo|classic"),
    "Fooocus": re.compile("Fooocus"),
}
SETTINGS: Mapping[str, str] = {
    "Steps": "steps",
    "CFG scale": "guidance",
    "Seed": "seed",
    "Variation seed": "variation_seed",
    "Variation seed strength": "variation_strength",
    "Clip skip": "clip_skip",
    "ENSD": "noise_seed_delta",
}
NOISES: Mapping[str, str] = {"CPU": "cpu", "NV": "nv", "GPU": "nv"}
HARMLESS = (
    "App",
    "Version",
    "User",
    "Created Date",
    "TI hashes order",
    "Hashes",
    "Mask mode",
    "Template",
    "Negative Template",
    "Wildcard seed",
    "Raw prompt",
    "Raw negative prompt",
    "Styles",
    "Performance",
    "Cache FP16 weight for LoRA",
    "Downcast alphas_cumprod",
)
# Pairs that decide pixels and cannot be had here, by how their names begin; the first that fits counts.
REFUSED: Mapping[str, str] = {
    "Hires ": "note.import.hires",
    "Denoising strength": "note.import.start_picture",
    "Init image hash": "note.import.start_picture",
    "Image CFG scale": "note.import.start_picture",
    "Noise multiplier": "note.import.start_picture",
    "Extra noise": "note.import.start_picture",
    "Mask": "note.import.mask",
    "Inpaint": "note.import.mask",
    "Conditional mask weight": "note.import.mask",
    "Face restoration": "note.import.faces",
    "ADetailer": "note.import.faces",
    "Lora": "note.import.adapters",
    "TI hashes": "note.import.adapters",
    "Hypernet": "note.import.adapters",
    "AddNet": "note.import.adapters",
    "Refiner": "note.import.refiner",
    "VAE Encoder": "note.import.vae",
    "VAE Decoder": "note.import.vae",
    "VAE": "note.import.vae",
    "ControlNet": "note.import.controlnet",
    "Tiling": "note.import.tiling",
    "Token merging": "note.import.speed",
    "NGMS": "note.import.speed",
    "Skip Early CFG": "note.import.speed",
    "FP8 weight": "note.import.speed",
    "Seed resize from": "note.import.seed_resize",
    "Emphasis": "note.import.prompt_reading",
    "Pad conds": "note.import.prompt_reading",
    "Old prompt editing timelines": "note.import.prompt_reading",
    "Sigma ": "note.import.sampler_option",
    "Schedule ": "note.import.sampler_option",
    "Beta schedule": "note.import.sampler_option",
    "Discard penultimate sigma": "note.import.sampler_option",
    "SGM noise": "note.import.sampler_option",
    "UniPC ": "note.import.sampler_option",
    "Noise Schedule": "note.import.sampler_option",
    "Script": "note.import.script",
    "X ": "note.import.script",
    "Y ": "note.import.script",
    "Z ": "note.import.script",
    "Fixed ": "note.import.script",
    "SD upscale": "note.import.script",
    "Sharpness": "note.import.fooocus",
    "ADM Guidance": "note.import.fooocus",
    "Adaptive CFG": "note.import.fooocus",
    "FreeU": "note.import.fooocus",
}
TRAIN_STEPS = 1000
VERSION = re.compile(r"v(\d{1,3})\.(\d{1,3})")
NEW_TIMELINES = (1, 6)  # from this version on, numbers in [from:to:when] count as they do here
SCHEDULED = re.compile(r"\[[^\[\]]{0,500}:[^\[\]:]{0,20}\]")
NETWORK = re.compile(r"<(?:lora|lyco|hypernet):[^>]{1,200}>")
LORA = re.compile(r"<(?:lora|lyco):([^:>]{1,200})[:>]")
MOST_NETWORKS = 20


def matches(texts: FileTexts) -> bool:
    """Whether the file has such a text: in a PNG `parameters`, in JPEG and WebP a UserComment with parameters."""
    found = _text_of(texts) or ""
    return bool(found.strip()) and (texts.is_png or "Steps" in read_infotext(found).parameters)


def read(texts: FileTexts) -> Imported:
    """What the text says. A text without parameters is a prompt."""
    infotext = read_infotext(_text_of(texts) or "")
    ledger = Ledger(program_of(infotext), pairs_of(infotext))
    ledger.prompt("prompt", "prompt")
    ledger.prompt("negative prompt", "negative_prompt")
    ledger.take_size("Size", size(ledger.peek("Size")))
    ledger.size_of_picture(texts.size)
    for name, setting in SETTINGS.items():
        ledger.take(name, setting)
    _take_sampler(ledger)
    emphasis = {name: mode for mode, name in EMPHASES.items()}.get(text(ledger.peek("Emphasis")) or "")
    if emphasis is not None:
        ledger.take("Emphasis", "emphasis", emphasis)
    ledger.take_model("Model", file_stem(ledger.peek("Model")), "Model hash")
    if infotext.parameters:
        source = str(infotext.parameters.get("RNG", "GPU"))
        ledger.take_noise("RNG", NOISES.get(source.upper(), "nv"), source)
    _refuse_rest(ledger)
    version = VERSION.match(infotext.parameters.get("Version", ""))
    if version and (int(version[1]), int(version[2])) < NEW_TIMELINES and SCHEDULED.search(infotext.prompt):
        ledger.add("Version", version[0], "note.import.prompt_reading")
    for tag in NETWORK.findall(infotext.prompt)[:MOST_NETWORKS]:
        ledger.add("prompt", tag, "note.import.adapters")
    if ledger.program != "colabsd":
        ledger.remark("note.import.rounding", program=ledger.program)
    return replace(ledger.finish(), files=tuple(_files_of(infotext)))


def _files_of(infotext: Infotext) -> Iterator[NamedFile]:
    """What took part besides the model, with the digests that the text has of it."""
    said, hashes = infotext.parameters, _listed_hashes(infotext.parameters.get("Hashes", ""))
    loras = read_hashes(said.get("Lora hashes", ""))
    for name in list(dict.fromkeys(LORA.findall(infotext.prompt)))[:MOST_NETWORKS]:
        yield NamedFile("lora", name, loras.get(hashed_name(name)) or hashes.get(f"lora:{name}", ""))
    embeddings = {name.removeprefix("embed:"): one for name, one in hashes.items() if name.startswith("embed:")}
    for name, digest in list((embeddings | read_hashes(said.get("TI hashes", ""))).items())[:MOST_NETWORKS]:
        yield NamedFile("embedding", name, digest)
    vae = file_stem(said.get("VAE"))
    if vae and vae not in ("None", "Automatic"):
        yield NamedFile("vae", vae, said.get("VAE hash", "").casefold())


def _listed_hashes(text: str) -> dict[str, str]:
    """The pair that extensions add: a JSON table of beginnings of sha256, such as `lora:name`."""
    try:
        read = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    table = read if isinstance(read, dict) else {}
    return {str(name): one.casefold() for name, one in table.items() if isinstance(one, str)}


def program_of(infotext: Infotext) -> str:
    """Who wrote the text, by its `App` or `Version`; A1111 where it does not say."""
    if infotext.parameters.get("App") == "SD.Next":
        return "SD.Next"
    version = infotext.parameters.get("Version", "")
    return next((program for program, written in VERSIONS.items() if written.match(version)), "A1111")


def pairs_of(infotext: Infotext) -> dict[str, object]:
    """Prompts and parameters as pairs, an empty negative prompt left out."""
    prompts = {"prompt": infotext.prompt, "negative prompt": infotext.negative_prompt or None}
    return {name: value for name, value in {**prompts, **infotext.parameters}.items() if value is not None}


def _text_of(texts: FileTexts) -> str | None:
    return texts.get(A1111_KEYWORD) if texts.is_png else texts.get(COMMENT)


def _take_sampler(ledger: Ledger) -> None:
    """The sampler, its schedule and eta. Before version 1.9 a name without a schedule meant the uniform one."""
    old = ledger.peek("Schedule type") is None
    reasons = {} if ledger.program == "colabsd" else _sampler_reasons(ledger)
    ledger.take_sampler("Sampler", "Schedule type", reasons, usual_schedule="Uniform" if old else None)
    ledger.take_eta("Eta", usual=1.0)
    ledger.take_eta("Eta DDIM", usual=0.0)


def _sampler_reasons(ledger: Ledger) -> dict[str, str]:
    """Which samplers are not drawn quite as A1111 draws them."""
    reasons = dict(REASONS)
    steps = ledger.steps()
    if steps and TRAIN_STEPS % steps:
        reasons["DDIM"] = "note.import.sampler_steps"  # A1111 takes a step more than was asked for
    if missing_package(find_sampler("DPM++ SDE")) is not None:
        reasons["DPM++ SDE"] = "note.import.sampler_noise"
    elif ledger.peek("RNG") != "CPU":
        del reasons["DPM++ 2M SDE"]  # with the noise `nv` it follows A1111's Brownian path
    return reasons


def _refuse_rest(ledger: Ledger) -> None:
    """What is harmless, what is as if it were not there, and what cannot be had."""
    ledger.ignore(*HARMLESS)
    ledger.ignore(*(name for name in ledger.names() if text(ledger.peek(name)) in (A1111_DEFAULTS.get(name), "0x0")))
    if any(name.startswith("Hires ") for name in ledger.names()):
        ledger.refuse("Denoising strength", "note.import.hires")  # it is the second pass's
    for name in ledger.names():
        reason = next((reason for beginning, reason in REFUSED.items() if name.startswith(beginning)), None)
        if reason is not None:
            ledger.refuse(name, reason)
