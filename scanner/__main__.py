"""`python -m scanner` is `unflub`."""

from scanner.cli import main

main()
