"""Options that the commands share that work with machines."""

from __future__ import annotations

import argparse


def add_concurrency(parser: argparse.ArgumentParser) -> None:
    """Add how many machines are worked on at once; 0, which is the default, is as configured."""
    parser.add_argument(
        "--concurrency",
        type=count,
        default=0,
        metavar="<number>",
        help="Machines that are worked on at once (default: [baremetal] concurrency, 20)",
    )


def count(text: str) -> int:
    """The value of an option that is a number above 0."""
    if text.isdigit() and int(text) > 0:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is not a whole number above 0")
