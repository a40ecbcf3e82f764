"""`python -m gatewise`: the command line."""

from gatewise.cli.main import main

main()
