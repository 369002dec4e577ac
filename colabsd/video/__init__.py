"""Films in the manner of Deforum: camera, warp, colour, frames, encoding."""
