"""unflub: warns before a post-interview thank-you note explains a flub."""

import os

__version__ = "0.1.0"

# ONNX Runtime would tell its makers of its use, and begins when it is imported; nothing said to it
# afterwards stops that (its Privacy.md). Whatever process imports it has come by here before:
# the command, the judge, the workers of a scan or of a cluster.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
