"""No queue at all: eight threads, each with a kept connection.  python loop.py ROWS"""

import sys
import threading

import requests
from message import URL, request


def send(first: int, rows: int) -> None:
    session = requests.Session()
    for number in range(first, rows, 8):
        session.post(URL, timeout=(3, 10), **request(number)).raise_for_status()


rows = int(sys.argv[1])
threads = [threading.Thread(target=send, args=(first, rows)) for first in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
