"""SwarmUI's pictures: a JSON object with `sui_image_params`, in a PNG's `parameters` or EXIF's UserComment."""

from collections.abc import Mapping

from colabsd.library.importers.file_texts import COMMENT, FileTexts
from colabsd.library.importers.imported import Imported
from colabsd.library.importers.ledger import Ledger
from colabsd.library.importers.names import REASONS
from colabsd.library.importers.values import file_stem, try_object
from colabsd.library.picture_files import A1111_KEYWORD

PROGRAM = "SwarmUI"
PLACES = (A1111_KEYWORD, COMMENT, "Model")
SETTINGS: Mapping[str, str] = {
    "width": "width",
    "height": "height",
    "steps": "steps",
    "cfgscale": "guidance",
    "seed": "seed",
    "variationseed": "variation_seed",
    "variationseedstrength": "variation_strength",
}
REFUSED: Mapping[str, str] = {
    "vae": "note.import.vae",
    "loras": "note.import.adapters",
    "loraweights": "note.import.adapters",
    "initimage": "note.import.start_picture",
    "initimagecreativity": "note.import.start_picture",
    "refiner": "note.import.refiner",
    "controlnet": "note.import.controlnet",
    "seamlesstileable": "note.import.tiling",
}
HARMLESS = (
    "swarm_version",
    "date",
    "generation_time",
    "aspectratio",
    "images",
    "nopreviews",
    "imageformat",
    "wildcardseed",
)


def matches(texts: FileTexts) -> bool:
    """Whether one of the places holds such an object."""
    return _parameters(texts) is not None


def _parameters(texts: FileTexts) -> dict[str, object] | None:
    for place in PLACES:
        found = (try_object(texts.get(place)) or {}).get("sui_image_params")
        if isinstance(found, dict):
            return found
    return None


def read(texts: FileTexts) -> Imported:
    """What the object says."""
    ledger = Ledger(PROGRAM, _parameters(texts) or {})
    ledger.prompt("prompt", "prompt")
    ledger.prompt("negativeprompt", "negative_prompt")
    for name, setting in SETTINGS.items():
        ledger.take(name, setting)
    ledger.size_of_picture(texts.size)
    ledger.take_sampler("sampler", "scheduler", REASONS)
    ledger.take_model("model", file_stem(ledger.peek("model")))
    ledger.take_noise(None, "cpu")
    ledger.ignore(*HARMLESS)
    for name in ledger.names():
        reason = next((reason for beginning, reason in REFUSED.items() if name.startswith(beginning)), None)
        if reason is not None:
            ledger.refuse(name, reason)
    ledger.remark("note.import.program", program=PROGRAM)
    return ledger.finish()
