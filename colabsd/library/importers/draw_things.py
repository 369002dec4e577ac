"""Draw Things' pictures: a JSON object in the comment of their XMP packet."""

import html
import re
from collections.abc import Mapping

from colabsd.library.importers.file_texts import XMP, FileTexts
from colabsd.library.importers.imported import Imported
from colabsd.library.importers.ledger import Ledger
from colabsd.library.importers.names import REASONS
from colabsd.library.importers.values import file_stem, read_object, size, text

PROGRAM = "Draw Things"
OPENED, CLOSED = "<exif:UserComment>", "</exif:UserComment>"
TAG = re.compile(r"<[^<>]*>")
NOISES: Mapping[str, str] = {"Torch CPU Compatible": "cpu", "Nvidia GPU Compatible": "nv"}
REFUSED: Mapping[str, str] = {
    "strength": "note.import.start_picture",
    "lora": "note.import.adapters",
    "control": "note.import.controlnet",
    "refiner": "note.import.refiner",
    "upscaler": "note.import.hires",
    "hires_fix": "note.import.hires",
    "hires_fix_start_size": "note.import.hires",
    "hires_fix_strength": "note.import.hires",
    "face_restoration": "note.import.faces",
    "mask_blur": "note.import.mask",
    "mask_blur_outset": "note.import.mask",
    "tiled_decoding": "note.import.tiling",
    "shift": "note.import.sampler_option",
    "guidance_embed": "note.import.sampler_option",
    "zero_negative_prompt": "note.import.prompt_reading",
    "sharpness": "note.import.draw_things",
    "image_guidance": "note.import.start_picture",
    "aesthetic_score": "note.import.draw_things",
    "negative_aesthetic_score": "note.import.draw_things",
    "crop_top": "note.import.draw_things",
    "crop_left": "note.import.draw_things",
}
HARMLESS = (
    "v2",
    "profile",
    "preserve_original_after_inpaint",
    "batch_size",
    "target_size",
    "original_size",
    "negative_original_size",
)


def matches(texts: FileTexts) -> bool:
    """Whether the packet has such a comment."""
    comment = _comment(texts)
    return comment is not None and comment.lstrip().startswith("{")


def _comment(texts: FileTexts) -> str | None:
    """The text of the comment without the tags around it."""
    _, opened, rest = (texts.get(XMP) or "").partition(OPENED)
    comment, closed, _ = rest.partition(CLOSED)
    return html.unescape(TAG.sub("", comment)).strip() if opened and closed else None


def read(texts: FileTexts) -> Imported:
    """What the comment says. Raises: DamagedMetadataError."""
    ledger = Ledger(PROGRAM, read_object(_comment(texts) or "", PROGRAM, texts))
    ledger.prompt("c", "prompt")
    ledger.prompt("uc", "negative_prompt")
    ledger.take_size("size", size(ledger.peek("size")))
    ledger.size_of_picture(texts.size)
    for name, setting in {"steps": "steps", "scale": "guidance", "seed": "seed", "clip_skip": "clip_skip"}.items():
        ledger.take(name, setting)
    ledger.take_sampler("sampler", None, REASONS)
    ledger.take_model("model", file_stem(ledger.peek("model")))
    mode = text(ledger.peek("seed_mode")) or ""
    if mode in NOISES:
        ledger.take_noise("seed_mode", NOISES[mode])
    elif mode:
        ledger.refuse("seed_mode", "note.import.noise_unknown")
    else:
        ledger.add("seed_mode", "?", "note.import.noise_unknown")
    if ledger.peek("strength") in (1, 1.0):
        ledger.ignore("strength")
    for name, reason in REFUSED.items():
        ledger.refuse(name, reason)
    ledger.ignore(*HARMLESS)
    ledger.remark("note.import.program", program=PROGRAM)
    return ledger.finish()
