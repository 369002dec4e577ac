"""Following a training to its end: progress with the time left, what is kept on the way, how to go on after Ctrl-C."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from typing import TYPE_CHECKING, Any

import click

from colabsd.cli.console import Console
from colabsd.cli.follow import STOPPED, tell_progress
from colabsd.cli.progress import progress_line
from colabsd.errors import ColabsdError
from colabsd.library.adapters import KeptAdapter
from colabsd.library.training_runs import TrainingRun
from colabsd.progress import Note, Progress

if TYPE_CHECKING:
    from colabsd.studio import Studio


def follow_training(events: Iterator[Any], console: Console, studio: "Studio", go_on: str) -> None:
    """Drive the training and tell what happens; the paths of what comes out go to stdout.

    Ctrl-C stops it at its next step, with its state kept, and leaves by click's Exit with code 130.
    """
    line = progress_line(console.language, console.width, console.environ)
    teller = _Teller(console, studio)
    try:
        with closing(events):  # type: ignore[type-var]
            for event in events:
                if isinstance(event, Progress):
                    tell_progress(event, line, console)
                    continue
                if teller.has_words_for(event):
                    line.clear()
                teller.tell(event)
    except KeyboardInterrupt:
        line.clear()
        console.tell_always("cli.train.stopped", step=teller.step, command=go_on)
        raise click.exceptions.Exit(STOPPED) from None
    except ColabsdError:
        line.clear()
        if teller.step:
            console.tell("cli.train.kept_before_error", step=teller.step, command=go_on)
        raise
    finally:
        line.clear()


class _Teller:
    """Says what each kind of event means. Events of the training are told apart by name, so that no torch is loaded."""

    def __init__(self, console: Console, studio: "Studio") -> None:
        self.console, self.studio = console, studio
        self.step = 0
        self.tellers: Mapping[str, Callable[[Any], None]] = {
            "Note": self._note,
            "TrainingRun": self._run,
            "TrainingReport": self._report,
            "Samples": self._samples,
            "Saved": self._saved,
            "KeptAdapter": self._kept,
        }

    def has_words_for(self, event: object) -> bool:
        """Whether something is printed: a step in words would be one line too many."""
        return type(event).__name__ != "TrainingReport" or self.console.as_json

    def tell(self, event: object) -> None:
        known = self.tellers.get(type(event).__name__)
        if known is not None:
            known(event)

    def _note(self, note: Note) -> None:
        self.console.tell(note.key, **note.facts)

    def _run(self, run: TrainingRun) -> None:
        if self.console.as_json:
            facts = {"name": run.name, "step": run.step, "steps": run.plan.steps, "plan": run.plan.as_json()}
            self.console.write_json("training", **facts)
        else:
            self.console.tell("cli.train.run", name=run.name, steps=run.plan.steps)

    def _report(self, report: Any) -> None:
        self.step = report.step
        if self.console.as_json:
            facts = {name: getattr(report, name) for name in ("step", "steps", "loss", "photo_loss", "class_loss")}
            self.console.write_json("step", **facts)

    def _samples(self, samples: Any) -> None:
        figures = samples.figures
        facts = {name: f"{share:.0%}" for name, share in figures.shares.items()}
        if self.console.as_json:
            self.console.write_json("samples", step=samples.step, figures=figures.as_json(), best=samples.best)
        else:
            self.console.tell("cli.train.seen", step=samples.step, **facts)

    def _saved(self, saved: Any) -> None:
        if self.console.as_json:
            self.console.write_json("state", step=saved.step, path=saved.path, bytes=saved.bytes, drive=saved.drive)

    def _kept(self, kept: KeptAdapter) -> None:
        workspace = self.studio.workspace
        paths = [workspace.root / file.place for file in kept.card.files]
        if self.console.as_json:
            self.console.write_json("adapter", name=kept.name, paths=paths, **kept.card.as_json())
            return
        for path in paths:
            self.console.result(str(path))
        if kept.card.method == "full":
            self.console.tell("cli.train.use_model", name=kept.name, phrase=kept.card.phrase)
        elif kept.card.method == "inversion":
            self.console.tell("cli.train.use_words", phrase=kept.card.phrase)
        else:
            self.console.tell("cli.train.use_lora", name=kept.name, phrase=kept.card.phrase)
