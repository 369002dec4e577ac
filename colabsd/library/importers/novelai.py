"""NovelAI's pictures: PNG texts or a file's alpha channel. Its models cannot be had; its prompts weigh with braces."""

import re

from colabsd.library.importers.file_texts import SOFTWARE, FileTexts
from colabsd.library.importers.imported import Imported
from colabsd.library.importers.ledger import Ledger
from colabsd.library.importers.names import REASONS
from colabsd.library.importers.values import read_object, size, text

PROGRAM = "NovelAI"
CLIP_SKIP, NOISE_SEED_DELTA = 2, 31337  # as A1111 takes its pictures
BRACE_WEIGHT = 1.05
IMPOSSIBLE = ("sm", "sm_dyn", "dynamic_thresholding", "cfg_rescale", "skip_cfg_above_sigma", "controlnet_model")
START = ("strength", "noise", "extra_noise_seed", "image", "mask", "add_original_image")
V4 = ("v4_prompt", "v4_negative_prompt", "use_coords", "characterPrompts", "director_reference_images")
HARMLESS = (
    "signed_hash",
    "request_type",
    "version",
    "n_samples",
    "Title",
    "Generation time",
    "prompt",
    "legacy",
    "legacy_v3_extend",
    "width",
    "height",
    "lora_unet_weights",
    "lora_clip_weights",
    SOFTWARE,
)
PARENTHESIS = re.compile(r"(?<!\\)[()]")


def matches(texts: FileTexts) -> bool:
    """Whether the file says that NovelAI made it."""
    return (texts.get(SOFTWARE) or "").startswith(PROGRAM) and texts.get("Comment") is not None


def read(texts: FileTexts) -> Imported:
    """What the texts say. Raises: DamagedMetadataError when the JSON is broken."""
    found = read_object(texts.get("Comment") or "", PROGRAM, texts)
    prompt = texts.get("Description") or text(found.get("prompt")) or ""
    outer = {name: value for name in ("Title", "Source", "Generation time") if (value := texts.get(name)) is not None}
    ledger = Ledger(PROGRAM, {**outer, **found, "Description": prompt})
    ledger.prompt("Description", "prompt", from_braces(prompt))
    ledger.prompt("uc", "negative_prompt", from_braces(text(found.get("uc")) or ""))
    ledger.take_size("width", size([found.get("width"), found.get("height")]))
    ledger.ignore("height")
    ledger.size_of_picture(texts.size)
    for name, setting in {"steps": "steps", "scale": "guidance", "seed": "seed"}.items():
        ledger.take(name, setting)
    ledger.take_sampler("sampler", "noise_schedule", REASONS)
    source = text(ledger.peek("Source"))
    ledger.take_model("Source", source)
    ledger.default("clip_skip", CLIP_SKIP)
    ledger.default("noise_seed_delta", NOISE_SEED_DELTA)
    ledger.take_noise(None, "nv")
    ledger.ignore(*HARMLESS)
    reasons = {name: "note.import.novelai" for name in (*IMPOSSIBLE, *V4, "uncond_scale")}
    reasons |= {name: "note.import.start_picture" for name in START}
    for name, reason in reasons.items():
        if ledger.peek(name) in (1, 1.0) and name == "uncond_scale":
            ledger.ignore(name)
        ledger.refuse(name, reason)
    ledger.remark("note.import.program", program=PROGRAM)
    return ledger.finish()


def from_braces(prompt: str) -> str:
    """NovelAI's `{more}` and `[less]`, 1.05 each, in A1111's language; parentheses are plain text there."""
    weights = {"{": ("(", f":{BRACE_WEIGHT:g})"), "[": ("(", f":{1 / BRACE_WEIGHT:.4g})")}
    closing = {"}": "{", "]": "["}
    written: list[str] = []
    opened: list[tuple[str, int]] = []
    for letter in PARENTHESIS.sub(lambda match: "\\" + match[0], prompt):
        if letter in weights:
            opened.append((letter, len(written)))
            written.append(weights[letter][0])
        elif letter in closing and opened and opened[-1][0] == closing[letter]:
            written.append(weights[opened.pop()[0]][1])
        else:
            written.append(letter if letter not in "[]" else "\\" + letter)
    for letter, place in opened:  # never closed: plain text
        written[place] = letter if letter == "{" else "\\["
    return "".join(written)
