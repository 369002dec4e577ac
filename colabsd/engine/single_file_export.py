"""A model as one safetensors file in the layout that A1111, ComfyUI and diffusers' from_single_file read.

Written tensor by tensor, so that it takes the memory of one; read back and compared before it gets its name.
"""

import json
import math
import struct
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from colabsd.engine.clip import PROJECTION
from colabsd.engine.model_parts import CLIP_WORDS, FileParts, ModelParts
from colabsd.engine.tensor_files import DTYPES, PartTensors
from colabsd.errors import StorageError, UnsupportedModelError, UsageError
from colabsd.models.cards import Family, ModelCard, Variant
from colabsd.models.original_names import (
    NameTable,
    read_diffusers_autoencoder_structure,
    read_diffusers_text_structure,
    read_diffusers_unet_structure,
)
from colabsd.models.single_files import AUTOENCODER, DEFAULTS, DESCRIPTION, PARTS, UNET, read_single_file
from colabsd.models.single_files import TEXT_ENCODERS as PLACES
from colabsd.models.stored_tensors import ITEM_BYTES
from colabsd.progress import Progress
from colabsd.storage.budget import check_room
from colabsd.storage.disk import Disk
from colabsd.storage.failures import storage_errors
from colabsd.storage.publish import NO_HARD_LINKS

Change = Literal["none", "convolution", "turned"]
"""What is done to a tensor on writing: a matrix becomes a 1 × 1 convolution, or is transposed."""

FLOATS = ("F64", "F32", "F16", "BF16")
ALIGNMENT = 8  # of safetensors' header
SHOWN_BYTES = 64 * 2**20
COMPARED = 50  # tensors between two reports
VARIANTS: Mapping[Variant, str] = {"text": "", "inpaint": "/inpainting", "edit": "/edit"}
ARCHITECTURES: Mapping[Family, str] = {
    "sd1": "stable-diffusion-v1",
    "sd2": "stable-diffusion-v2-1",
    "sdxl": "stable-diffusion-xl-v1-base",
}


@dataclass(frozen=True)
class Written:
    """One tensor of the file: its name there, the tensors it is made of, and how."""

    name: str
    tensors: PartTensors
    sources: tuple[str, ...]
    dtype: str
    change: Change = "none"

    @property
    def shape(self) -> tuple[int, ...]:
        shape = self.tensors.shapes[self.sources[0]]
        if self.change == "convolution":
            return (*shape, 1, 1)
        return shape[::-1] if self.change == "turned" else (shape[0] * len(self.sources), *shape[1:])

    @property
    def bytes(self) -> int:
        return math.prod(self.shape) * ITEM_BYTES[self.dtype]

    def read(self) -> Tensor:
        """The tensor as it is written."""
        found = [self.tensors[source] for source in self.sources]
        whole = torch.cat(found) if len(found) > 1 else found[0]
        if self.change == "convolution":
            whole = whole[:, :, None, None]
        return (whole.t() if self.change == "turned" else whole).to(DTYPES[self.dtype]).contiguous()


def export_single_file(
    parts: ModelParts,
    card: ModelCard,
    path: Path,
    *,
    half: bool = False,
    disk: Disk | None = None,
    check: Callable[[Path], Generator[Progress, None, None]] | None = None,
) -> Generator[Progress, None, Path]:
    """Write a model to `path` as one file, in its own precision or, with `half`, in fp16. Yields Progress in bytes.

    Other programs guess configurations from sizes; ours are written into the file, so that a model of unusual sizes
    reloads here as well. `check` looks at the whole file before it gets its name. Raises: UsageError when `path` is no
    name of a safetensors file; StorageError when the name is taken or the disk is full; UnsupportedModelError when a
    part has no names in that layout; the files' errors; what `check` raises.
    """
    disk = disk or Disk()
    if path.suffix.casefold() != ".safetensors":
        raise UsageError("error.export.ending", path=path)
    tensors = [*_written(parts, card.family, half)]
    header = _header(tensors, _metadata(parts, card))
    total = len(header) + sum(tensor.bytes for tensor in tensors)
    check_room(path.parent, total)
    scratch = path.with_name(f".{path.stem}.part.safetensors")
    with storage_errors(path):
        if disk.exists(path):
            raise StorageError("error.storage.name_taken", path=path)
        descriptor = disk.create(scratch)
        try:
            yield from _write(tensors, header, total, descriptor, disk)
            yield from _compare(parts, card.family, scratch, half)
            if check is not None:
                yield from check(scratch)
            _appear(scratch, path, disk)
        finally:
            with suppress(OSError):  # after a rename it is gone
                disk.remove(scratch)
    return path


def _written(parts: ModelParts, family: Family, half: bool) -> Iterator[Written]:
    """Every tensor of the file, in the order of its parts."""

    def kept(tensors: PartTensors, name: str) -> str:
        stored = tensors.header.tensors[tensors.part[name].source].dtype
        return "F16" if half and stored in FLOATS else stored

    unet = parts.tensors("unet")
    for name in unet:
        # What has no name in that layout keeps its own: only we can read that.
        yield Written(UNET + (_unet_names(unet).to_original(name) or name), unet, (name,), kept(unet, name))
    for beginning, belongs, part, open_clip in PLACES:
        if belongs == family:
            text = parts.tensors(part)
            write = _open_clip if open_clip else _clip
            for old, sources, how in write(text, family):
                yield Written(beginning + old, text, sources, kept(text, sources[0]), how)
    vae = parts.tensors("vae")
    structure = read_diffusers_autoencoder_structure(vae)
    for name in vae:
        autoencoder_name = structure.names.to_original(name) if structure else None
        if autoencoder_name is None:
            raise UnsupportedModelError("error.export.name", path=vae.path, name=name)
        matrix = ".mid_block.attentions.0." in name and len(vae.shapes[name]) == 2
        change: Change = "convolution" if matrix else "none"
        yield Written(AUTOENCODER + autoencoder_name, vae, (name,), kept(vae, name), change)


def _unet_names(unet: PartTensors) -> NameTable:
    structure = read_diffusers_unet_structure(unet.part)
    if structure is None:
        raise UnsupportedModelError("error.export.name", path=unet.path, name=next(iter(unet), ""))
    return structure.names


def _clip(text: PartTensors, _family: Family) -> Iterator[tuple[str, tuple[str, ...], Change]]:
    """CLIP's own layout: `text_model.` stands before each name, whatever version of transformers saved the folder."""
    for name in text:
        if not name.startswith(PROJECTION):
            yield f"text_model.{name}", (name,), "none"


def _open_clip(text: PartTensors, family: Family) -> Iterator[tuple[str, tuple[str, ...], Change]]:
    """OpenCLIP's layout: queries, keys and values in one tensor, the projection turned."""
    structure = read_diffusers_text_structure(text)
    if structure is None:
        raise UnsupportedModelError("error.export.name", path=text.path, name=next(iter(text), ""))
    fused = {name for _, three in structure.fused() for name in three}
    for old, three in structure.fused():
        yield old, three, "none"
    for name in text:
        projection = name.startswith(PROJECTION)
        if name in fused or (projection and family != "sdxl"):
            continue
        found = structure.names.to_original(name)
        if found is None:
            raise UnsupportedModelError("error.export.name", path=text.path, name=name)
        yield found, (name,), "turned" if projection else "none"


def _metadata(parts: ModelParts, card: ModelCard) -> dict[str, str]:
    encoders = [part for _, belongs, part, _ in PLACES if belongs == card.family]
    configs = {part: dict(parts.config(part)) for part in ("unet", *encoders, "vae")}
    scheduler = dict(parts.scheduler_config)
    tokenizers = {part: parts.tokenizer(part) for part in encoders}
    described: dict[str, Any] = {
        "configs": configs,
        "scheduler": scheduler,
        "zeros_for_empty": parts.zeros_for_empty,
        "defaults": {name: getattr(card, f"default_{name}") for name in DEFAULTS},
        "padding": {part: words.tokenizer.id_to_token(words.padding) for part, words in tokenizers.items()},
    }
    if configs["text_encoder"]["vocab_size"] != CLIP_WORDS:
        described["merges"] = "\n".join(parts.merges())
    return {
        "format": "pt",
        "modelspec.sai_model_spec": "1.0.0",
        "modelspec.architecture": ARCHITECTURES[card.family] + VARIANTS[card.variant],
        "modelspec.title": card.name,
        "modelspec.license": card.license,
        "modelspec.resolution": str(card.size),
        "modelspec.prediction_type": "v" if scheduler.get("prediction_type") == "v_prediction" else "epsilon",
        DESCRIPTION: json.dumps(described, ensure_ascii=False, sort_keys=True),
    }


def _header(tensors: list[Written], metadata: Mapping[str, str]) -> bytes:
    """safetensors' header: its length in 8 bytes, then JSON, filled with spaces."""
    entries: dict[str, Any] = {"__metadata__": dict(metadata)}
    place = 0
    for tensor in tensors:
        entries[tensor.name] = {
            "dtype": tensor.dtype,
            "shape": list(tensor.shape),
            "data_offsets": [place, place + tensor.bytes],
        }
        place += tensor.bytes
    text = json.dumps(entries, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % ALIGNMENT)
    return struct.pack("<Q", len(text)) + text


def _write(
    tensors: list[Written], header: bytes, total: int, descriptor: int, disk: Disk
) -> Generator[Progress, None, None]:
    done, shown = 0, 0
    try:
        for data in _bytes_of(tensors, header):
            rest = data
            while rest:
                rest = rest[disk.write(descriptor, rest) :]
            done += len(data)
            if done - shown >= SHOWN_BYTES or done == total:
                shown = done
                yield Progress(stage="save", done=done, total=total)
        disk.sync(descriptor)
    finally:
        disk.close(descriptor)


def _bytes_of(tensors: list[Written], header: bytes) -> Iterator[memoryview]:
    yield memoryview(header)
    for tensor in tensors:
        yield tensor.read().view(-1).view(torch.uint8).numpy().data


def _compare(parts: ModelParts, family: Family, path: Path, half: bool) -> Generator[Progress, None, None]:
    """Read the file as a model and compare every tensor with its source, bit for bit. Raises: StorageError."""
    written = FileParts(read_single_file(path))
    names = [(part, name) for part in PARTS[family] for name in written.tensors(part)]
    wanted = {(part, name) for part in PARTS[family] for name in parts.tensors(part) if _is_written(name, part, family)}
    if wanted != set(names):
        raise StorageError("error.storage.read_back", path=path)
    for index, (part, name) in enumerate(names):
        before, now = parts.tensors(part)[name], written.tensors(part)[name]
        before = before.half() if half and before.is_floating_point() else before
        if before.dtype != now.dtype or not torch.equal(_bits(before), _bits(now)):
            raise StorageError("error.storage.read_back", path=path)
        if index % COMPARED == 0:
            yield Progress(stage="check", done=index, total=len(names))


def _is_written(name: str, part: str, family: Family) -> bool:
    """Whether a tensor of a folder is in a single file: CLIP's projection is only where it is used."""
    return not name.startswith(PROJECTION) or (family == "sdxl" and part == "text_encoder_2")


def _bits(tensor: Tensor) -> Tensor:
    return tensor.contiguous().view(-1).view(torch.uint8)


def _appear(scratch: Path, path: Path, disk: Disk) -> None:
    """Give the finished file its name, unless somebody else has just taken it. Raises: StorageError, OSError."""
    try:
        disk.link(scratch, path)
    except FileExistsError:
        raise StorageError("error.storage.name_taken", path=path) from None
    except OSError as error:
        if error.errno not in NO_HARD_LINKS:
            raise
        disk.rename(scratch, path)
