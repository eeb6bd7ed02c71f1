"""`python -m sanzhi`."""

from sanzhi.commands import main

main()
