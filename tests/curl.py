#!/usr/bin/env python3
"""As much of curl as the README's tour uses, for a machine that has none: tests put it on PATH as `curl`."""

import argparse
import re
import sys

import requests


def main() -> None:
    given = arguments()
    headers = dict(line.split(": ", 1) for line in given.header)
    if given.data is not None:
        headers.setdefault("Content-Type", "application/x-www-form-urlencoded")
    answer = requests.request(
        given.request or ("GET" if given.data is None else "POST"),
        given.url,
        headers=headers,
        data=given.data.encode() if given.data is not None else None,
        timeout=30,
        allow_redirects=False,
    )
    if given.dump_header == "-":
        lines = [f"HTTP/1.1 {answer.status_code} {answer.reason}"]
        lines += [f"{name}: {value}" for name, value in answer.headers.items()]
        print("\r\n".join(lines), end="\r\n\r\n", flush=True)
    if given.output != "/dev/null":
        sys.stdout.buffer.write(answer.content)
        sys.stdout.flush()
    write_out(given.write_out, answer.status_code)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="curl", allow_abbrev=False)
    parser.add_argument("-s", "--silent", action="store_true")
    parser.add_argument("-X", "--request")
    parser.add_argument("-H", "--header", action="append", default=[])
    parser.add_argument("-d", "--data")
    parser.add_argument("-o", "--output")
    parser.add_argument("-D", "--dump-header")
    parser.add_argument("-w", "--write-out", default="")
    parser.add_argument("url")
    return parser.parse_args()


def write_out(template: str, status: int) -> None:
    """`%{http_code}` and `\\n`; what follows `%{stderr}` goes there."""
    text = template.replace("\\n", "\n").replace("%{http_code}", str(status))
    for stream, part in zip((sys.stdout, sys.stderr), re.split(r"%\{stderr\}", text, maxsplit=1), strict=False):
        stream.write(part)


if __name__ == "__main__":
    main()
