"""Celery and requests, a task for each message.  celery -A plain_celery worker; python plain_celery.py ROWS"""

import os
import sys

import requests
from celery import Celery
from message import URL, request

app = Celery("plain", broker=os.environ["REDIS_URL"])
app.conf.task_ignore_result = True
session = requests.Session()


@app.task(name="send")
def send(number: int) -> None:
    session.post(URL, timeout=(3, 10), **request(number)).raise_for_status()


if __name__ == "__main__":
    for number in range(int(sys.argv[1])):
        send.delay(number)
