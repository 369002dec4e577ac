"""Fooocus's own scheme: one JSON object, in a PNG's `parameters`, EXIF's UserComment or an older JPEG's comment.

Its other scheme, a1111, is A1111's text and read there.
"""

from collections.abc import Mapping

from colabsd.library.importers.file_texts import COMMENT, SCHEME, FileTexts
from colabsd.library.importers.imported import Imported
from colabsd.library.importers.ledger import Ledger
from colabsd.library.importers.names import REASONS
from colabsd.library.importers.values import file_stem, read_object, size, text, try_object
from colabsd.library.picture_files import A1111_KEYWORD

PROGRAM = "Fooocus"
PLACES = (A1111_KEYWORD, COMMENT, "Comment")
# Older versions wrote the labels of their form instead of these names.
LABELS: Mapping[str, str] = {
    "Prompt": "prompt",
    "Negative Prompt": "negative_prompt",
    "Steps": "steps",
    "Seed": "seed",
    "Resolution": "resolution",
    "Guidance Scale": "guidance_scale",
    "Sampler": "sampler",
    "Scheduler": "scheduler",
    "Base Model": "base_model",
    "Refiner Model": "refiner_model",
}
REFUSED: Mapping[str, str] = {
    "refiner": "note.import.refiner",
    "lora": "note.import.adapters",
    "vae": "note.import.vae",
    "sharpness": "note.import.fooocus",
    "adm_guidance": "note.import.fooocus",
    "adaptive_cfg": "note.import.fooocus",
    "freeu": "note.import.fooocus",
    "overwrite_switch": "note.import.refiner",
    "inpaint": "note.import.mask",
}
HARMLESS = (
    "version",
    "Version",
    "created_by",
    "metadata_scheme",
    "performance",
    "prompt",
    "negative_prompt",
    "styles",
    "prompt_expansion",
    "image_number",
    "base_model_hash",
)


def matches(texts: FileTexts) -> bool:
    """Whether one of the places holds such an object."""
    scheme = texts.get(SCHEME)
    if scheme is not None and scheme.strip().lower() == "fooocus":
        return True
    return _place(texts) is not None


def _place(texts: FileTexts) -> str | None:
    for place in PLACES:
        found = try_object(texts.get(place))
        if found is not None and ("base_model" in found or "Base Model" in found):
            return place
    return None


def read(texts: FileTexts) -> Imported:
    """What the object says. Raises: DamagedMetadataError."""
    place = _place(texts) or next((place for place in PLACES if texts.get(place)), A1111_KEYWORD)
    found = read_object(texts.get(place) or "", PROGRAM, texts)
    ledger = Ledger(PROGRAM, {LABELS.get(name, name): value for name, value in found.items()})
    for whole, part, setting in (
        ("full_prompt", "prompt", "prompt"),
        ("full_negative_prompt", "negative_prompt", "negative_prompt"),
    ):
        joined = _joined(ledger.peek(whole))  # with the styles' words, which are not here
        ledger.take(whole if joined else part, setting, joined or None)
    ledger.take_size("resolution", size(ledger.peek("resolution")))
    ledger.size_of_picture(texts.size)
    for name, setting in {
        "steps": "steps",
        "guidance_scale": "guidance",
        "seed": "seed",
        "clip_skip": "clip_skip",
    }.items():
        ledger.take(name, setting)
    ledger.take_sampler("sampler", "scheduler", REASONS)
    ledger.take_model("base_model", file_stem(ledger.peek("base_model")), "base_model_hash")
    ledger.take_noise(None, "cpu")
    ledger.ignore(*HARMLESS)
    for name in ledger.names():
        reason = next((reason for beginning, reason in REFUSED.items() if name.lower().startswith(beginning)), None)
        if reason is not None:
            ledger.refuse(name, reason)
    ledger.remark("note.import.program", program=PROGRAM)
    return ledger.finish()


def _joined(value: object) -> str | None:
    """The texts of a list, as Fooocus shows them; a text as it is."""
    if isinstance(value, list):
        return ", ".join(part for part in map(text, value) if part)
    return text(value)
