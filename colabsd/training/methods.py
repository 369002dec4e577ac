"""The methods by name: what each of them changes in a loaded model. Knows nothing of how they are trained."""

from collections.abc import Callable, Mapping

from colabsd.planning.training import Method, TrainingPlan
from colabsd.training.adapters import LoraTraining
from colabsd.training.averages import full_training
from colabsd.training.base import Base
from colabsd.training.inversion import InversionTraining
from colabsd.training.pivotal import PivotalTraining
from colabsd.training.trainables import Trainable


def build_trainable(base: Base, plan: TrainingPlan) -> Trainable:
    """What the plan changes in the base, which is changed by this so that it can learn."""
    return METHODS[plan.method](base, plan)


METHODS: Mapping[Method, Callable[[Base, TrainingPlan], Trainable]] = {
    "lora": LoraTraining,
    "full": full_training,
    "inversion": InversionTraining,
    "pivotal": PivotalTraining,
}
