"""Where networks learn: on a graphics card where torch can use one, else on the processor."""

from __future__ import annotations

import os

import torch

_ROOM = 6 << 30  # bytes that one network takes of an accelerator's memory while it learns


def device() -> torch.device:
    """Give where to fine-tune: the graphics card where torch can use one."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def at_once(count: int) -> int:
    """Give how many of so many networks to fine-tune at a time: one a core, if they have room."""
    room = torch.cuda.mem_get_info()[0] // _ROOM if torch.cuda.is_available() else count
    return max(1, min(count, os.cpu_count() or 1, room))
