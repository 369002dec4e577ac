"""Training on your own photos: photos, loss, loop, checkpoints, export."""
