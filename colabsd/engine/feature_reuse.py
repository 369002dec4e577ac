"""What the inner levels of a UNet made of a call, used again for the next ones. Knows nothing of networks.

Ma et al. 2023, DeepCache, arXiv:2312.00858: from one step to the next the inner levels change little, and most of the
work is done there; the outermost level is computed anew at every step. Pictures become other ones, though alike.
"""

from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

KEPT = 4  # conditions whose features are kept, as guidance keeps prepared conditions


@dataclass
class FeatureReuse:
    """Features of the inner levels, computed at every `every`-th model call and each time conditions are new."""

    every: int
    _call: int = -1
    _timestep: float | None = None
    _kept: dict[int, tuple[Any, int, Tensor]] = field(default_factory=dict)

    def find(self, timestep: Tensor, conditions: object) -> Tensor | None:
        """The features to use for conditions at a timestep; None where they have to be computed, and told to `keep`."""
        if float(timestep) != self._timestep:
            self._call, self._timestep = self._call + 1, float(timestep)
        _, call, features = self._kept.get(id(conditions), (None, self._call - self.every, None))
        return features if self._call - call < self.every else None

    def keep(self, conditions: object, features: Tensor) -> None:
        """Keep what was computed now, with its conditions, so that no others can take their place in memory."""
        self._kept.pop(id(conditions), None)
        while len(self._kept) >= KEPT:
            del self._kept[next(iter(self._kept))]
        self._kept[id(conditions)] = (conditions, self._call, features)
