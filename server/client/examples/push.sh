#!/bin/sh
# Pushes one measurement and one deploy marker over HTTP with curl.
#
#     sh push.sh http://127.0.0.1:9700
#
# Status 204 means: every line was taken and is on the daemon's disk. The first line of the body names the producer,
# so that a batch that curl sends again after a lost answer counts once.
set -eu
if [ $# -ne 1 ]; then
    echo "usage: $0 URL (http://127.0.0.1:9700)" >&2
    exit 2
fi
curl --silent --show-error --fail-with-body --max-time 10 --retry 5 --retry-connrefused \
    --data-binary @- "${1%/}/write" <<END
#tm1 producer=example-sh epoch=$(date +%s%3N) seq=1
cpu,service=cart,pod=a1 value=0.93
deploy,service=cart version="1.8.3",by="example"
END
echo "acknowledged: 2 lines"
