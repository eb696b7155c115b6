"""`python -m scanner` is `unflub`."""

from scanner.quick import main

main()
