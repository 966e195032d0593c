"""Edge Seal: a personal assistant runtime that answers and learns on this machine alone."""

__version__ = "0.1.0"
