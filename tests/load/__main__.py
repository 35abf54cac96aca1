"""`python -m tests.load`: side by side on this machine, in one run, printed as ratios.

    python -m tests.load work  [--seconds 5] [--reference DIR --reference-python PATH]
    python -m tests.load sizes [--sizes 1000 100000 1000000]
    python -m tests.load webhooks [--messages 3000] [--rounds 3] [--peers-python PATH]
    python -m tests.load saving [--seconds 5]
    python -m tests.load whatsapp [--seconds 5]
    python -m tests.load campaigns [--small] [--reference DIR --reference-python PATH]

`work` measures what people do all day, per worker: bulk assignment, single assignment, a call with its
task, the first page of a list; against the plain SQL of the same work and, where its folder is given,
against the reference service. `sizes` measures lists, deep pages and searches as the tables grow.
`webhooks` measures deliveries a second beside other queues, `saving` what a save waits while the receiver hangs,
`whatsapp` acknowledged webhooks and the inbox at two million messages, `campaigns` removals, lists, claims and imports
in a campaign of a million jobs.
"""

import argparse
import os
import sys
from importlib import import_module
from pathlib import Path


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.load", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=["work", "sizes", "webhooks", "saving", "whatsapp", "campaigns"])
    parser.add_argument("--seconds", type=float, default=5, help="how long each figure is measured")
    parser.add_argument("--connections", type=int, default=4, help="kept connections of the load generator")
    parser.add_argument("--rows", type=int, default=100_000, help="rows of each table for `work`")
    parser.add_argument("--sizes", type=int, nargs="+", default=[1_000, 100_000, 1_000_000])
    parser.add_argument("--reference", type=Path, help="folder of the reference service (app.py, load.py)")
    parser.add_argument("--reference-python", type=Path, default=Path(sys.executable), help="its interpreter")
    parser.add_argument("--messages", type=int, default=3_000, help="messages of each sender for `webhooks`")
    parser.add_argument("--rounds", type=int, default=3, help="how often each sender is measured")
    parser.add_argument("--peers-python", type=Path, default=Path(sys.executable), help="interpreter with the peers")
    parser.add_argument("--small", action="store_true", help="`campaigns` in seconds, to see that it runs")
    options = parser.parse_args()

    from tests.load.processes import DurablePostgres, create_database, environment_of
    from tests.servers import RedisServer

    with DurablePostgres() as postgres, RedisServer() as redis:
        os.environ.update(environment_of(create_database(postgres, "measured"), redis.url))
        os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
        import django

        django.setup()
        import_module(f"tests.load.{options.what}").run(postgres, options)
    return 0


if __name__ == "__main__":
    sys.exit(main())
