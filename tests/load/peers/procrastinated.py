"""procrastinate: the queue is PostgreSQL.  python procrastinated.py schema | fill ROWS | work"""

import asyncio
import os
import sys
from typing import Any

import aiohttp
from message import URL, request
from procrastinate import App, PsycopgConnector

app = App(connector=PsycopgConnector(conninfo=os.environ["PEER_DATABASE_URL"]))
_session: list[Any] = []


@app.task(name="send")
async def send(number: int) -> None:
    if not _session:
        _session.append(aiohttp.ClientSession())
    async with _session[0].post(URL, **request(number)) as answer:
        answer.raise_for_status()


async def main() -> None:
    async with app.open_async():
        if sys.argv[1] == "schema":
            await app.schema_manager.apply_schema_async()
        elif sys.argv[1] == "fill":
            await send.batch_defer_async(*({"number": number} for number in range(int(sys.argv[2]))))
        else:
            await app.run_worker_async(concurrency=50, install_signal_handlers=False)


asyncio.run(main())
