"""What a manifest's data must be like before anything is believed of it: one table of checks per part."""

import dataclasses
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, get_args

from colabsd.errors import InvalidSettingError
from colabsd.planning.plans import EMPHASES, NOISES, SAFETIES, Device, Drawing, Precision
from colabsd.settings.fields import check_value, field_specs
from colabsd.settings.images import MAX_SEED
from colabsd.settings.redraw import RedrawSettings

SHEET_FORMAT = "colabsd.sheet"  # of the sheets of grids, which are no pictures that could be drawn
MOST_INDEX = 10_000_000
MOST_BATCH = 4096
MOST_LORAS = 1000
MOST_LORA_WEIGHT = 1e6
MOST_ENLARGEMENTS, MOST_FACTOR = 8, 64
LONGEST_NAME = 1000
DIGEST = re.compile("[0-9a-f]{64}")
Check = Callable[[Any], bool]


class Damage(Exception):
    """What is wrong with the data, as a sentence's key and facts; becomes a DamagedManifestError with the path."""

    def __init__(self, message_key: str, **facts: object) -> None:
        super().__init__(message_key, facts)
        self.message_key = message_key
        self.facts = facts


def is_name(value: Any) -> bool:
    """A short text without control characters."""
    return isinstance(value, str) and len(value) <= LONGEST_NAME and value.isprintable()


def is_integer(least: int, most: int) -> Check:
    """A whole number within limits; True and False are none."""
    return lambda value: isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def is_number(least: float, most: float) -> Check:
    """A number within limits; neither NaN nor infinity is."""
    return lambda value: isinstance(value, (int, float)) and not isinstance(value, bool) and least <= value <= most


def is_digest(value: Any) -> bool:
    """A sha256 in hex."""
    return isinstance(value, str) and DIGEST.fullmatch(value) is not None


def is_time(value: Any) -> bool:
    """An ISO time with its zone."""
    try:
        return datetime.fromisoformat(value).tzinfo is not None
    except (TypeError, ValueError):
        return False


def is_table(key: Check, value: Check) -> Check:
    """An object of which every key and value passes."""
    return lambda data: isinstance(data, dict) and all(key(name) and value(item) for name, item in data.items())


def is_list(item: Check, most: int, least: int = 0) -> Check:
    """A list of which every item passes."""
    return lambda data: isinstance(data, list) and least <= len(data) <= most and all(item(one) for one in data)


def is_anything(_: Any) -> bool:
    """Plain JSON that nothing depends on."""
    return True


LORA: Mapping[str, Check] = {
    "name": is_name,
    "unet": is_number(-MOST_LORA_WEIGHT, MOST_LORA_WEIGHT),
    "text_encoder": is_number(-MOST_LORA_WEIGHT, MOST_LORA_WEIGHT),
    "ranks": lambda value: value is None or is_integer(1, MOST_INDEX)(value),
    "sha256": lambda value: value == "" or is_digest(value),
}


def is_lora(value: Any) -> bool:
    """A LoRA with its strengths; what is left out has its default."""
    return (
        isinstance(value, dict)
        and "name" in value
        and all(name in LORA and LORA[name](part) for name, part in value.items())
    )


def is_embedding(value: Any) -> bool:
    """A textual inversion: the word that calls it, and its file's digest."""
    return (
        isinstance(value, dict)
        and set(value) == {"name", "sha256"}
        and is_name(value["name"])
        and is_digest(value["sha256"])
    )


def is_enlargement(value: Any) -> bool:
    """How many times larger a picture was made, and the name and the digest of what did it."""
    return (
        isinstance(value, dict)
        and set(value) == {"factor", "upscaler", "sha256"}
        and is_integer(2, MOST_FACTOR)(value["factor"])
        and is_name(value["upscaler"])
        and (value["sha256"] == "" or is_digest(value["sha256"]))
    )


PARTS: Mapping[str, Check] = {
    "format": is_name,
    "version": is_integer(1, 1_000_000),
    "key": is_digest,
    "job": is_name,
    "index": is_integer(0, MOST_INDEX),
    "created": is_time,
    "drawing": is_table(is_name, is_anything),
    "execution": is_table(is_name, is_anything),
    "batch": is_list(is_table(is_name, is_anything), MOST_BATCH, least=1),
    "position": is_integer(0, MOST_BATCH - 1),
    "settings": is_table(is_name, is_anything),
    "model_files": is_table(is_name, is_digest),
    "versions": is_table(is_name, is_name),
    "seconds": is_number(0, 1e9),
    "parents": is_list(is_digest, MOST_BATCH),
    "extras": is_table(is_name, is_anything),
}
EXECUTION: Mapping[str, Check] = {
    "device": get_args(Device).__contains__,
    "precision": get_args(Precision).__contains__,
    "attention": is_name,
    "tiling": (False, True).__contains__,
    "offload": (False, True).__contains__,
}
# Over and above the limits of the settings' own fields of the same names.
DRAWING: Mapping[str, Check] = {
    "model": is_name,
    "model_sha256": lambda value: value == "" or is_digest(value),
    "source_sha256": lambda value: value == "" or is_digest(value),
    "mask_sha256": lambda value: value == "" or is_digest(value),
    "sampler": is_name,
    "schedule": is_name,
    "seed": is_integer(0, MAX_SEED),
    "variation_seed": lambda value: value is None or is_integer(0, MAX_SEED)(value),
    "noise": NOISES.__contains__,
    "emphasis": EMPHASES.__contains__,
    "safety": SAFETIES.__contains__,
    "loras": is_list(is_lora, MOST_LORAS),
    "embeddings": is_list(is_embedding, MOST_LORAS),
    "enlargements": is_list(is_enlargement, MOST_ENLARGEMENTS),
    "vae": is_name,
    "noise_multiplier": is_number(0, 1000),
    "vae_sha256": lambda value: value == "" or is_digest(value),
}
OPTIONAL = ("eta", "variation_seed")
# Fields with a default may be missing: pictures kept before there was such a field have none.
REQUIRED = tuple(field.name for field in dataclasses.fields(Drawing) if field.default is dataclasses.MISSING)


def check_manifest(data: Any, format_name: str, version: int) -> None:
    """Raises: Damage when anything is missing, unknown, of a wrong type or beyond its limits."""
    if isinstance(data, dict) and data.get("format") == SHEET_FORMAT:
        raise Damage("error.manifest.sheet")
    if not isinstance(data, dict) or data.get("format") != format_name:
        raise Damage("error.manifest.format")
    if is_integer(version + 1, 1_000_000)(data.get("version")):
        raise Damage("error.manifest.newer", version=data["version"])
    _check_names(data, PARTS)
    _check_values(data, PARTS)
    _check_names({"tiling": False, "offload": False} | data["execution"], EXECUTION)
    _check_values(data["execution"], EXECUTION)
    _require(data["drawing"], REQUIRED)
    for drawing in (data["drawing"], *data["batch"]):
        _check_drawing(drawing)
    if data["position"] >= len(data["batch"]):
        raise Damage("error.manifest.field", field="position", value=data["position"])


def _check_drawing(drawing: Mapping[str, Any]) -> None:
    specs = field_specs(RedrawSettings)
    for name, value in drawing.items():
        if name not in Drawing.__dataclass_fields__:
            raise Damage("error.manifest.unknown_field", field=_short(name))
        if value is None and name not in OPTIONAL:
            raise Damage("error.manifest.field", field=name, value=value)
        if name in specs:
            try:
                check_value(name, specs[name], value)
            except InvalidSettingError:
                raise Damage("error.manifest.field", field=name, value=_short(value)) from None
    _check_values(drawing, DRAWING)


def _require(data: Mapping[str, Any], expected: Iterable[str]) -> None:
    for name in expected:
        if name not in data:
            raise Damage("error.manifest.missing_field", field=name)


def _check_names(data: Mapping[str, Any], expected: Mapping[str, Any]) -> None:
    _require(data, expected)
    for name in data:
        if name not in expected:
            raise Damage("error.manifest.unknown_field", field=_short(name))


def _check_values(data: Mapping[str, Any], checks: Mapping[str, Check]) -> None:
    for name, passes in checks.items():
        if name in data and not passes(data[name]):
            raise Damage("error.manifest.field", field=name, value=_short(data[name]))


def _short(value: Any) -> str:
    """The beginning of a value, fit for a terminal. The bits of a huge number are not written out."""
    if isinstance(value, int) and value.bit_length() > 1000:
        return f"2^{value.bit_length()}"
    text = str(value)
    return "".join(character if character.isprintable() else "?" for character in text[:60])
