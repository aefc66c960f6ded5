"""`python -m paramprog` is the command `paramprog`."""

from paramprog.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
