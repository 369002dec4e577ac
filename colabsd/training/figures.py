"""How good a trained model is, in figures: likeness, prompt following, class drift, and which step to choose.

Raw cosines are compared with what the untouched model and the photos themselves get from the same scorer, because
scorers differ in what they call near. Knows vectors alone: no pictures, no networks.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np

from colabsd.engine.scorers import Vectors, likeness

LEAST_ROOM = 1e-3  # between the two ends of a scale; closer ones can tell nothing
LEAST_MEANT = 0.05  # between a sample's own sentence and others': with less, prompts are too alike to be told apart


@dataclass(frozen=True, kw_only=True)
class Ends:
    """The cosines that a training begins at and may reach, of one scorer.

    `photos` is the mean cosine of two different photos (1 of a single one), `before` that of the untouched model's
    samples with the photos. `followed` is the mean cosine of the untouched model's samples with their own sentences and
    `unmeant` with those of other samples. `same_class` is the mean cosine of two different class pictures of the
    untouched model, and `class_before` that of its class pictures with the photos.
    """

    photos: float
    before: float
    followed: float
    unmeant: float
    same_class: float
    class_before: float

    @property
    def reachable(self) -> float:
        """How alike samples can become to the photos: as these are among themselves, or more where they differ much."""
        return self.photos if self.photos > self.before + LEAST_ROOM else 1.0


@dataclass(frozen=True, kw_only=True)
class Figures:
    """What was measured after `step` steps.

    Cosines: `photos` of samples with the photos (DINO or CLIP-I of the scorer), `prompt` of samples with their
    sentences (CLIP-T), `kept` of class pictures with the untouched model's, `pres` of class pictures with the photos
    (PRES of DreamBooth: the lower, the better). Shares in [0, 1]: `way` is how far it is to the photos, `following` how
    much nearer samples still are to their own sentences than to the others', and `kept_share` what is left of the
    class. `score` is the product of the three.
    """

    step: int
    photos: float
    prompt: float
    kept: float
    pres: float
    way: float
    following: float
    kept_share: float

    @property
    def score(self) -> float:
        return self.way * self.following * self.kept_share

    @property
    def shares(self) -> dict[str, float]:
        """What sheets and curves show."""
        return {"way": self.way, "following": self.following, "kept": self.kept_share, "score": self.score}

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Raises: TypeError when the data is none."""
        return cls(**data)


@dataclass(frozen=True, kw_only=True)
class Seen:
    """The vectors of one moment's pictures: subjects of the samples that show the subject (n, d), whole samples and
    their sentences, row by row (m, e), and subjects of the class pictures (k, d)."""

    subjects: Vectors
    samples: Vectors
    sentences: Vectors
    class_pictures: Vectors


def ends_of(photos: Vectors, untouched: Seen) -> Ends:
    """Both ends of every scale, from the photos' subjects and the untouched model's pictures."""
    cosines = untouched.samples @ untouched.sentences.T
    return Ends(
        photos=among(photos),
        before=likeness(untouched.subjects, photos),
        followed=float(cosines.diagonal().mean()),
        unmeant=_beside(cosines, untouched.sentences),
        same_class=among(untouched.class_pictures),
        class_before=likeness(untouched.class_pictures, photos),
    )


def measure(step: int, seen: Seen, photos: Vectors, untouched: Vectors, ends: Ends) -> Figures:
    """The figures of one moment; `untouched` are the subjects of the untouched model's class pictures."""
    found = {
        "photos": likeness(seen.subjects, photos),
        "prompt": float((seen.samples * seen.sentences).sum(1).mean()),
        "kept": likeness_of_others(seen.class_pictures, untouched),
        "pres": likeness(seen.class_pictures, photos),
    }
    return Figures(
        step=step,
        **found,
        way=share(found["photos"], ends.before, ends.reachable, without=1.0),
        following=_following(seen, found["prompt"], ends),
        kept_share=share(found["kept"], ends.class_before, ends.same_class, without=1.0),
    )


def _following(seen: Seen, own: float, ends: Ends) -> float:
    """How much nearer samples are to their own sentences than to the others', compared with the untouched model.

    The cosine alone would fall because a subject is not any dog, however well its surroundings follow the prompt; all
    sentences have that in common. Where they say much the same, only the cosine is left.
    """
    meant = ends.followed - ends.unmeant
    if meant < LEAST_MEANT:
        return share(own, 0.0, ends.followed, without=1.0)
    return share(own - _beside(seen.samples @ seen.sentences.T, seen.sentences), 0.0, meant, without=1.0)


def share(value: float, low: float, high: float, *, without: float) -> float:
    """Where a value lies between two ends, in [0, 1]; `without` where the ends are no apart."""
    if high - low < LEAST_ROOM:
        return without
    return min(max((value - low) / (high - low), 0.0), 1.0)


def best_step(figures: Sequence[Figures], steps: Sequence[int]) -> int | None:
    """Of `steps` the measured one with the highest score, None where none was measured.

    The earliest of equals; but the last where none has made any way, for there is nothing to lose yet.
    """
    wanted = set(steps)
    known = [one for one in figures if one.step in wanted and one.step > 0]
    return max(known, key=lambda one: (one.score, -one.step if one.score > 0 else one.step)).step if known else None


def among(vectors: Vectors) -> float:
    """The mean cosine of two different ones of (n, d); 1 where there is only one."""
    return likeness_of_others(vectors, vectors)


def likeness_of_others(first: Vectors, second: Vectors) -> float:
    """The mean cosine of pairs of different places: pictures of one seed are compared with those of other seeds.

    So a class whose pictures did not change at all gets what its pictures had among themselves.
    """
    cosines = first @ second.T
    apart = np.eye(*cosines.shape) == 0
    return float(cosines[apart].mean()) if apart.any() else float(cosines.mean())


def _beside(cosines: Vectors, sentences: Vectors) -> float:
    """The mean cosine of samples with sentences that are another's and say something else; 0 where there are none."""
    others = (sentences @ sentences.T) < 1 - LEAST_ROOM
    return float(cosines[others].mean()) if others.any() else 0.0
