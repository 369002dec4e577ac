"""What is in force at one place of a template: the variables, and what is being drawn around it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from colabsd.errors import PromptCycleError

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True, eq=False)
class Scope(Generic[Value]):
    """The variables in force, and the variables and wildcards that are being drawn just now."""

    values: Mapping[str, Value]
    active: tuple[str, ...] = ()

    def entered(self, name: str) -> "Scope[Value]":
        """The scope inside of a variable or wildcard. Raises: PromptCycleError when it is inside of it already."""
        if name in self.active:
            raise PromptCycleError(chain=" → ".join((*self.active[self.active.index(name) :], name)))
        return Scope(self.values, (*self.active, name))

    def with_values(self, values: Mapping[str, Value]) -> "Scope[Value]":
        """The scope with more variables, or others of the same names."""
        return Scope({**self.values, **values}, self.active) if values else self
