"""unflub: warns before a post-interview thank-you note explains a flub."""

import os

__version__ = "0.1.0"

# ONNX Runtime would tell its makers of its use, and begins when it is imported; nothing said to it
# afterwards stops that (its Privacy.md). Whatever process imports it has come by here before:
# the command, the judge, the workers of a scan or of a cluster.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

# numpy's sums are small here: threads for them would only wait for each other, and starting them
# takes a tenth of the time of a short command. This, too, is read at the import.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
