"""Looking on while a model learns: samples on the same prompts and seeds, measured against the photos and the class.

Draws with the networks as they are, through our engine's loop. Changes nothing of them, and no random number of the
training is used.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from colabsd.engine.engine import Drawn, Engine
from colabsd.engine.scorers import Scorer, Vectors
from colabsd.language import Language
from colabsd.models.cards import ModelCard
from colabsd.planning.plans import Drawing, Note
from colabsd.planning.training import SubjectPlan, TrainingPlan
from colabsd.progress import Progress
from colabsd.sheets.training import SampleRow, curves_picture, sample_sheet
from colabsd.training.figures import Ends, Figures, Seen, best_step, ends_of, measure
from colabsd.training.reports import Moment

if TYPE_CHECKING:
    from PIL.Image import Image

CLASS_SAMPLES = 4  # of each class prompt
SEED = 1234  # of the first sample; the others count on
MOST_STEPS = 25  # of a sample: it has to be told, not admired
FORMAT = 1


@dataclass(frozen=True, kw_only=True)
class Samples:
    """What was seen after `step` steps: the sheet of all samples so far, the curves, and what was measured.

    `images` are this step's samples, one for each prompt. `best` is the step to choose as far as is known. `memory` is
    plain data: given to the next watcher of the same training, it goes on from here.
    """

    step: int
    image: "Image"
    curves: "Image"
    images: tuple["Image", ...]
    prompts: tuple[str, ...]
    figures: Figures
    best: int | None
    memory: Mapping[str, Any]


class SampleWatcher:
    """A Watcher that draws the plan's sample prompts, and a few pictures of the class, whenever it is called.

    `photos` are the training's own photos, those of each subject together, in the order of the plan's subjects. After
    a disconnection give it `memory`, the newest that a Samples carried: what the untouched model drew is in there, and
    can't be drawn again by a model that has learnt already.
    """

    def __init__(
        self,
        card: ModelCard,
        scorer: Scorer,
        photos: Sequence[Sequence["Image"]],
        language: Language = "en",
        memory: Mapping[str, Any] | None = None,
    ) -> None:
        self.card, self.scorer, self.language = card, scorer, language
        self.photos = [scorer.subjects(some) for some in photos]
        self.rows: list[SampleRow] = []
        self.figures: list[Figures] = []
        self.untouched: list[Vectors] = []
        self.ends: list[Ends] = []
        if memory is not None and memory.get("format") == FORMAT and memory.get("scorer") == scorer.name:
            self.figures = [Figures.from_json(one) for one in memory["figures"]]
            self.untouched = [np.asarray(rows, np.float32) for rows in memory["untouched"]]
            self.ends = [Ends(**one) for one in memory["ends"]]

    def look(self, moment: Moment) -> Iterator[Progress | Note | Samples]:
        """Draw and measure at the start, every `sample_every` steps and at the end; other moments are let pass.

        Before a training ("preflight") one sample is drawn to see that it can be, and forgotten.
        """
        if moment.reason == "preflight" and moment.plan.sample_prompts:
            yield from _tried(_engine(moment, self.card), sample_drawings(moment.plan, self.card)[0])
        if not _is_time(moment) or any(one.step == moment.step for one in self.figures):
            return
        if not self.ends and moment.step > 0:
            yield Note("note.training.no_untouched", {"step": moment.step})
        plan = moment.plan
        drawings = [*sample_drawings(plan, self.card), *class_drawings(plan, self.card)]
        images: list[Image] = []
        engine = _engine(moment, self.card)
        for drawing in drawings:
            for event in engine.draw([drawing]):
                if isinstance(event, Drawn):
                    images.append(event.image)
                else:
                    yield Progress(
                        stage="sample", done=event.done, total=event.total, item=len(images), items=len(drawings)
                    )
        yield self._measured(moment, images)

    def best(self, steps: Sequence[int]) -> int | None:
        return best_step(self.figures, steps)

    def memory(self) -> dict[str, Any]:
        """What the next watcher of this training has to know, as plain data."""
        return {
            "format": FORMAT,
            "scorer": self.scorer.name,
            "figures": [one.as_json() for one in self.figures],
            "untouched": [np.round(rows, 5).tolist() for rows in self.untouched],
            "ends": [asdict(one) for one in self.ends],
        }

    def _measured(self, moment: Moment, images: "list[Image]") -> Samples:
        plan, count = moment.plan, len(moment.plan.sample_prompts)
        seen = [self._seen(plan, place, images) for place in range(len(plan.subjects))]
        if not self.ends:
            self.ends = [ends_of(photos, one) for photos, one in zip(self.photos, seen, strict=True)]
            self.untouched = [one.class_pictures for one in seen]
        parts = [measure(moment.step, *each) for each in zip(seen, self.photos, self.untouched, self.ends, strict=True)]
        figures = mean_figures(parts)
        self.figures.append(figures)
        self.rows.append(SampleRow(step=moment.step, images=images[:count], shares=figures.shares))
        return self._shown(moment, tuple(images[:count]), figures)

    def _seen(self, plan: TrainingPlan, place: int, images: "Sequence[Image]") -> Seen:
        """The vectors of one subject's pictures: samples whose prompt names it, or all where none does."""
        prompts, subject = plan.sample_prompts, plan.subjects[place]
        named = [row for row, prompt in enumerate(prompts) if names(prompt, subject)] or list(range(len(prompts)))
        first = len(prompts) + place * CLASS_SAMPLES
        samples = [images[row] for row in named]
        return Seen(
            subjects=self.scorer.subjects(samples),
            samples=self.scorer.pictures(samples),
            sentences=self.scorer.sentences([without_word(prompts[row], subject) for row in named]),
            class_pictures=self.scorer.subjects(images[first : first + CLASS_SAMPLES]),
        )

    def _shown(self, moment: Moment, images: "tuple[Image, ...]", figures: Figures) -> Samples:
        plan = moment.plan
        best = best_step(self.figures, [one.step for one in self.figures])
        title = f"{plan.name} · {', '.join(subject.word for subject in plan.subjects)}"
        facts = f"{plan.model} · {plan.method} · {self.scorer.name}"
        return Samples(
            step=moment.step,
            image=sample_sheet(
                self.rows, plan.sample_prompts, title=title, facts=facts, best=best, language=self.language
            ),
            curves=curves_picture(
                moment.losses, _all_rows(self.figures), title=title, best=best, language=self.language
            ),
            images=images,
            prompts=plan.sample_prompts,
            figures=figures,
            best=best,
            memory=self.memory(),
        )


def sample_drawings(plan: TrainingPlan, card: ModelCard) -> list[Drawing]:
    """What is drawn every time: each sample prompt, each with a seed of its own that stays."""
    return [_drawing(plan, card, prompt, SEED + place) for place, prompt in enumerate(plan.sample_prompts)]


def class_drawings(plan: TrainingPlan, card: ModelCard) -> list[Drawing]:
    """A few pictures of each subject's class, without the subject's word."""
    return [
        _drawing(plan, card, subject.class_prompt, SEED + number)
        for subject in plan.subjects
        for number in range(CLASS_SAMPLES)
    ]


def _drawing(plan: TrainingPlan, card: ModelCard, prompt: str, seed: int) -> Drawing:
    return Drawing(
        prompt=prompt,
        negative_prompt="",
        model=card.name,
        model_sha256=card.sha256,
        width=plan.resolution,
        height=plan.resolution,
        sampler=card.default_sampler,
        schedule=card.default_schedule,
        steps=min(card.default_steps, MOST_STEPS),
        guidance=card.default_guidance,
        clip_skip=1,
        seed=seed,
    )


def names(prompt: str, subject: SubjectPlan) -> bool:
    """Whether a prompt names the subject by its word."""
    return _word(subject).search(prompt) is not None


def without_word(prompt: str, subject: SubjectPlan) -> str:
    """The prompt as somebody would say it who knows only the class: "a sks dog on grass" -> "a dog on grass"."""
    word, kind = re.escape(subject.word), re.escape(subject.class_word)
    both = re.compile(rf"(?<!\w){word}\s+{kind}(?!\w)|(?<!\w){kind}\s+{word}(?!\w)", re.IGNORECASE)
    return _word(subject).sub(lambda _: subject.class_word, both.sub(lambda _: subject.class_word, prompt))


def mean_figures(parts: Sequence[Figures]) -> Figures:
    """The mean over subjects."""
    values = {
        name: float(np.mean([getattr(one, name) for one in parts])) for name in asdict(parts[0]) if name != "step"
    }
    return Figures(step=parts[0].step, **values)


def _word(subject: SubjectPlan) -> re.Pattern[str]:
    return re.compile(rf"(?<!\w){re.escape(subject.word)}(?!\w)", re.IGNORECASE)


def _is_time(moment: Moment) -> bool:
    return (
        moment.reason in ("start", "sample", "end")
        and moment.plan.sample_every > 0
        and bool(moment.plan.sample_prompts)
    )


def _engine(moment: Moment, card: ModelCard) -> Engine:
    """An engine that draws with the networks as they are."""
    from colabsd.training.drawing import drawing_parts

    return Engine(card, moment.plan.execution, moment.trainable.adapted(drawing_parts(moment.base)))


def _tried(engine: Engine, drawing: Drawing) -> Iterator[Progress]:
    """Draw something for nothing."""
    for event in engine.draw([drawing]):
        if isinstance(event, Progress):
            yield Progress(stage="sample", done=event.done, total=event.total)


def _all_rows(figures: Sequence[Figures]) -> list[SampleRow]:
    """What was measured, those times included whose pictures are gone since a disconnection."""
    return [SampleRow(step=one.step, images=(), shares=one.shares) for one in sorted(figures, key=lambda one: one.step)]
