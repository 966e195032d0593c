"""What computes: numpy, which is always here, or MLX, which is made for Apple silicon and installed on some machines.

This module says which of them is there without loading either. MLX's arrays are dealt with in `mlx_kernels` and in the
networks made of them, which nothing imports before MLX was chosen.
"""

from __future__ import annotations

import importlib.metadata
import platform
import sys
from typing import Literal

Backend = Literal["numpy", "mlx"]


def apple_silicon() -> bool:
    """Whether this machine is what MLX is made for."""
    return sys.platform == "darwin" and platform.machine() == "arm64"


def mlx_version() -> str | None:
    """The version of MLX that is installed, or None. That it is installed does not say that it loads."""
    try:
        return importlib.metadata.version("mlx")
    except importlib.metadata.PackageNotFoundError:
        return None


def default_backend() -> Backend:
    """MLX on Apple silicon where it is installed; elsewhere numpy, whose BLAS is ten times as fast as MLX on a CPU."""
    return "mlx" if apple_silicon() and mlx_version() is not None else "numpy"
