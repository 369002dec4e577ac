"""Looking into PyTorch checkpoints without running them: names and places of tensors, and what a hostile one wants.

A pickle is a program. This reader executes it on a machine that knows a few harmless words and builds no tensors; any
other word ends it with UnsafePickleError.
"""

import collections
import io
import pickle
import struct
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from colabsd.errors import ColabsdError, DamagedWeightsError, MissingWeightsError, UnsafePickleError
from colabsd.models.stored_tensors import ITEM_BYTES, StoredTensor

MAX_PICKLE_BYTES = 64 * 2**20
MAX_DEPTH = 12
OLD_MAGIC = 0x1950A86A20F9469CFC6C  # how PyTorch's format from before the zip archive begins
# PyTorch's storages, with safetensors' name for what is in them.
STORAGES: Mapping[str, str] = {
    "DoubleStorage": "F64",
    "FloatStorage": "F32",
    "HalfStorage": "F16",
    "BFloat16Storage": "BF16",
    "LongStorage": "I64",
    "IntStorage": "I32",
    "ShortStorage": "I16",
    "CharStorage": "I8",
    "ByteStorage": "U8",
    "BoolStorage": "BOOL",
}


class _Inert:
    """Stands where something would be that no tensor needs."""

    def __init__(self, *_arguments: object, **_named: object) -> None:
        """Takes anything, keeps nothing."""

    def __setstate__(self, _state: object) -> None:
        """Takes anything, keeps nothing."""


class _Parameters(dict[Any, Any]):
    """Stands for PyTorch's ParameterDict, in which old textual inversions lie."""

    def __setstate__(self, state: Any) -> None:
        if isinstance(state, dict) and isinstance(state.get("_parameters"), dict):
            self.update(state["_parameters"])


class _Kind:
    """Stands where a storage's class would be."""

    def __init__(self, dtype: str) -> None:
        self.dtype = dtype


class _Storage:
    """Stands where a tensor's numbers would be."""

    def __init__(self, pid: Any) -> None:
        word, kind, key, _place, elements = pid[:5]
        if word != "storage" or not isinstance(kind, _Kind):
            raise ValueError("a storage of an unknown kind")
        self.dtype, self.key, self.elements = kind.dtype, str(key), int(elements)


class _Tensor:
    """Stands where a tensor would be."""

    def __init__(self, storage: Any, offset: Any, size: Any, strides: Any, *_rest: object) -> None:
        self.storage: _Storage = storage
        self.offset = int(offset)
        self.shape = tuple(int(side) for side in size)
        self.strides = tuple(int(stride) for stride in strides)


def _parameter(data: Any, *_rest: object) -> Any:
    return data


HARMLESS: Mapping[tuple[str, str], Callable[..., Any]] = {
    ("collections", "OrderedDict"): collections.OrderedDict,
    ("torch._utils", "_rebuild_tensor_v2"): _Tensor,
    ("torch._utils", "_rebuild_tensor"): _Tensor,
    ("torch._utils", "_rebuild_parameter"): _parameter,
    ("torch.nn.modules.container", "ParameterDict"): _Parameters,
    ("torch", "Size"): tuple,
    ("torch", "device"): _Inert,
    ("_codecs", "encode"): _Inert,
    ("numpy.core.multiarray", "scalar"): _Inert,
    ("numpy._core.multiarray", "scalar"): _Inert,
    ("numpy", "dtype"): _Inert,
    # CompVis' and many later checkpoints carry their trainer's state under this class.
    ("pytorch_lightning.callbacks.model_checkpoint", "ModelCheckpoint"): _Inert,
}


class _NamesAndShapes(pickle.Unpickler):
    """An unpickler that can build nothing but containers and stand-ins."""

    def __init__(self, file: io.BytesIO, path: Path) -> None:
        super().__init__(file)
        self.path = path

    def find_class(self, module: str, name: str) -> Any:
        if module == "torch" and name in STORAGES:
            return _Kind(STORAGES[name])
        try:
            return HARMLESS[module, name]
        except KeyError:
            raise UnsafePickleError(path=self.path, wants=f"{module}.{name}"[:80]) from None

    def persistent_load(self, pid: Any) -> _Storage:
        return _Storage(pid)


def read_stored(path: Path) -> Mapping[str, StoredTensor]:
    """Names and places of a checkpoint's tensors (`.ckpt`, `.pt`, `.bin`), nothing run and no tensor read.

    Nested dictionaries ("state_dict") are joined by dots; each tensor lies whole in the file. Raises:
    MissingWeightsError, DamagedWeightsError, UnsafePickleError.
    """
    try:
        content, places = _read_zip(path) if zipfile.is_zipfile(path) else _read_old(path)
        found: dict[str, _Tensor] = {}
        _collect(content, "", found, MAX_DEPTH)
        return {name: _locate(tensor, places) for name, tensor in found.items()}
    except ColabsdError:
        raise
    except FileNotFoundError:
        raise MissingWeightsError(path=path) from None
    except Exception as error:  # a broken pickle can raise anything
        raise DamagedWeightsError(path=path, reason=_words(error)) from error


def _words(error: Exception) -> str:
    return str(error) if type(error) in (ValueError, OSError, zipfile.BadZipFile) and str(error) else repr(error)[:200]


# From a storage's key to the place of its first byte and the number of its bytes.
Places = Mapping[str, tuple[int, int]]


def _read_zip(path: Path) -> tuple[object, Places]:
    """What is in PyTorch's zip archive, whose entries lie uncompressed in the file."""
    with zipfile.ZipFile(path) as archive, path.open("rb") as file:
        entries = {entry.filename: entry for entry in archive.infolist()}
        main = next((entry for name, entry in entries.items() if name.endswith("data.pkl")), None)
        if main is None:
            raise ValueError("no data.pkl inside")
        if main.file_size > MAX_PICKLE_BYTES:
            raise ValueError(f"a pickle of {main.file_size:,} bytes")
        folder = main.filename.removesuffix("data.pkl")
        if f"{folder}byteorder" in entries and archive.read(f"{folder}byteorder") != b"little":
            raise ValueError("written on a machine with another order of bytes")
        places = {
            name.removeprefix(f"{folder}data/"): (_start_of(file, entry), entry.file_size)
            for name, entry in entries.items()
            if name.startswith(f"{folder}data/") and entry.compress_type == zipfile.ZIP_STORED
        }
        return _NamesAndShapes(io.BytesIO(archive.read(main)), path).load(), places


def _start_of(file: Any, entry: zipfile.ZipInfo) -> int:
    """Where an entry's bytes begin: behind its local header of 30 bytes, its name and its extra field."""
    file.seek(entry.header_offset + 26)
    name, extra = struct.unpack("<HH", file.read(4))
    return int(entry.header_offset + 30 + name + extra)


def _read_old(path: Path) -> tuple[object, Places]:
    """What is in the format from before the zip archive: five pickles, then each storage behind its length."""
    with path.open("rb") as file:
        start = io.BytesIO(file.read(MAX_PICKLE_BYTES))
        magic = _NamesAndShapes(start, path).load()
        if magic != OLD_MAGIC:
            return magic, {}
        for _ in ("protocol", "system"):
            _NamesAndShapes(start, path).load()
        content = _NamesAndShapes(start, path).load()
        keys = _NamesAndShapes(start, path).load()
        position = start.tell()
        bytes_per_key = _storage_item_bytes(content)
        places = {}
        for key in map(str, keys):
            file.seek(position)
            (elements,) = struct.unpack("<q", file.read(8))
            length = elements * bytes_per_key.get(key, 0)
            places[key] = (position + 8, length)
            position += 8 + length
        if position != path.stat().st_size:
            raise ValueError(f"{path.stat().st_size:,} bytes instead of {position:,}")
        return content, places


def _storage_item_bytes(content: object) -> dict[str, int]:
    found: dict[str, _Tensor] = {}
    _collect(content, "", found, MAX_DEPTH)
    return {tensor.storage.key: ITEM_BYTES[tensor.storage.dtype] for tensor in found.values()}


def _locate(tensor: _Tensor, places: Places) -> StoredTensor:
    """Where a tensor's numbers are. Raises: ValueError when they are not all in the file."""
    width = ITEM_BYTES[tensor.storage.dtype]
    if tensor.offset < 0 or min((*tensor.shape, *tensor.strides), default=0) < 0:
        raise ValueError("a tensor with a negative side")
    if tensor.storage.key not in places:
        raise ValueError("a tensor without its numbers")
    start, length = places[tensor.storage.key]
    stored = StoredTensor(tensor.shape, tensor.storage.dtype, start + tensor.offset * width, tensor.strides)
    if tensor.offset * width + stored.span > length:
        raise ValueError("a tensor longer than its numbers")
    return stored


def _collect(content: object, prefix: str, found: dict[str, _Tensor], depth: int) -> None:
    if isinstance(content, _Tensor):
        found[prefix] = content
    elif isinstance(content, dict) and depth:
        for name, value in content.items():
            _collect(value, f"{prefix}.{name}" if prefix else str(name), found, depth - 1)
