"""The method pivotal tuning: first new words, then LoRA around them. Implements the seam of `trainables.py`.

Roich et al. 2021, arXiv:2106.05744, for diffusion models as cloneofsimo's trainer and diffusers' advanced scripts have
it: vectors of new words learn until a step of their own, and stay; from there on LoRA learns.
"""

from collections.abc import Mapping

from torch import Tensor

from colabsd.engine.components import Components
from colabsd.planning.training import TrainingPlan
from colabsd.training.adapters import LoraTraining
from colabsd.training.base import Base
from colabsd.training.inversion import put_words_in, word_group
from colabsd.training.lora_layers import copy_into
from colabsd.training.results import Trained
from colabsd.training.words import drawing_words


class PivotalTraining:
    """New words in the first part of the training, LoRA in the rest; both in one state."""

    def __init__(self, base: Base, plan: TrainingPlan) -> None:
        self.base, self.plan = base, plan
        self.lora = LoraTraining(base, plan)
        self.words = put_words_in(base, plan)
        self.groups = (word_group(self.words, plan), *self.lora.groups)
        self.turn = turn_of(plan)
        self._words_learn = True

    @property
    def reads_sentences(self) -> bool:
        """Words that stay need to be read once only, unless the text encoder learns then."""
        return self._words_learn or self.plan.text_encoder

    def begin_step(self, step: int) -> None:
        self._words_learn = step < self.turn
        self.words.requires_grad_(self._words_learn)
        self.lora.begin_step(step)
        if self._words_learn:
            for layers in self.lora.parts.values():
                layers.requires_grad_(False)

    def end_step(self) -> None:
        return

    def state_dict(self) -> dict[str, Tensor]:
        return {**self.words.state_dict(), **self.lora.state_dict()}

    def load_state_dict(self, tensors: Mapping[str, Tensor]) -> None:
        copy_into(self.state_dict(), tensors)

    def trained(self) -> Trained:
        return Trained(lora=self.lora.trained().lora, words=self.words.vectors())

    def adapted(self, components: Components) -> Components:
        return drawing_words(self.lora.adapted(components), self.base.family, self.words.vectors())


def turn_of(plan: TrainingPlan) -> int:
    """The step (counted from 0) at which LoRA begins: the plan's, or in the middle."""
    return plan.embedding_stop or plan.steps // 2
