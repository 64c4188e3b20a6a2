"""`python -m albench`."""

from albench.cli import main

main()
