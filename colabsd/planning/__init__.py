"""From settings to exact plans. Arithmetic only, no torch."""
