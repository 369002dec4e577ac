"""InvokeAI's pictures: `invokeai_metadata` (version 3 and later), `sd-metadata` (2) and `Dream` (1 and 2).

Its prompts are in compel's language, or in version 2's, where square brackets hold the negative prompt.
"""

import re
from collections.abc import Mapping
from typing import Any

from colabsd.errors import DamagedMetadataError
from colabsd.library.importers.file_texts import FileTexts
from colabsd.library.importers.imported import Imported
from colabsd.library.importers.ledger import Ledger
from colabsd.library.importers.values import file_stem, integer, read_object, size, text

PROGRAM = "InvokeAI"
NEWER, OLDER, OLDEST = "invokeai_metadata", "sd-metadata", "Dream"
SETTINGS: Mapping[str, str] = {"steps": "steps", "cfg_scale": "guidance", "seed": "seed"}
REFUSED: Mapping[str, str] = {
    "loras": "note.import.adapters",
    "vae": "note.import.vae",
    "controlnets": "note.import.controlnet",
    "ipAdapters": "note.import.controlnet",
    "t2iAdapters": "note.import.controlnet",
    "control_layers": "note.import.controlnet",
    "ref_images": "note.import.controlnet",
    "strength": "note.import.start_picture",
    "init_image": "note.import.start_picture",
    "hrf_": "note.import.hires",
    "hires_fix": "note.import.hires",
    "facetool": "note.import.faces",
    "upscale": "note.import.hires",
    "postprocessing": "note.import.faces",
    "refiner": "note.import.refiner",
    "seamless": "note.import.tiling",
    "cfg_rescale_multiplier": "note.import.invokeai",
    "threshold": "note.import.invokeai",
    "perlin": "note.import.invokeai",
    "variations": "note.import.invokeai",
    "positive_style_prompt": "note.import.invokeai",
    "negative_style_prompt": "note.import.invokeai",
    "symmetry": "note.import.invokeai",
    "h_symmetry_time_pct": "note.import.invokeai",
    "v_symmetry_time_pct": "note.import.invokeai",
    "canvas_v2_metadata": "note.import.mask",
}
HARMLESS = ("app_id", "app_version", "generation_mode", "model_id", "type", "model", "orig_hash", "postprocessing_id")
DREAM = re.compile(r'\A\s*"(.*)"(.*)\Z', re.DOTALL)
DREAM_OPTION = re.compile(r"\s-(\w+)\s+([^\s\"]+)")
DREAM_NAMES: Mapping[str, str] = {
    "A": "sampler",
    "C": "cfg_scale",
    "H": "height",
    "s": "steps",
    "S": "seed",
    "W": "width",
    "f": "strength",
    "G": "facetool",
    "U": "upscale",
    "V": "variations",
    "I": "init_image",
}
NEGATIVE = re.compile(r"\[([^\[\]]*)\]")
GROUP = re.compile(r"(?<!\\)\(([^()\\]*(?:\\.[^()\\]*)*)\)(\+{1,8}|-{1,8}|\d{1,3}(?:\.\d{0,6})?(?![\w.]))?")
WORD = re.compile(r"(?<![\w)\ue001\ue003])(\w+)(\+{1,8}|-{1,8})(?![\w+-])")
DEEPEST = 20
OPEN, CLOSE, PLAIN_OPEN, PLAIN_CLOSE = "\ue000", "\ue001", "\ue002", "\ue003"
MORE, LESS = 1.1, 0.9
CONJUNCTION = re.compile(r"\)\s*\.\s*(?:and|blend|swap)\s*\(")


def matches(texts: FileTexts) -> bool:
    """Whether one of the three texts is there."""
    return any(texts.get(name) is not None for name in (NEWER, OLDER, OLDEST))


def read(texts: FileTexts) -> Imported:
    """What the newest of the texts says. Raises: DamagedMetadataError."""
    pairs, sampler_name, model_name = _newer(texts) if texts.get(NEWER) is not None else _older(texts)
    ledger = Ledger(PROGRAM, pairs)
    for name, setting in {"positive_prompt": "prompt", "negative_prompt": "negative_prompt"}.items():
        prompt = text(ledger.peek(name))
        ledger.prompt(name, setting, from_compel(prompt) if prompt else None)
        if prompt and CONJUNCTION.search(prompt):
            ledger.add(name, prompt, "note.import.compel")
    ledger.take_size("width", size([ledger.peek("width"), ledger.peek("height")]))
    ledger.ignore("height")
    ledger.size_of_picture(texts.size)
    for name, setting in SETTINGS.items():
        ledger.take(name, setting)
    skipped = integer(ledger.peek("clip_skip"))
    ledger.take("clip_skip", "clip_skip", None if skipped is None else skipped + 1)  # it counts what is left out
    ledger.take_sampler(sampler_name, usual_schedule="Uniform")
    ledger.take_model(model_name, _model(ledger.peek(model_name)), "model_hash")
    device = text(ledger.peek("rand_device")) or "cpu"
    ledger.take_noise("rand_device", "nv" if device == "cuda" else "cpu", device)
    ledger.ignore(*HARMLESS)
    for name in ledger.names():
        reason = next((reason for beginning, reason in REFUSED.items() if name.startswith(beginning)), None)
        if reason is not None:
            ledger.refuse(name, reason)
    ledger.remark("note.import.program", program=PROGRAM)
    return ledger.finish()


def from_compel(prompt: str) -> str:
    """compel's `(text)1.2`, `(text)++` and `word-` in A1111's language; what is plain text there is escaped."""
    for _ in range(DEEPEST):
        rewritten = GROUP.sub(_group, prompt)
        if rewritten == prompt:
            break
        prompt = rewritten
    prompt = re.sub(r"(?<!\\)([()\[\]])", r"\\\1", prompt)
    prompt = WORD.sub(lambda match: f"{OPEN}{match[1]}:{_weight(match[2])}{CLOSE}", prompt)
    marks = {OPEN: "(", CLOSE: ")", PLAIN_OPEN: "\\(", PLAIN_CLOSE: "\\)"}
    return re.sub(f"[{''.join(marks)}]", lambda match: marks[match[0]], prompt)


def _group(match: re.Match[str]) -> str:
    if match[2] is None:
        return f"{PLAIN_OPEN}{match[1]}{PLAIN_CLOSE}"
    return f"{OPEN}{match[1]}:{_weight(match[2])}{CLOSE}"


def _weight(sign: str) -> str:
    if sign[0] in "+-":
        return f"{(MORE if sign[0] == '+' else LESS) ** len(sign):.4g}"
    return f"{float(sign):g}"


def _newer(texts: FileTexts) -> tuple[dict[str, Any], str, str]:
    found = read_object(texts.get(NEWER) or "", PROGRAM, texts)
    return found, "scheduler", "model"


def _older(texts: FileTexts) -> tuple[dict[str, Any], str, str]:
    """The pairs of version 2, the prompt split in two. Raises: DamagedMetadataError."""
    if texts.get(OLDER) is None:
        return _dream(texts), "sampler", "model_weights"
    found = read_object(texts.get(OLDER) or "", PROGRAM, texts)
    image = found.pop("image", None)
    if not isinstance(image, dict):
        raise DamagedMetadataError(path=texts.path, program=PROGRAM)
    return {**found, **_split(image, _first_prompt(image.pop("prompt", None)))}, "sampler", "model_weights"


def _dream(texts: FileTexts) -> dict[str, Any]:
    match = DREAM.match(texts.get(OLDEST) or "")
    if match is None:
        raise DamagedMetadataError(path=texts.path, program=PROGRAM)
    options = {DREAM_NAMES.get(name, name): value for name, value in DREAM_OPTION.findall(match[2])}
    return _split(options, match[1])


def _first_prompt(value: object) -> str:
    """Version 2 has a text, or a list of objects with a text each."""
    if isinstance(value, list):
        parts = [text(part.get("prompt")) for part in value if isinstance(part, dict)]
        return " ".join(part for part in parts if part)
    return text(value) or ""


def _split(pairs: dict[str, Any], prompt: str) -> dict[str, Any]:
    """The pairs with the prompt as two: what stands in square brackets is the negative one."""
    negative = ", ".join(part.strip(" ,") for part in NEGATIVE.findall(prompt))
    positive = re.sub(r"\s{2,}", " ", NEGATIVE.sub("", prompt)).strip(" ,")
    return {"positive_prompt": positive, "negative_prompt": negative or None, **pairs}


def _model(value: object) -> str | None:
    """A model's name: a text, or an object whose fields were renamed over the versions."""
    if isinstance(value, dict):
        return file_stem(value.get("name") or value.get("model_name"))
    return file_stem(value)
