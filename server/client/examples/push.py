#!/usr/bin/env python3
"""Pushes one measurement and one deploy marker over HTTP; standard library only.

    python3 push.py http://127.0.0.1:9700

Status 204 means: every line was taken and is on the daemon's disk. The first line of the body names the producer,
so that a batch that is sent again after a lost answer counts once: keep epoch and seq when you repeat one.
"""
import sys
import time
import urllib.error
import urllib.request

LINES = (
    "cpu,service=cart,pod=a1 value=0.93\n"
    'deploy,service=cart version="1.8.3",by="example"\n'
)


def push(url, lines, epoch, seq, tries=5):
    body = f"#tm1 producer=example-py epoch={epoch} seq={seq}\n{lines}".encode()
    reason = ""
    for _ in range(tries):
        request = urllib.request.Request(url.rstrip("/") + "/write", data=body, method="POST")
        request.add_header("Content-Type", "text/plain; charset=utf-8")
        try:
            with urllib.request.urlopen(request, timeout=10):
                return True
        except urllib.error.HTTPError as error:
            reason = error.read().decode(errors="replace")
            if error.code not in (429, 503):
                break
            time.sleep(float(error.headers.get("Retry-After") or 1))
        except OSError as error:
            reason = str(error)
            time.sleep(0.5)
    print(f"not acknowledged: {reason}", file=sys.stderr)
    return False


def main():
    if len(sys.argv) != 2:
        print(f"usage: {sys.argv[0]} URL (http://127.0.0.1:9700)", file=sys.stderr)
        return 2
    if not push(sys.argv[1], LINES, epoch=int(time.time() * 1000), seq=1):
        return 1
    print("acknowledged: 2 lines")
    return 0


if __name__ == "__main__":
    sys.exit(main())
