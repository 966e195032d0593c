"""The program: `edge-seal`, or `python -m edge_seal`."""

from __future__ import annotations

from edge_seal.cli import edge_seal


def main() -> None:
    """Runs the command line and ends the process with its exit code."""
    edge_seal(prog_name="edge-seal")


if __name__ == "__main__":
    main()
