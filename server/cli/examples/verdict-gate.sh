#!/bin/sh
# A gate for a pipeline: tells of a deploy, waits for its verdict, rolls back when it is bad.
#
#   verdict-gate.sh SERVICE VERSION [ENV]
#
# TIDEMARK_SERVER  address of the daemon (default http://127.0.0.1:9700)
# TIDEMARK_KEY     file with `NAME SECRET`, if the daemon wants a key
# WAIT             how long to look (default 10m); a bad deploy ends it at once
# ROLL_BACK        command to run when the deploy is bad, by sh
# ON_SUSPECT, ON_INSUFFICIENT, ON_UNASKED
#                  exit code when it is suspect (default 1), when there was too little traffic to tell (0), and when
#                  the daemon could not be asked (0: the watcher's own trouble stops no deploy)
# TIDEMARK         the command (default tidemark)
set -u
if [ $# -lt 2 ] || [ $# -gt 3 ]; then
    echo "usage: verdict-gate.sh SERVICE VERSION [ENV]" >&2
    exit 2
fi
tidemark=${TIDEMARK:-tidemark}
service=$1
version=$2
set -- --service "$service" --version "$version" ${3:+--env "$3"} ${TIDEMARK_KEY:+--key-file "$TIDEMARK_KEY"}

# The pipeline may have told of it when it began to roll out; to tell it again would be another deploy.
if [ -z "${TOLD:-}" ] && ! "$tidemark" deploy "$@" --by pipeline; then
    echo "verdict-gate: the deploy of $service $version could not be told" >&2
    exit "${ON_UNASKED:-0}"
fi

"$tidemark" verdict "$@" --wait "${WAIT:-10m}"
code=$?
case $code in
0) exit 0 ;;
1)
    if [ -n "${ROLL_BACK:-}" ]; then
        echo "verdict-gate: $service $version is bad: rolling back" >&2
        sh -c "$ROLL_BACK" || echo "verdict-gate: the roll-back failed" >&2
    fi
    exit 1
    ;;
3) exit "${ON_SUSPECT:-1}" ;;
4) exit "${ON_INSUFFICIENT:-0}" ;;
5) exit "${ON_UNASKED:-0}" ;;
*) exit "$code" ;;
esac
