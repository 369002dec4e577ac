"""Models: cards, catalog, detection, files."""
