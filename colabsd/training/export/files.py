"""Adapters as files: made, written to a scratch file, read again by the engine and compared; only then they count."""

import json
import secrets
from collections.abc import Callable, Generator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias, get_args

import torch
from torch import Tensor

from colabsd.artifacts import Adapter, LoraForm
from colabsd.engine.engine import Engine
from colabsd.errors import (
    DamagedEmbeddingError,
    DamagedLoraError,
    DamagedWeightsError,
    ExportError,
    LoraMismatchError,
    StorageError,
    UsageError,
)
from colabsd.progress import Progress
from colabsd.storage.failures import storage_errors
from colabsd.storage.names import new_token
from colabsd.storage.publish import Published, publish
from colabsd.training.export.comparison import check_lora, check_words
from colabsd.training.export.diffusers_lora import diffusers_lora
from colabsd.training.export.embeddings import embedding
from colabsd.training.export.kohya_lora import kohya_lora
from colabsd.training.export.tensor_bytes import content_digest, to_safetensors
from colabsd.training.results import Trained

Form: TypeAlias = LoraForm
FORMS: tuple[Form, ...] = get_args(LoraForm)
CARD = "colabsd.adapter"  # the text of a file that holds its adapter's card
ENDING = ".safetensors"
UNREADABLE = (DamagedWeightsError, DamagedLoraError, DamagedEmbeddingError, LoraMismatchError)
Check: TypeAlias = Callable[[Path], Generator[Progress, None, None]]
Bytes: TypeAlias = Generator[Progress, None, bytes]


def lora_file(
    trained: Trained, adapter: Adapter, engine: Engine, scratch: Path, *, form: Form = "kohya", half: bool = True
) -> Bytes:
    """The bytes of a LoRA's file, in fp16 or with `half` False in fp32, read again from `scratch` and compared.

    `engine` is the adapter's base model, loaded; its weights are as before afterwards. The file carries the adapter's
    card. Raises: ExportError when it does not do what was trained, StorageError.
    """
    assert trained.lora, "there is a LoRA to write"
    merge = engine.adaptation.merge
    assert merge is not None, "the model's files are here"
    if form == "kohya":
        tensors, texts = kohya_lora(trained.lora, adapter, merge.parts.tensors("unet"))
        tensors = {
            name: tensor if name.endswith(".alpha") else _rounded(tensor, half) for name, tensor in tensors.items()
        }
        texts["sshs_model_hash"] = content_digest(tensors)
    else:
        tensors, texts = diffusers_lora(trained.lora)
        tensors = {name: _rounded(tensor, half) for name, tensor in tensors.items()}
    data = to_safetensors(tensors, texts | _card(adapter))
    yield from checked(data, adapter.name, scratch, lambda path: check_lora(path, trained.lora, engine, half))
    return data


def embedding_file(word: str, trained: Trained, adapter: Adapter, engine: Engine, scratch: Path) -> Bytes:
    """The bytes of the file of one new word, in fp32, read again from `scratch` and compared.

    Raises: ExportError, StorageError.
    """
    vectors = trained.words[word]

    def check(path: Path) -> Generator[Progress, None, None]:
        yield Progress(stage="check", done=0, total=1)
        check_words(path, vectors, engine)

    tensors, texts = embedding(word, [_rounded(vector, half=False) for vector in vectors], adapter)
    data = to_safetensors(tensors, texts | _card(adapter))
    yield from checked(data, word, scratch, check)
    return data


def checked(data: bytes, name: str, scratch: Path, check: Check) -> Generator[Progress, None, None]:
    """Write bytes into the folder `scratch`, have `check` look at the file, and remove it.

    Raises: StorageError, what `check` raises, and ExportError where the file cannot even be read.
    """
    folder = scratch / f"export-{new_token(secrets.token_bytes)}"
    path = folder / f"{name}{ENDING}"
    with storage_errors(path):
        folder.mkdir(parents=True)
        try:
            path.write_bytes(data)
            yield from check(path)
        except UNREADABLE as error:
            place = error.facts.get("name") or error.facts.get("module") or "header"
            raise ExportError(name=name, place=place, difference=1) from error
        finally:
            with suppress(OSError):
                path.unlink(missing_ok=True)
                folder.rmdir()


def put(data: bytes, path: Path) -> Published:
    """Give bytes that were checked their name, anywhere on the disk. Raises: UsageError for another ending than
    .safetensors, StorageError when the name is taken."""
    if path.suffix.casefold() != ENDING:
        raise UsageError("error.export.ending", path=path)
    if path.exists():
        raise StorageError("error.storage.name_taken", path=path)
    return publish(data, path.parent, [path.name], path.parent)


def _rounded(tensor: Tensor, half: bool) -> Tensor:
    return tensor.detach().to("cpu", torch.float16 if half else torch.float32)


def _card(adapter: Adapter) -> dict[str, str]:
    """The card without its files: a file cannot tell its own digest."""
    card = replace(adapter, files=()).as_json()
    return {CARD: json.dumps(card, ensure_ascii=False, sort_keys=True)}
