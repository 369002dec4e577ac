"""LoRAs, textual inversions and autoencoders: where they are for one request, and brought where they are not here."""

from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from colabsd.errors import LoraMismatchError, UnknownLoraError, UnknownVaeError
from colabsd.models.adapters import AdapterFolders, digest_of_autoencoder
from colabsd.models.cache import WeightCache
from colabsd.models.cards import Family, ModelCard
from colabsd.models.hub_places import read_place
from colabsd.models.lora_files import FAMILY_NAMES
from colabsd.models.remotes import Remote, find_remote
from colabsd.models.starter import NAME as STARTER
from colabsd.planning.images import with_autoencoder
from colabsd.planning.plans import Drawing, ImagePlan
from colabsd.planning.prompts import split_lora
from colabsd.progress import Note, Progress
from colabsd.settings.images import ImageSettings

SHOWN_DIGITS = 12

Settings = TypeVar("Settings", bound=ImageSettings)


def adapter_folders(cache: WeightCache, asked: Iterable[str]) -> AdapterFolders:
    """The folders of a workspace, and the LoRAs that were asked for by their paths or their places on the hub.

    Raises: UnknownLoraError for a path where nothing is.
    """
    paths: list[Path] = []
    remotes: list[Remote] = []
    for name in (split_lora(text)[0] for text in asked):
        path = Path(name).expanduser()
        remote = None if "/" not in name or path.is_file() else find_remote(name, "adapter")
        if remote is not None:
            remotes.append(remote)
        elif "/" in name:
            if not path.is_file():
                raise UnknownLoraError("error.lora.no_file", path=path)
            paths.append(path)
    *near, root = cache.workspace.places("models")
    return AdapterFolders(root, cache.memory, paths, remotes, cache.home, near)


def missing_adapters(drawings: Sequence[Drawing], vae: str | None, folders: AdapterFolders) -> Iterator[Remote]:
    """What drawings need of the catalog or the hub and is not here yet, each thing once."""
    loras = {use.name: None for drawing in drawings for use in drawing.loras}
    embeddings = {use.name: None for drawing in drawings for use in drawing.embeddings}
    found = [folders.loras.promised.get(name) for name in loras]
    found += [folders.embeddings.promised.get(name) for name in embeddings]
    found += [folders.remote_vae(vae) if vae else None]
    yield from {remote.wanted.folder: remote for remote in found if remote is not None}.values()


def check_families(drawings: Sequence[Drawing], family: Family, folders: AdapterFolders) -> None:
    """Raises: LoraMismatchError for LoRAs and textual inversions of the catalog that are of another family."""
    for remote in missing_adapters(drawings, None, folders):
        if remote.families and family not in remote.families:
            made_for = ", ".join(FAMILY_NAMES[one] for one in remote.families)
            facts = {"name": remote.word, "made_for": made_for, "family": FAMILY_NAMES[family]}
            raise LoraMismatchError("error.lora.family", **facts)


def bring_adapters(
    drawings: Sequence[Drawing], vae: str | None, folders: AdapterFolders, cache: WeightCache
) -> Generator[Progress | Note, None, bool]:
    """Bring what is missing, each forecast before; whether anything came. Raises: as `WeightCache.bring`."""
    missing = list(missing_adapters(drawings, vae, folders))
    for remote in missing:
        yield from cache.bring(remote.wanted)
    return bool(missing)


def with_whole_paths(settings: Settings, card: ModelCard) -> Settings:
    """The settings with the paths of a model, of LoRAs and of an autoencoder from the root on, addresses as places.

    So they are found again from anywhere.
    """
    model, vae = settings.model, settings.vae
    if (card.folder or card.file) is not None and card.name != STARTER:
        model = card.source
    elif model is not None and "://" in model:
        model = card.name
    if vae is not None and Path(vae).expanduser().exists():
        vae = str(Path(vae).expanduser().resolve())
    elif vae is not None:
        vae = str(read_place(vae) or vae)
    return replace(settings, model=model, lora=tuple(map(_whole, settings.lora or ())) or None, vae=vae)


def _whole(text: str) -> str:
    name, *weights = split_lora(text)
    path = Path(name).expanduser()
    place = read_place(name) if "/" in name else None
    return ":".join((str(path.resolve()) if path.is_file() else str(place or name), *weights))


def plan_autoencoder(plan: ImagePlan, settings: ImageSettings, folders: AdapterFolders) -> ImagePlan:
    """The plan with the autoencoder that was asked for; of one that is still to come, with what is known of its digest.

    Raises: UnknownVaeError, MissingWeightsError.
    """
    if settings.vae is None:
        return plan
    remote = folders.remote_vae(settings.vae)
    if remote is not None:
        return with_autoencoder(plan, remote.word, remote.sha256)
    path = folders.vae_path(settings.vae)
    remote = find_remote(settings.vae, "autoencoder")
    name = remote.word if remote is not None and remote.path(folders.home) == path else path.stem
    return with_autoencoder(plan, name, digest_of_autoencoder(path, folders.memory))


def autoencoder_of(drawing: Drawing, settings: Mapping[str, Any], folders: AdapterFolders) -> Path | None:
    """The file or folder of a drawing's autoencoder; None is the model's own. Raises: UnknownVaeError."""
    if not drawing.vae_sha256:
        return None
    path = folders.vae_path(str(settings.get("vae") or drawing.vae))
    if digest_of_autoencoder(path, folders.memory) != drawing.vae_sha256:
        sha256 = drawing.vae_sha256[:SHOWN_DIGITS]
        raise UnknownVaeError("error.vae.changed", name=drawing.vae, sha256=sha256, path=path)
    return path
