"""LoRAs, textual inversions and autoencoders of a workspace: where they are for one request."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from colabsd.errors import UnknownLoraError, UnknownVaeError
from colabsd.models.adapters import AdapterFolders, digest_of_autoencoder
from colabsd.models.cards import ModelCard
from colabsd.models.starter import NAME as STARTER
from colabsd.planning.images import with_autoencoder
from colabsd.planning.plans import Drawing, ImagePlan
from colabsd.planning.prompts import split_lora
from colabsd.settings.images import ImageSettings
from colabsd.storage.workspace import Workspace

SHOWN_DIGITS = 12

Settings = TypeVar("Settings", bound=ImageSettings)


def adapter_folders(workspace: Workspace, memory: Path | None, asked: Iterable[str]) -> AdapterFolders:
    """The folders of a workspace, and the LoRAs that were asked for by their paths.

    Raises: UnknownLoraError for a path where nothing is.
    """
    paths = [Path(name).expanduser() for name in (split_lora(text)[0] for text in asked) if "/" in name]
    for path in paths:
        if not path.is_file():
            raise UnknownLoraError("error.lora.no_file", path=path)
    return AdapterFolders(workspace.root / "models", memory, paths)


def with_whole_paths(settings: Settings, card: ModelCard) -> Settings:
    """The settings with the paths of a model, of LoRAs and of an autoencoder from the root on.

    So they are found again from anywhere.
    """
    model, vae = settings.model, settings.vae
    if (card.folder or card.file) is not None and card.name != STARTER:
        model = card.source
    if vae is not None and Path(vae).expanduser().exists():
        vae = str(Path(vae).expanduser().resolve())
    return replace(settings, model=model, lora=tuple(map(_whole, settings.lora or ())) or None, vae=vae)


def _whole(text: str) -> str:
    name, *weights = split_lora(text)
    path = Path(name).expanduser()
    return ":".join((str(path.resolve()) if path.is_file() else name, *weights))


def plan_autoencoder(plan: ImagePlan, settings: ImageSettings, folders: AdapterFolders) -> ImagePlan:
    """The plan with the autoencoder that was asked for. Raises: UnknownVaeError, MissingWeightsError."""
    if settings.vae is None:
        return plan
    path = folders.vae_path(settings.vae)
    return with_autoencoder(plan, path.stem, digest_of_autoencoder(path, folders.memory))


def autoencoder_of(drawing: Drawing, settings: Mapping[str, Any], folders: AdapterFolders) -> Path | None:
    """The file or folder of a drawing's autoencoder; None is the model's own. Raises: UnknownVaeError."""
    if not drawing.vae_sha256:
        return None
    path = folders.vae_path(str(settings.get("vae") or drawing.vae))
    if digest_of_autoencoder(path, folders.memory) != drawing.vae_sha256:
        sha256 = drawing.vae_sha256[:SHOWN_DIGITS]
        raise UnknownVaeError("error.vae.changed", name=drawing.vae, sha256=sha256, path=path)
    return path
