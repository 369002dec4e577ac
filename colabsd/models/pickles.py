"""Looking into PyTorch checkpoints without running them: names and shapes of tensors, and what a hostile one wants.

A pickle is a program. This reader executes it on a machine that knows a dozen harmless words and builds no tensors;
any other word ends it with UnsafePickleError.
"""

import collections
import io
import pickle
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from colabsd.errors import ColabsdError, DamagedWeightsError, MissingWeightsError, UnsafePickleError

MAX_PICKLE_BYTES = 64 * 2**20
STORAGES = frozenset(
    f"{kind}Storage" for kind in ("Float", "Half", "BFloat16", "Double", "Long", "Int", "Bool", "Byte")
)
MAX_DEPTH = 12

Shape = tuple[int, ...]


class _Tensor:
    """Stands where a tensor would be."""

    def __init__(self, shape: Shape) -> None:
        self.shape = shape


def _tensor(_storage: object, _offset: object, size: Any, *_rest: object) -> _Tensor:
    return _Tensor(tuple(int(side) for side in size))


def _parameter(data: Any, *_rest: object) -> Any:
    return data


def _nothing(*_arguments: object) -> None:
    return None


HARMLESS: Mapping[tuple[str, str], Callable[..., Any]] = {
    ("collections", "OrderedDict"): collections.OrderedDict,
    ("torch._utils", "_rebuild_tensor_v2"): _tensor,
    ("torch._utils", "_rebuild_tensor"): _tensor,
    ("torch._utils", "_rebuild_parameter"): _parameter,
    ("torch", "Size"): tuple,
    ("torch", "device"): _nothing,
    ("_codecs", "encode"): _nothing,
    ("numpy.core.multiarray", "scalar"): _nothing,
    ("numpy", "dtype"): _nothing,
}


class _NamesAndShapes(pickle.Unpickler):
    """An unpickler that can build nothing but containers and stand-ins."""

    def __init__(self, file: io.BytesIO, path: Path) -> None:
        super().__init__(file)
        self.path = path

    def find_class(self, module: str, name: str) -> Any:
        if module == "torch" and name in STORAGES:
            return _nothing
        try:
            return HARMLESS[module, name]
        except KeyError:
            raise UnsafePickleError(path=self.path, wants=f"{module}.{name}"[:80]) from None

    def persistent_load(self, pid: Any) -> None:
        """Tensors' data lie beside the pickle; nobody reads them here."""


def read_shapes(path: Path) -> Mapping[str, Shape]:
    """Names and shapes of a checkpoint's tensors (`.ckpt`, `.pt`, `.bin` in PyTorch's zip format), nothing run.

    Nested dictionaries ("state_dict") are joined by dots. Raises: MissingWeightsError, DamagedWeightsError,
    UnsafePickleError.
    """
    try:
        content = _NamesAndShapes(io.BytesIO(_pickle_of(path)), path).load()
    except ColabsdError:
        raise
    except Exception as error:  # a broken pickle can raise anything
        raise DamagedWeightsError(path=path, reason=type(error).__name__) from error
    shapes: dict[str, Shape] = {}
    _collect(content, "", shapes, MAX_DEPTH)
    return shapes


def _pickle_of(path: Path) -> bytes:
    """The pickle inside PyTorch's zip archive, or the file itself in the older format."""
    try:
        with zipfile.ZipFile(path) as archive:
            entry = next(entry for entry in archive.infolist() if entry.filename.endswith("data.pkl"))
            if entry.file_size > MAX_PICKLE_BYTES:
                raise DamagedWeightsError(path=path, reason=f"a pickle of {entry.file_size:,} bytes")
            return archive.read(entry)
    except FileNotFoundError:
        raise MissingWeightsError(path=path) from None
    except StopIteration:
        raise DamagedWeightsError(path=path, reason="no data.pkl inside") from None
    except zipfile.BadZipFile:
        with path.open("rb") as file:
            return file.read(MAX_PICKLE_BYTES)
    except OSError as error:
        raise DamagedWeightsError(path=path, reason=error) from error


def _collect(content: object, prefix: str, shapes: dict[str, Shape], depth: int) -> None:
    if isinstance(content, _Tensor):
        shapes[prefix] = content.shape
    elif isinstance(content, dict) and depth:
        for name, value in content.items():
            _collect(value, f"{prefix}.{name}" if prefix else str(name), shapes, depth - 1)
