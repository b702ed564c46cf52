"""Run many converter commands in one process with everything they print and log caught: ``command_runner.py PLAN``.

``PLAN`` is a JSON list of [log file, arguments...]; each log ends with the exit code.
"""

import json
import logging
import os
import sys
import traceback
from pathlib import Path

from dataset_converters.__main__ import main


def run_commands(plan: Path) -> None:
    """Run each command with standard output, standard error and all logging in its own file."""
    logging.basicConfig(level=logging.DEBUG, stream=sys.stderr, format="%(name)s %(levelname)s %(message)s")
    for log, *arguments in json.loads(plan.read_text()):
        with open(log, "wb") as stream:
            os.dup2(stream.fileno(), 1)
            os.dup2(stream.fileno(), 2)
        try:
            code: object = main(arguments)
        except SystemExit as end:
            code = end.code
        except BaseException:  # as it would be printed
            traceback.print_exc()
            code = "unexpected exception"
        sys.stdout.flush()
        print(f"exit code {code}", flush=True)


if __name__ == "__main__":
    run_commands(Path(sys.argv[1]))
