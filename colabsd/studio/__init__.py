"""The one place where the parts meet: `open_studio()` builds what is shared and passes it on."""

from colabsd.library.importers.imported import Imported
from colabsd.library.library import KeptSheet
from colabsd.studio.finishing import Pair
from colabsd.studio.opening import open_studio
from colabsd.studio.replay import Comparison
from colabsd.studio.studio import Studio

__all__ = ["Comparison", "Imported", "KeptSheet", "Pair", "Studio", "open_studio"]
