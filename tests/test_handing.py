"""A message on its way to the program that sends it."""

from __future__ import annotations

import subprocess
import sys

import pytest

CODE = """
import io, os, sys
from scanner import handing
from scanner.errors import ConfigurationError

try:
    handing.hand_over(["/no/such/program"], handing.taken(io.BytesIO(b"once")))
except ConfigurationError:
    print(os.read(0, 100))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="sends by no program")
def test_a_message_that_could_not_be_handed_over_is_not_met_again():
    """Who reads standard input on has it already: it would go out twice in one."""
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)
    assert done.stdout == "b''\n"
