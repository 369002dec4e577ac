"""The one module that meets the network: what a repository of the Hugging Face hub holds, and its files. Keeps nothing.

The client is huggingface_hub's own; the endpoint and the token are those that it finds (`HF_ENDPOINT`, `HF_TOKEN`).
Files are continued where they were cut off, also by a killed process, which that client's own downloads are not.
"""

import io
import logging
import queue
import threading
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, BinaryIO, Literal, TypeVar, cast

from colabsd.models.cards import HubFile
from colabsd.models.hub_failures import explain, passes
from colabsd.progress import Progress

POLL_S = 0.2
RELEASES = "github.com/"
WAITS_S = (1.0, 3.0, 10.0, 30.0)
DIGITS = frozenset("0123456789abcdef")
Report = Callable[[int, int], None]
T = TypeVar("T")


class Stopped(Exception):
    """Nobody waits for a download any more."""


@dataclass(frozen=True)
class Listing:
    """A repository at one commit: its id, and every file in it."""

    source: str
    commit: str
    files: tuple[HubFile, ...]


@dataclass(frozen=True, kw_only=True)
class Hub:
    """The hub, asked with patience: what passes (a cut connection, 429, 5xx) is tried again after each of `waits_s`.

    `endpoint` is its address and `token` the reader's; None leaves each to the client, False is no token. Sources
    `github.com/owner/name` are releases at `releases`.
    """

    endpoint: str | None = None
    token: str | Literal[False] | None = field(default=None, repr=False)
    releases: str = "https://github.com"
    waits_s: Sequence[float] = WAITS_S

    def listing(self, source: str, revision: str = "") -> Generator[Progress, None, Listing]:
        """What a repository holds, at a branch, tag or commit ("" is the newest). One request.

        Raises: UnknownModelError, DownloadError.
        """

        def ask(_report: Report, _stop: threading.Event) -> Listing:
            import huggingface_hub

            info = huggingface_hub.HfApi(self.endpoint, token=self.token).model_info(
                source, revision=revision or None, files_metadata=True
            )
            files = tuple(_hub_file(sibling) for sibling in info.siblings or ())
            return Listing(source, info.sha or revision, files)

        about = {"name": source, "revision": revision or "main", "file": ""}
        return (yield from self._patiently(ask, about, lambda: 0))

    def fetch(self, listing: Listing, file: HubFile, part: Path) -> Generator[Progress, None, HubFile]:
        """Bring a file's bytes into `part`, going on after those that it has; Progress is in bytes of this file.

        Returns the file with what only its own headers told: its size and digest, where the listing had none. Nothing
        is checked but the size. Closing the generator stops; what has arrived stays in `part`.
        Raises: UnknownModelError, DownloadError.
        """

        def bring(report: Report, stop: threading.Event) -> HubFile:
            import huggingface_hub

            if is_release(listing.source):
                place = listing.source.removeprefix(RELEASES)
                url = f"{self.releases}/{place}/releases/download/{listing.commit}/{file.name}"
                _receive(url, "", file.bytes, part, report, stop, False)
                return replace(file, bytes=part.stat().st_size)
            url = huggingface_hub.hf_hub_url(listing.source, file.name, revision=listing.commit, endpoint=self.endpoint)
            facts = huggingface_hub.get_hf_file_metadata(url, token=self.token, endpoint=self.endpoint)
            known = replace(file, bytes=file.bytes or facts.size or 0)
            _receive(facts.location, url, known.bytes, part, report, stop, self.token)
            return replace(known, bytes=part.stat().st_size, **_digest_of(facts.etag or "", known))

        about = {"name": listing.source, "revision": listing.commit, "file": file.name}
        return (yield from self._patiently(bring, about, lambda: size_of(part)))

    def _patiently(
        self, work: Callable[[Report, threading.Event], T], about: Mapping[str, str], arrived: Callable[[], int]
    ) -> Generator[Progress, None, T]:
        """The work's result; after a passing fault again. Each byte that came meanwhile restores the patience."""
        waits, first = list(self.waits_s), arrived()
        while True:
            before = arrived()
            try:
                return (yield from _beside(work))
            except Exception as error:
                if arrived() > before:
                    waits = list(self.waits_s)
                if not (waits and passes(error, arrived() > first)):
                    raise explain(error, {**about, **self._pages(about["name"])}) from error
            yield from _wait(waits.pop(0), arrived())

    def _pages(self, source: str) -> Mapping[str, str]:
        """Pages for people: of a repository, to read and accept its terms; and where tokens are made."""
        from huggingface_hub import constants

        endpoint = self.endpoint or constants.ENDPOINT
        page = f"https://{source}/releases" if is_release(source) else f"{endpoint}/{source}"
        return {"page": page, "tokens": f"{endpoint}/settings/tokens"}


def is_release(source: str) -> bool:
    """Whether a source is the releases of a repository on GitHub."""
    return source.startswith(RELEASES)


def looks_like_id(name: str) -> bool:
    """Whether a name has the form of a hub id, `owner/name`, with or without `@revision`."""
    owner, slash, rest = name.partition("/")
    return bool(owner and slash and rest) and "/" not in rest and not name.startswith((".", "~", "/"))


def size_of(path: Path) -> int:
    """The bytes in a file; 0 when there is none."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _hub_file(sibling: Any) -> HubFile:
    """A file as the hub's list tells it: large files by sha256, small ones by git's own digest."""
    lfs = sibling.lfs or {}
    digest = {"sha256": lfs.get("sha256") or ""} if lfs else {"blob": sibling.blob_id or ""}
    return HubFile(sibling.rfilename, bytes=sibling.size or lfs.get("size") or 0, **digest)


def _digest_of(etag: str, known: HubFile) -> dict[str, str]:
    """What the header ETag tells of a file whose digest the list did not: a sha256, or git's sha1."""
    if known.sha256 or known.blob or not set(etag) <= DIGITS:
        return {}
    return {64: {"sha256": etag}, 40: {"blob": etag}}.get(len(etag), {})


def _receive(
    location: str,
    url: str,
    size: int,
    part: Path,
    report: Report,
    stop: threading.Event,
    token: str | Literal[False] | None,
) -> None:
    """The bytes of `location` into a file, after those that it has; the token goes only where `url`, the hub, is."""
    from urllib.parse import urlsplit

    from huggingface_hub.file_download import http_get
    from huggingface_hub.utils import build_hf_headers  # type: ignore[attr-defined]

    headers = build_hf_headers(token=token)
    if urlsplit(location)[:2] != urlsplit(url)[:2]:
        headers.pop("authorization", None)
    part.parent.mkdir(parents=True, exist_ok=True)
    with part.open("ab") as opened:
        if size and opened.tell() > size:  # cannot be the beginning of this file
            opened.seek(0)
            opened.truncate()
        start = opened.tell()
        report(start, size)
        http_get(
            location,
            cast(BinaryIO, _StoppableFile(opened, stop)),
            resume_size=start,
            headers=headers,
            expected_size=size or None,
            displayed_filename=part.name,
            tqdm_class=_reporting_bar(report),
        )


class _StoppableFile:
    """A file that takes no more bytes once nobody waits for them: a thread that hangs in the network writes no more."""

    def __init__(self, file: BinaryIO, stop: threading.Event) -> None:
        self._file = file
        self._stop = stop

    def write(self, data: bytes) -> int:
        if self._stop.is_set():
            raise Stopped
        return self._file.write(data)

    def tell(self) -> int:
        return self._file.tell()

    def seek(self, offset: int) -> int:
        return self._file.seek(offset)

    def truncate(self) -> int:
        return self._file.truncate()


def _reporting_bar(report: Report) -> type[Any]:
    """A tqdm class that reports its bytes instead of drawing them."""
    from tqdm.auto import tqdm  # type: ignore[import-untyped]

    class ReportingBar(tqdm):  # type: ignore[misc]
        def __init__(self, *args: Any, **options: Any) -> None:
            options.pop("name", None)  # the client's own, which tqdm does not know
            options |= {"disable": False, "file": io.StringIO()}  # a disabled bar counts nothing
            super().__init__(*args, **options)

        def display(self, *_args: Any, **_options: Any) -> None:
            """Draw nothing."""

        def update(self, n: float | None = 1) -> bool | None:
            super().update(n)
            report(int(self.n), int(self.total or 0))
            return None

    return ReportingBar


def _beside(work: Callable[[Report, threading.Event], T]) -> Generator[Progress, None, T]:
    """The result of work that blocks, done by a thread, with what it reports; closing the generator lets go of it."""
    reports: queue.Queue[tuple[int, int] | None] = queue.Queue()  # None: the thread is through
    outcome: list[T | BaseException] = []
    stop = threading.Event()

    def run() -> None:
        try:
            with _silent_client():
                outcome.append(work(lambda done, total: reports.put((done, total)), stop))
        except BaseException as error:
            outcome.append(error)
        finally:
            reports.put(None)

    thread = threading.Thread(target=run, name="colabsd-download", daemon=True)
    thread.start()
    try:
        while (report := _next_report(reports)) is not None:
            if report:
                yield Progress(stage="download", done=report[0], total=report[1])
    finally:
        stop.set()
        thread.join(timeout=POLL_S)
    result = outcome[0]
    if isinstance(result, BaseException):
        raise result
    return result


def _next_report(reports: "queue.Queue[tuple[int, int] | None]") -> tuple[int, int] | tuple[()] | None:
    """The next report, () when there is none for a moment (so that Ctrl-C is heard), None at the end."""
    try:
        return reports.get(timeout=POLL_S)
    except queue.Empty:
        return ()


@contextmanager
def _silent_client() -> Iterator[None]:
    """Within it the client logs errors only: its warnings show addresses that are signed for one person."""
    logger = logging.getLogger("huggingface_hub")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)


def _wait(seconds: float, arrived: int) -> Generator[Progress, None, None]:
    """Wait, in steps short enough to be stopped between."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        yield Progress(stage="download", done=arrived, total=0)
        time.sleep(min(left, POLL_S))
