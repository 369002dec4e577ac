"""A model written as one file for other programs: brought, written, read back."""

from collections.abc import Generator
from pathlib import Path

from colabsd.models.cache import WeightCache
from colabsd.models.registry import bring_model, find_model
from colabsd.progress import Note, Progress
from colabsd.studio.adapters import adapter_folders, bring_adapters


def export_model(
    name: str, path: Path, cache: WeightCache, *, half: bool = False, vae: str | None = None
) -> Generator[Progress | Note, None, Path]:
    """Write the model of a name to `path`; with `half` in fp16, with `vae` with another autoencoder.

    Raises: UnknownModelError, UnknownVaeError, UsageError, StorageError, and the errors of the model's files.
    """
    from colabsd.engine.model_parts import open_parts
    from colabsd.engine.single_file_export import export_single_file

    folders = adapter_folders(cache, ())
    known = find_model(name, cache)
    yield from bring_adapters((), vae, folders, cache)
    autoencoder = None if vae is None else folders.vae_path(vae)
    card = yield from bring_model(known, cache)
    return (yield from export_single_file(open_parts(card, autoencoder), card, path, half=half))
