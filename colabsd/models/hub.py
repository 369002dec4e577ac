"""The one module that meets the network: models from the Hugging Face hub into its cache on the local disk."""

import queue
import threading
from collections.abc import Callable, Generator, Mapping, Sequence
from pathlib import Path
from typing import Any

from colabsd.errors import DownloadError, MissingWeightsError, UnknownModelError
from colabsd.models.folders import CONFIG_FILES, PARTS, TOKENIZER_FILES, WEIGHT_ENDINGS, WEIGHT_STEMS, model_files
from colabsd.progress import Progress

POLL_S = 0.2


def looks_like_id(name: str) -> bool:
    """Whether a name has the form of a hub id, `owner/name`."""
    owner, slash, rest = name.partition("/")
    return bool(owner and slash and rest) and "/" not in rest and not name.startswith((".", "~", "/"))


def choose_files(names: Sequence[str]) -> tuple[str, ...]:
    """The files of a diffusers repository that drawing needs: fp16 safetensors where there are any.

    Raises: KeyError with the part that has no weights.
    """
    chosen = [name for name in (*CONFIG_FILES, *TOKENIZER_FILES, "model_index.json") if name in names]
    for part in PARTS:
        stems = (WEIGHT_STEMS[part], "pytorch_model") if part == "text_encoder" else (WEIGHT_STEMS[part],)
        candidates = [f"{part}/{stem}{ending}" for ending in WEIGHT_ENDINGS for stem in stems]
        chosen.append(next((name for name in candidates if name in names), ""))
        if not chosen[-1]:
            raise KeyError(part)
    return tuple(chosen)


def download_model(model_id: str) -> Generator[Progress, None, Path]:
    """The folder of a hub model in the local cache, downloading what is missing, with Progress in bytes.

    The endpoint, the cache's place and the token are those of huggingface_hub (`HF_ENDPOINT`, `HF_HOME`, `HF_TOKEN`).
    Closing the generator stops waiting; files already whole stay in the cache.
    Raises: UnknownModelError, DownloadError.
    """
    import huggingface_hub

    try:
        names = [entry.rfilename for entry in huggingface_hub.HfApi().model_info(model_id).siblings or ()]
        wanted = choose_files(names)
    except KeyError as error:
        raise DownloadError("error.download.no_weights", name=model_id, part=error.args[0]) from error
    except Exception as error:
        cached = _cached_folder(model_id)
        if cached is None:
            raise _explain(model_id, error) from error
        return cached
    yield Progress(stage="download", done=0, total=0)
    reports: queue.Queue[tuple[int, int]] = queue.Queue()
    outcome: list[Path | Exception] = []

    def fetch() -> None:
        try:
            folder = huggingface_hub.snapshot_download(
                model_id, allow_patterns=list(wanted), tqdm_class=_reporting_bar(reports.put)
            )
            outcome.append(Path(folder))
        except Exception as error:
            outcome.append(error)

    thread = threading.Thread(target=fetch, name="colabsd-download", daemon=True)
    thread.start()
    while thread.is_alive() or not reports.empty():
        try:
            done, total = reports.get(timeout=POLL_S)
        except queue.Empty:
            continue
        yield Progress(stage="download", done=done, total=total)
    if isinstance(outcome[0], Exception):
        raise _explain(model_id, outcome[0]) from outcome[0]
    return outcome[0]


def _cached_folder(model_id: str) -> Path | None:
    """What an earlier download left, when it is whole: for working without a network."""
    import huggingface_hub

    index = huggingface_hub.try_to_load_from_cache(model_id, "model_index.json")
    if not isinstance(index, str):
        return None
    try:
        model_files(Path(index).parent)
    except MissingWeightsError:
        return None
    return Path(index).parent


def _reporting_bar(report: Callable[[tuple[int, int]], None]) -> type:
    """A tqdm class that reports bytes instead of drawing; bars that count files stay silent."""
    from tqdm.auto import tqdm  # type: ignore[import-untyped]

    class ReportingBar(tqdm):  # type: ignore[misc]
        def __init__(self, *args: Any, **options: Any) -> None:
            options["disable"] = False
            self.counts_bytes = options.get("unit") == "B"
            super().__init__(*args, **options)

        def display(self, *_args: Any, **_options: Any) -> None:
            """Draw nothing."""

        def update(self, n: float | None = 1) -> bool | None:
            super().update(n)
            if self.counts_bytes:
                report((int(self.n), int(self.total or 0)))
            return None

    return ReportingBar


def _explain(model_id: str, error: Exception) -> Exception:
    """The hub's error as one of ours; never with a token or an address that carries one."""
    names = {name.__name__ for name in type(error).__mro__}
    sentences: Mapping[str, str] = {
        "GatedRepoError": "error.download.gated",
        "LocalEntryNotFoundError": "error.download.offline",
        "OfflineModeIsEnabled": "error.download.offline",
        "ConnectError": "error.download.offline",
        "ConnectionError": "error.download.offline",
        "TimeoutException": "error.download.offline",
    }
    if "GatedRepoError" not in names and names & {"RepositoryNotFoundError", "HFValidationError"}:
        return UnknownModelError("error.download.unknown_id", name=model_id)
    if isinstance(error, OSError) and error.errno == 28:
        return DownloadError("error.download.disk_full", name=model_id)
    key = next((sentences[name] for name in sentences if name in names), "error.download")
    return DownloadError(key, name=model_id, reason=type(error).__name__)
