"""Files, safely."""
