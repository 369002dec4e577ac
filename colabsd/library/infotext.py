"""A1111's `parameters` text, written and read. Knows nothing of files.

Grammar: prompt [ "\\nNegative prompt: " negative ] "\\n" pair ( ", " pair )*, pair = key ": " value, and a value that
has a comma, colon, quote or newline in it is a JSON string. The format cannot carry every prompt: lines lose the spaces
around them, and "Negative prompt:" inside a prompt starts the negative one. What it can carry of a prompt is
`carried(prompt)`; the exact prompt is in the manifest, which is the authority.
"""

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from colabsd.planning.plans import Drawing
from colabsd.prompts import loras, parse

FEWEST_PAIRS = 3
LONGEST_TEXT = 1_000_000
NEGATIVE = "Negative prompt:"
# A1111's pattern; only the length of a key is bounded here, so that a long line without a colon costs no minutes.
PAIR = re.compile(r'\s*(\w[\w \-/]{1,80}):\s*("(?:\\.|[^\\"])+"|[^,]*)(?:,|$)')
SIZE = re.compile(r"(\d+)x(\d+)")
TEMPLATES = re.compile(r"\n(?=(?:Negative )?Template: )")
EMPHASES: Mapping[str, str] = {"original": "Original", "no-norm": "No norm", "ignore": "Ignore", "literal": "None"}
UNCARRIED = re.compile("[\x00\ud800-\udfff]")

# What A1111 adds when a key is missing.
A1111_DEFAULTS: Mapping[str, str] = {
    "Clip skip": "1",
    "Hires resize-1": "0",
    "Hires resize-2": "0",
    "Hires sampler": "Use same sampler",
    "Hires checkpoint": "Use same checkpoint",
    "Hires prompt": "",
    "Hires negative prompt": "",
    "Mask mode": "Inpaint masked",
    "Masked content": "original",
    "Inpaint area": "Whole picture",
    "Masked area padding": "32",
    "RNG": "GPU",
    "Schedule type": "Automatic",
    "Schedule max sigma": "0",
    "Schedule min sigma": "0",
    "Schedule rho": "0",
    "VAE Encoder": "Full",
    "VAE Decoder": "Full",
    "FP8 weight": "Disable",
    "Emphasis": "Original",
}


@dataclass(frozen=True)
class Infotext:
    """What the text says: the two prompts and the pairs of its last line, in order, as they are written."""

    prompt: str = ""
    negative_prompt: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict)

    def as_a1111_reads(self) -> dict[str, str]:
        """The pairs as A1111 understands them: `512x768` split into `Size-1`, `Size-2`; missing keys have defaults."""
        read: dict[str, str] = {}
        for key, value in self.parameters.items():
            size = SIZE.fullmatch(value)
            read |= {f"{key}-1": size[1], f"{key}-2": size[2]} if size else {key: value}
        return {**A1111_DEFAULTS, **read}


def infotext_of(
    drawing: Drawing,
    version: str,
    prompting: Mapping[str, Any] | None = None,
    lora_hashes: Mapping[str, str] | None = None,
) -> Infotext:
    """What A1111 would say of a drawing, keys in its order. `version` is the program's own, such as "colabsd 0.1.0".

    `prompting` tells how dynamic prompts came about (`planning/prompts.py`). `lora_hashes` are the digests by which
    A1111 knows LoRAs, by name; LoRAs that the prompt does not name are told as if it did.
    """
    larger = drawing.enlargements
    pairs = {
        "Steps": drawing.steps,
        "Sampler": drawing.sampler,
        "Schedule type": drawing.schedule,
        "CFG scale": f"{drawing.guidance:g}",
        "Image CFG scale": f"{drawing.image_guidance:g}" if drawing.image_guidance > 1 else None,
        "Seed": drawing.seed,
        "Size": drawing.size,
        "Model hash": drawing.model_sha256[:10] or None,
        "Model": drawing.model,
        "VAE hash": drawing.vae_sha256[:10] or None,
        "VAE": drawing.vae or None,
        "Variation seed": drawing.variation_seed,
        "Variation seed strength": f"{drawing.variation_strength:g}" if drawing.variation_strength else None,
        "Denoising strength": f"{drawing.strength:g}" if drawing.source_sha256 else None,
        "Clip skip": drawing.clip_skip if drawing.clip_skip > 1 else None,
        "ENSD": drawing.noise_seed_delta or None,
        "RNG": drawing.noise.upper(),
        "Eta DDIM" if drawing.sampler == "DDIM" else "Eta": None if drawing.eta is None else f"{drawing.eta:g}",
        "Emphasis": EMPHASES[drawing.emphasis] if _has_brackets(drawing) and drawing.emphasis != "original" else None,
        "Mask blur": f"{drawing.mask_blur:g}" if drawing.mask_sha256 else None,
        "Postprocess upscale by": math.prod(one.factor for one in larger) if larger else None,
        "Postprocess upscaler": ", ".join(one.upscaler for one in larger) if larger else None,
        "Lora hashes": _hashes(lora_hashes or {}),
        "TI hashes": _hashes({use.name: use.sha256[:12] for use in drawing.embeddings}),
        **_templates(prompting or {}),
        "Version": version,
    }
    parameters = {key: str(value) for key, value in pairs.items() if value is not None}
    return Infotext(_with_loras(drawing), drawing.negative_prompt, parameters)


def _with_loras(drawing: Drawing) -> str:
    """The prompt, and a tag for each LoRA that was asked for beside it."""
    if not drawing.loras:
        return drawing.prompt
    named = {tag.name for tag in loras(parse(drawing.prompt))}
    tags = [
        f"<lora:{use.name}:{use.text_encoder:g}" + (f":{use.unet:g}>" if use.unet != use.text_encoder else ">")
        for use in drawing.loras
        if use.name not in named
    ]
    return " ".join((drawing.prompt, *tags)).lstrip()


def hashed_name(name: str) -> str:
    """The name of a LoRA or a textual inversion as it stands in a list of hashes."""
    return re.sub("[:,]", "", name)


def _hashes(hashes: Mapping[str, str]) -> str | None:
    return ", ".join(f"{hashed_name(name)}: {digest}" for name, digest in hashes.items()) or None


def read_hashes(text: str) -> dict[str, str]:
    """A list of hashes, by name, in small letters."""
    pairs = (pair.rpartition(":") for pair in text.split(","))
    return {name.strip(): digest.strip().casefold() for name, _, digest in pairs if name.strip()}


def _has_brackets(drawing: Drawing) -> bool:
    return any(bracket in text for text in (drawing.prompt, drawing.negative_prompt) for bracket in "([")


def _templates(prompting: Mapping[str, Any]) -> dict[str, Any]:
    """The templates, and the seed that chose; the extension sd-dynamic-prompts writes the same as lines of their own,
    behind which A1111's readers find no parameters any more.
    """
    keys = {"prompt": "Template", "negative_prompt": "Negative Template"}
    pairs = {key: prompting[name]["template"] for name, key in keys.items() if name in prompting}
    seed = next((one["seed"] for one in prompting.values()), None)
    return {**pairs, "Wildcard seed": seed}


def carried(prompt: str) -> str:
    """What the format can carry of a prompt; writing and reading give exactly this.

    Lines are stripped, as are empty ones at both ends; NUL goes; half surrogates become U+FFFD; "Negative prompt:"
    gets a space before its colon (CLIP's tokens stay the same).
    """
    text = UNCARRIED.sub(lambda match: "" if match[0] == "\x00" else "\ufffd", prompt)
    text = "\n".join(line.strip() for line in text.split("\n")).strip()
    return text.replace(NEGATIVE, "Negative prompt :")


def write_infotext(text: Infotext) -> str:
    """The text as A1111 writes it, with at least three pairs: with fewer its readers take the line for a prompt.

    Keys need at least two characters of the pattern's kind (an invariant: keys are ours or were read before).
    """
    assert len(text.parameters) >= FEWEST_PAIRS, "a parameter line has at least three pairs"
    negative = carried(text.negative_prompt)
    lines = [carried(text.prompt), f"{NEGATIVE} {negative}" if negative else None, _write_pairs(text.parameters)]
    return "\n".join(line for line in lines if line is not None).strip()


def read_infotext(text: str) -> Infotext:
    """What a `parameters` text says, read as A1111 reads it. Text that is not of this format is all prompt.

    Lines `Template:` and `Negative Template:` behind the pairs, as the extension sd-dynamic-prompts writes them, become
    pairs too.
    """
    text, templates = _without_templates(text[:LONGEST_TEXT].strip())
    lines = text.split("\n")
    pairs = PAIR.findall(lines[-1])
    if len(pairs) < FEWEST_PAIRS:
        pairs = []
    else:
        lines.pop()
    prompts: dict[bool, list[str]] = {False: [], True: []}
    negative = False
    for line in (line.strip() for line in lines):
        if line.startswith(NEGATIVE):
            negative, line = True, line.removeprefix(NEGATIVE).strip()
        if line or prompts[negative]:
            prompts[negative].append(line)
    parameters = {key: _unquote(value) for key, value in pairs if value} | templates
    return Infotext("\n".join(prompts[False]).strip(), "\n".join(prompts[True]).strip(), parameters)


def _without_templates(text: str) -> tuple[str, dict[str, str]]:
    """The text up to its pairs, and the templates behind them, if any."""
    head, *behind = TEMPLATES.split(text)
    if not behind or len(PAIR.findall(head.rsplit("\n", 1)[-1])) < FEWEST_PAIRS:
        return text, {}
    pairs = (part.partition(": ") for part in behind)
    return head, {key: value.strip() for key, _, value in pairs}


def _write_pairs(parameters: Mapping[str, str]) -> str:
    return ", ".join(f"{key}: {_quote(value)}" for key, value in parameters.items())


def _quote(value: str) -> str:
    value = UNCARRIED.sub("\ufffd", value)
    if not value or value != value.strip() or any(character in value for character in ',\n:"'):
        return json.dumps(value, ensure_ascii=False)
    return value


def _unquote(value: str) -> str:
    if not (value.startswith('"') and value.endswith('"')):
        return value
    try:
        return str(json.loads(value))
    except ValueError:
        return value
