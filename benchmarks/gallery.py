"""A library of 10,000 pictures in use: `python -m benchmarks.gallery`.

Their journal and thumbnails are there as they would be after 10,000 pictures, in the words of a seeded chance; 300 of
them have files. A new machine is one that has the workspace and nothing else. Times are those of the processor, so that
other work on this machine does not count; nor does the time that a disk, or Drive, takes to answer.
"""

import argparse
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from PIL import Image

from colabsd.artifacts import Picture
from colabsd.library.entries import PICTURE, STAR
from colabsd.library.library import KeptPicture, Library
from colabsd.library.record import Record
from colabsd.library.thumbnails import make_thumbnail
from colabsd.planning.plans import Drawing, Execution, ImagePlan
from colabsd.storage.journal import Journal
from colabsd.storage.workspace import Workspace

PAGE = 50
FILES = 300
SIDE = 512
THINGS = ("lighthouse", "apple", "penguin", "car", "storm", "forest", "owl", "night")
WORDS = (*THINGS, "red", "blue", "green", "old", "small", "oil", "painting", "3d", "flat", "style")
QUERIES = ("", "owl", "oil painting -night", "pen*", "steps:>20 sampler:euler_a", "starred", "date:2026-11 seed:>500")
LIMITS_S = {"page": 0.2, "search": 0.1, "nothing new": 0.1, "kept": 0.02}


def main() -> int:
    """Print a table. Returns 1 when something takes longer than it may."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gallery", description=__doc__)
    parser.add_argument("--pictures", type=int, default=10_000, help="how many (default 10,000)")
    count = parser.parse_args().pictures
    slow = False
    print("| what | time | at most |\n|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for what, seconds, limit in measure(Path(folder), count):
            slow |= limit is not None and seconds > limit
            verdict = "(no limit)" if limit is None else f"{limit * 1000:.0f} ms {'✓' if seconds <= limit else '✗'}"
            print(f"| {what} | {_shown(seconds)} | {verdict} |", flush=True)
    return int(slow)


def measure(folder: Path, count: int) -> Iterator[tuple[str, float, float | None]]:
    """What was done, its seconds, and the seconds that it may take."""
    home = Workspace(folder / "workspace", folder / "first machine")
    with opened(home) as library:
        kept_s = fill(library, count)
    yield f"a picture's thumbnail while it is kept ({SIDE} px)", kept_s, LIMITS_S["kept"]
    yield from measure_machine(opened(home), "the same machine, next process", LIMITS_S["page"])
    library = opened(Workspace(home.root, folder / "second machine"))
    yield f"a new machine: the index of {count:,} pictures from the journal", timed(library.count, 1), None
    yield from measure_machine(library, "a new machine, with packs", LIMITS_S["page"])
    packs = list((home.root / "thumbnails").iterdir())
    size = sum(path.stat().st_size for path in packs) / 1e6
    for pack in packs:
        pack.unlink()
    library = opened(Workspace(home.root, folder / "third machine"))
    records = [record for record in library.list() if library.workspace.locate(record.path).exists()][:PAGE]
    what = f"without packs ({len(packs)} of them have {size:.0f} MB): {PAGE} thumbnails from {SIDE} px files"
    yield what, timed(lambda: [library.thumbnail(record) for record in records], 1), None


def measure_machine(library: Library, where: str, page_limit: float) -> Iterator[tuple[str, float, float | None]]:
    """The first page, searches, and pages all over the library."""
    first = timed(lambda: show(library, "", 0), 1)
    yield f"{where}: the first page, search and {PAGE} thumbnails", first, None
    yield f"{where}: nothing new to take in", timed(library._index.catch_up, 9), LIMITS_S["nothing new"]
    for query in QUERIES:
        found = library.count(query)
        seconds = timed(lambda query=query: library.search(query, PAGE), 9)  # type: ignore[misc]
        yield f"{where}: search `{query}` ({found:,} found)", seconds, LIMITS_S["search"]
    pages = [place * PAGE for place in random.Random(1).sample(range(library.count() // PAGE), 9)]
    for offset in pages:  # on a new machine this reads their packs
        show(library, "", offset)
    seconds = statistics.median(timed(lambda offset=offset: show(library, "", offset), 1) for offset in pages)  # type: ignore[misc]
    yield f"{where}: a page somewhere, seen before", seconds, page_limit
    library.close()


def show(library: Library, query: str, offset: int) -> None:
    """What the page of a gallery asks for."""
    library.count(query)
    for record in library.search(query, PAGE, offset):
        library.thumbnail(record)


def timed(work: Callable[[], object], times: int) -> float:
    """The median seconds of the processor."""
    seconds = []
    for _ in range(times):
        start = time.process_time()
        work()
        seconds.append(time.process_time() - start)
    return statistics.median(seconds)


def opened(workspace: Workspace) -> Library:
    """The library as one run of the program has it, each a minute after the other."""
    start = datetime(2026, 11, 24, 14, tzinfo=UTC)
    name = workspace.local.name.replace(" ", "-")

    def clock() -> datetime:
        return start + timedelta(seconds=time.monotonic())

    return Library(workspace, Journal(workspace, f"{name}-{time.monotonic_ns()}", clock), clock)


def fill(library: Library, count: int) -> float:
    """Keep `FILES` pictures and write down the others; the seconds that a thumbnail took."""
    chance = random.Random(7)
    plan = ImagePlan(drawings=(drawing(chance, 0),), batches=((0,),), execution=Execution())
    job = library.start_job({}, plan.as_json(), "png")
    first = library.keep(picture(chance, drawing(chance, 0)), job)
    small = make_thumbnail(first.picture.image)
    for number in range(count - FILES):
        record = invented(first, number, drawing(chance, number))
        library._journal.append(PICTURE, record.as_json())
        library._thumbnails._add(record.sha256, small)
        if number % 50 == 0:
            library._journal.append(STAR, {"path": record.path, "starred": True})
    digests = (f"{number:064x}" for number in range(count, 2 * count))
    spent = timed(lambda: library._thumbnails.keep(next(digests), first.picture.image), 99)
    for number in range(FILES - 1):
        library.keep(picture(chance, drawing(chance, count + number)), job)
    library.finish_job(job)
    library.count()
    return spent


def drawing(chance: random.Random, seed: int) -> Drawing:
    return Drawing(
        prompt=" ".join(chance.sample(WORDS, 8)),
        negative_prompt="blurry",
        model="starter",
        model_sha256="a" * 64,
        width=SIDE,
        height=SIDE,
        sampler=chance.choice(("Euler a", "Euler", "DPM++ 2M")),
        schedule="Automatic",
        steps=chance.randrange(10, 50),
        guidance=7.5,
        clip_skip=1,
        seed=seed,
    )


def picture(chance: random.Random, drawn: Drawing) -> Picture:
    """Soft colours with grain, as hard to pack as a photograph."""
    soft = Image.frombytes("RGB", (16, 16), chance.randbytes(768)).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
    grain = Image.frombytes("RGB", (SIDE, SIDE), chance.randbytes(SIDE * SIDE * 3))
    return Picture(image=Image.blend(soft, grain, 0.05), drawing=drawn, execution=Execution(), index=0)


def invented(first: KeptPicture, number: int, drawn: Drawing) -> Record:
    """The record of a picture that is not there, one every five minutes until the first one."""
    created = first.record.created - timedelta(minutes=5 * (number + 1))
    name = f"pictures/{created:%Y-%m-%d}/{created:%H%M%S}-invented-{number:06d}.png"
    return Record(
        path=name,
        sha256=f"{number:064x}",
        bytes=450_000,
        key=drawn.key,
        created=created,
        job="invented",
        index=0,
        prompt=drawn.prompt,
        negative_prompt=drawn.negative_prompt,
        model=drawn.model,
        sampler=drawn.sampler,
        schedule=drawn.schedule,
        steps=drawn.steps,
        guidance=drawn.guidance,
        width=drawn.width,
        height=drawn.height,
        seed=drawn.seed,
    )


def _shown(seconds: float) -> str:
    return f"{seconds:.2f} s" if seconds >= 1 else f"{seconds * 1000:.2g} ms"


if __name__ == "__main__":
    sys.exit(main())
