"""The command `colabsd`: one module per noun, thin."""

from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command. Returns the exit code: 0 done, 1 failed, 2 asked wrongly, 130 stopped."""
    from colabsd.cli.program import run

    return run(arguments)
