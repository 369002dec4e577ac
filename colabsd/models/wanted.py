"""Which files of a repository a model needs: those, and nothing else. Knows names only."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import PurePosixPath

from colabsd.errors import DownloadError
from colabsd.models.cards import HubFile
from colabsd.models.tensor_headers import WEIGHT_FILES

WEIGHTS = {
    "unet": ("diffusion_pytorch_model",),
    "text_encoder": ("model", "pytorch_model"),
    "text_encoder_2": ("model", "pytorch_model"),
    "vae": ("diffusion_pytorch_model",),
}
ALWAYS = ("unet", "text_encoder", "vae")  # the others where a repository has them
ENDINGS = (".fp16.safetensors", ".safetensors", ".fp16.bin", ".bin")  # the best first: half the bytes, and no code
MOST_SHOWN = 8
SMALL_FILES = (
    "model_index.json",
    "scheduler/scheduler_config.json",
    *(f"{part}/config.json" for part in WEIGHTS),
    *(f"{part}/{name}" for part in ("tokenizer", "tokenizer_2") for name in ("vocab.json", "merges.txt")),
    *(f"{part}/tokenizer_config.json" for part in ("tokenizer", "tokenizer_2")),
)


def choose_files(source: str, names: Collection[str]) -> tuple[str, ...]:
    """The files of a diffusers repository that drawing needs: fp16 safetensors where there are any.

    Safety checkers, full-size copies, other programs' formats and single-file checkpoints stay where they are.
    Raises: DownloadError with the part that has no weights, or with the files of weights that there are instead.
    """
    if not any(name.partition("/")[0] in ALWAYS for name in names):
        files = weights_among(names)
        key = "error.download.single_files" if files else "error.download.nothing"
        shown = ", ".join(files[:MOST_SHOWN]) + (" …" if len(files) > MOST_SHOWN else "")
        raise DownloadError(key, name=source, files=shown, example=f"{source}/{files[0]}" if files else "")
    parts = [part for part in WEIGHTS if part in ALWAYS or f"{part}/config.json" in names]
    return (*(name for name in SMALL_FILES if name in names), *(_weight_file(source, part, names) for part in parts))


def weights_among(names: Collection[str]) -> list[str]:
    """The files of weights that a repository has, those in its root and safetensors first."""
    order = {ending: place for place, ending in enumerate(WEIGHT_FILES)}
    files = [name for name in names if PurePosixPath(name).suffix.casefold() in order]
    return sorted(files, key=lambda name: (name.count("/"), order[PurePosixPath(name).suffix.casefold()], name))


def _weight_file(source: str, part: str, names: Collection[str]) -> str:
    candidates = (f"{part}/{stem}{ending}" for ending in ENDINGS for stem in WEIGHTS[part])
    found = next((name for name in candidates if name in names), None)
    if found is None:
        raise DownloadError("error.download.no_weights", name=source, part=part)
    return found


def wanted_files(
    source: str, there: Sequence[HubFile], known: Sequence[HubFile], *, only_known: bool
) -> tuple[HubFile, ...]:
    """The files to bring: those that a card names (`only_known`), else what a diffusers folder needs.

    A digest that the card knows goes before the repository's own. Raises: DownloadError when a file is not there.
    """
    by_name = {file.name: file for file in there}
    names = [file.name for file in known] if only_known else choose_files(source, by_name)
    missing = next((name for name in names if name not in by_name), None)
    if missing:
        files = weights_among(by_name)
        shown = ", ".join(files[:MOST_SHOWN]) or "–"
        raise DownloadError("error.download.file_missing", name=source, file=missing, files=shown)
    digests = {file.name: file.sha256 for file in known if file.sha256}
    return tuple(replace(by_name[name], sha256=digests.get(name, by_name[name].sha256)) for name in names)
