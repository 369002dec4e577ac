"""Pictures side by side: compared, and set in labelled sheets. Knows nothing of how they are drawn or kept."""
