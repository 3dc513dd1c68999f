"""Runs the rows of a matrix of a released Python client: what both generations do alike.

The client is in the caller's environment, so this module knows none.
"""

import asyncio
import os
import sys
import time
import traceback

ROW_SECONDS = 270


async def refused(text, awaitable):
    try:
        await awaitable
    except RuntimeError as error:
        assert text in str(error), f"wrong error, expected `{text}`: {error}"
        return
    raise AssertionError(f"accepted, expected: {text}")


async def run(rows, desk):
    """Each row is a coroutine of `desk`, whatever that is. One line a row; how many failed."""
    failed, verdicts = 0, {}
    for command, row in rows.items():
        begin = time.monotonic()
        if row not in verdicts:  # one row may be about several commands
            verdicts[row] = "ok"
            try:
                await asyncio.wait_for(row(desk), ROW_SECONDS)
            except (Exception, asyncio.CancelledError):
                traceback.print_exc()
                verdicts[row] = "FAILED"
        failed += verdicts[row] == "FAILED"
        print(f"{verdicts[row]:7} {time.monotonic() - begin:6.2f} s  {command}", flush=True)
    return failed


def main(matrix, write, read):
    """Does what the words of the command line ask for, and ends the process."""
    address, what, *rest = sys.argv[1:]
    failed = asyncio.run({"matrix": matrix, "write": write, "read": read}[what](address, *rest))
    sys.stdout.flush()
    sys.stderr.flush()
    # This client aborts now and then while the interpreter winds down, after all work is done.
    os._exit(1 if failed else 0)
