"""What a training made, kept in the workspace where prompts and model lists find it, with its card."""

import secrets
from collections.abc import Generator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias

from colabsd.artifacts import Adapter, AdapterFile
from colabsd.engine.engine import Engine
from colabsd.library.adapters import (
    EMBEDDINGS,
    LORAS,
    MODEL_CARD,
    KeptAdapter,
    card_bytes,
    file_stem,
    free_ending,
)
from colabsd.models.cache import WeightCache
from colabsd.models.digests import digest_file
from colabsd.models.shelf import TRAINED, UNFINISHED, KeptFile, KeptModel, throw_away
from colabsd.progress import Note, Progress
from colabsd.storage.failures import storage_errors
from colabsd.storage.names import new_token
from colabsd.storage.publish import publish_into
from colabsd.storage.workspace import Workspace
from colabsd.training.export.files import ENDING, Form, embedding_file, lora_file
from colabsd.training.export.single_file import export_trained_model
from colabsd.training.results import Trained

Events: TypeAlias = Generator[Progress | Note, None, KeptAdapter]


def keep_trained(
    cache: WeightCache,
    trained: Trained,
    adapter: Adapter,
    engine: Engine,
    *,
    form: Form = "kohya",
    half: bool = True,
) -> Events:
    """Write all files of a training into the cache's workspace, each read again and compared, and its card with them.

    `engine` is the base model, loaded; its weights are as before afterwards. `form` is a LoRA's layout. In fp16, or
    with `half` False in fp32. A name that was used before gets -2. On Drive a LoRA and words are on their way there
    when this returns; a whole model was copied. Raises: ExportError, StorageError, and the errors of the base model's
    files.
    """
    named = _named(cache.workspace, trained, adapter)
    if named.adapter.name != adapter.name:
        yield Note("note.trained.named", {"asked": adapter.name, "name": named.adapter.name})
    if trained.networks:
        kept = yield from _keep_model(cache, trained, named.adapter, engine, half)
    else:
        kept = yield from _keep_files(cache.workspace, named, engine, form, half)
    files = ", ".join(file.place for file in kept.card.files)
    yield Note("note.trained.kept", {"name": kept.name, "files": files})
    return kept


@dataclass(frozen=True)
class _Named:
    """What was trained under names that nobody has yet; `stems` are its files' places by what they are for."""

    trained: Trained
    adapter: Adapter
    stems: Mapping[str, str]


def _named(workspace: Workspace, trained: Trained, adapter: Adapter) -> _Named:
    """New words change with the name, so that a prompt can tell them from those that have their names already."""
    name = file_stem(adapter.name)
    if trained.networks:
        stems = {"model": f"models/{name}"}
    else:
        stems = {"lora": f"{LORAS}/{name}"} if trained.lora else {}
        stems |= {word: f"{EMBEDDINGS}/{file_stem(word)}" for word in trained.words}
    ending = free_ending(workspace, list(stems.values()))
    words = {word: word + ending for word in trained.words}
    phrase = adapter.phrase
    for word, now in words.items():
        phrase = phrase.replace(word, now)
    renamed = replace(adapter, name=name + ending, phrase=phrase, words=tuple(words.values()))
    vectors = {words[word]: vectors for word, vectors in trained.words.items()}
    return _Named(
        replace(trained, words=vectors), renamed, {words.get(kind, kind): stem + ending for kind, stem in stems.items()}
    )


def _keep_files(workspace: Workspace, named: _Named, engine: Engine, form: Form, half: bool) -> Events:
    """A LoRA and words: one file each, through the outbox on Drive, and the card beside the first."""
    trained, adapter, scratch = named.trained, named.adapter, workspace.scratch
    workspace.prepare_to_keep()
    with storage_errors(scratch):
        scratch.mkdir(parents=True, exist_ok=True)
    data: dict[str, tuple[str, bytes]] = {}
    if trained.lora:
        made = yield from lora_file(trained, adapter, engine, scratch, form=form, half=half)
        data[named.stems["lora"]] = form, made
    for word in trained.words:
        made = yield from embedding_file(word, trained, adapter, engine, scratch)
        data[named.stems[word]] = "embedding", made
    files: list[AdapterFile] = []
    paths: list[Path] = []
    for stem, (layout, content) in data.items():
        yield Progress(stage="save", done=len(files), total=len(data))
        published = _publish(workspace, content, stem + ENDING)
        files.append(AdapterFile(place=stem + ENDING, form=layout, sha256=published[1], bytes=len(content)))
        paths.append(published[0])
    card = replace(adapter, files=tuple(files))
    _publish(workspace, card_bytes(card), f"{next(iter(data))}.json")
    return KeptAdapter(card.name, paths[0], card)


def _publish(workspace: Workspace, content: bytes, place: str) -> tuple[Path, str]:
    """Into the workspace at that place, which is free. Its path and sha256."""
    path = workspace.root / place
    if not workspace.remote:
        with storage_errors(path):
            path.parent.parent.mkdir(exist_ok=True)
    published = publish_into(workspace, content, path.parent, [path.name])
    return published.path, published.sha256


def _keep_model(cache: WeightCache, trained: Trained, adapter: Adapter, engine: Engine, half: bool) -> Events:
    """A model that was trained as a whole: a kept model of the cache, its card among its files."""
    cache.prepare()
    scratch = cache.home / UNFINISHED / f"{adapter.name}@{new_token(secrets.token_bytes)}"
    name = adapter.name + ENDING
    with storage_errors(scratch):
        scratch.mkdir(parents=True)
        try:
            yield from export_trained_model(trained, engine.card, scratch / name, half=half)
            place = f"models/{adapter.name}/{name}"
            size, sha256 = (scratch / name).stat().st_size, digest_file(scratch / name)
            card = replace(adapter, files=(AdapterFile(place=place, form="model", sha256=sha256, bytes=size),))
            (scratch / MODEL_CARD).write_bytes(card_bytes(card))
            digest = digest_file(scratch / MODEL_CARD)
            files = (
                KeptFile(name, size, sha256, "here"),
                KeptFile(MODEL_CARD, (scratch / MODEL_CARD).stat().st_size, digest, "here"),
            )
            kept = KeptModel(
                folder=cache.home / adapter.name,
                name=adapter.name,
                source=TRAINED + adapter.name,
                revision="",
                commit="",
                files=files,
                kept=cache.clock(),
            )
            kept = yield from cache.adopt(scratch, kept)
        finally:
            if scratch.exists():
                throw_away(scratch)
    return KeptAdapter(card.name, kept.folder / name, card)
