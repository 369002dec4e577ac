"""The method textual inversion: vectors of new words learn, and nothing else. Implements the seam of `trainables.py`.

Gal et al. 2022, arXiv:2208.01618. Vectors are not drawn towards zero (no weight decay): their length means something.
"""

from collections.abc import Mapping

from torch import Tensor

from colabsd.engine.components import Components
from colabsd.planning.training import TrainingPlan
from colabsd.training.base import Base
from colabsd.training.results import Trained
from colabsd.training.trainables import ParameterGroup
from colabsd.training.words import NewWords, drawing_words, new_words

WORDS = "words"


def put_words_in(base: Base, plan: TrainingPlan) -> NewWords:
    """The words of a plan's subjects in its text encoders; they begin as the plan says, else as the class's words."""
    begin = {subject.word: plan.initial_word or subject.class_word for subject in plan.subjects}
    return NewWords(base, new_words(begin, plan.vectors), plan.seed)


def word_group(words: NewWords, plan: TrainingPlan) -> ParameterGroup:
    """What learns of them."""
    return ParameterGroup(WORDS, words.parameters(), plan.embedding_rate, 0.0)


class InversionTraining:
    """The vectors of the subjects' words."""

    def __init__(self, base: Base, plan: TrainingPlan) -> None:
        self.base = base
        for network in base.modules().values():
            network.requires_grad_(False)
        self.words = put_words_in(base, plan)
        self.groups = (word_group(self.words, plan),)

    @property
    def reads_sentences(self) -> bool:
        return True

    def begin_step(self, step: int) -> None:
        self.words.requires_grad_(True)

    def end_step(self) -> None:
        return

    def state_dict(self) -> dict[str, Tensor]:
        return self.words.state_dict()

    def load_state_dict(self, tensors: Mapping[str, Tensor]) -> None:
        self.words.load_state_dict(tensors)

    def trained(self) -> Trained:
        return Trained(words=self.words.vectors())

    def adapted(self, components: Components) -> Components:
        from colabsd.training.drawing import with_learnt

        drawing = with_learnt(components, self.base, Trained())
        return drawing_words(drawing, self.base.family, self.words.vectors())
