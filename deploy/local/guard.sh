#!/bin/sh
# Ends what a killed launcher leaves behind. Reads "+ PID" and "- PID" lines from its parent; when
# the pipe closes, whatever is still listed is asked to stop (INT: PostgreSQL's fast shutdown, and
# the services and nats-server take it as well) and is killed ten seconds later.
trap '' INT TERM HUP
live=""
while read -r change pid; do
  rest=""
  for other in $live; do
    [ "$other" = "$pid" ] || rest="$rest $other"
  done
  live=$rest
  [ "$change" = "+" ] && live="$live $pid"
done

for pid in $live; do kill -INT "$pid" 2>/dev/null; done
tries=0
while [ "$tries" -lt 50 ]; do
  rest=""
  for pid in $live; do kill -0 "$pid" 2>/dev/null && rest="$rest $pid"; done
  [ -z "$rest" ] && exit 0
  live=$rest
  tries=$((tries + 1))
  sleep 0.2
done
for pid in $live; do kill -KILL "$pid" 2>/dev/null; done
