"""The package mail-parser, as unflub uses it: silent, and without work nobody asked for."""

from __future__ import annotations

import logging
from typing import Any

from mailparser import MailParser

# mail-parser logs header values when they are malformed; what people write must
# reach neither the terminal nor a log file.
_log = logging.getLogger("mailparser")
_log.addHandler(logging.NullHandler())
_log.propagate = False


class Parser(MailParser):  # type: ignore[misc]
    """mail-parser's parser without its summary of every header field.

    It builds that summary twice for each message, in a third of its time; the fields
    and the texts are attributes of their own.
    """

    def _make_mail(self, **_: bool) -> dict[str, Any]:
        return {}
