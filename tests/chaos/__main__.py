"""`make chaos`: presences are caused while everything they pass through is broken again and again.

    python -m tests.chaos [--presences 1000] [--seconds 60] [--seed N]

Workers are killed with SIGKILL, Redis is crashed, stopped and started empty, PostgreSQL is crashed, the receiver
answers 500 and 429, hangs, drops connections and answers too late. Then the faults stop, and everything that was
committed has to be there: every presence once, none that was rolled back, every attempt on record. Exit code 0 when so.
"""

import argparse
import os
import sys

from tests.chaos.run import Plan, run


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.chaos", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--presences", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=60, help="how long things are broken")
    parser.add_argument("--patience", type=float, default=120, help="seconds until all must have arrived, after that")
    parser.add_argument("--seed", type=int, default=int.from_bytes(os.urandom(2)))
    options = parser.parse_args()
    plan = Plan(options.presences, options.seconds, options.patience, options.seed)
    print(f"seed {plan.seed}", flush=True)
    report = run(plan)
    print(report.in_words())
    return 0 if report.is_good else 1


if __name__ == "__main__":
    sys.exit(main())
