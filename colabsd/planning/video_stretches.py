"""Which frames of a film are drawn, and how many it has in the end. Arithmetic only."""

from colabsd.planning.video_plans import VideoPlan


def drawn_frames(plan: VideoPlan) -> list[int]:
    """The frames that are drawn, in order; the first one always is."""
    return [index for index, drawn in enumerate(plan.frames.column("drawn")) if drawn or index == 0]


def written_frames(plan: VideoPlan) -> int:
    """How many frames a film has: all of them, unless Deforum's loss of the last ones is asked for."""
    if "cadence_tail" in plan.compat and plan.cadence > 1:
        return drawn_frames(plan)[-1] or len(plan.frames)
    return len(plan.frames)
