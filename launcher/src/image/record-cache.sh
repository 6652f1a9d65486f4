#!/bin/sh
# Records the AOT cache of an image: record-cache.sh IMAGE
# The JVM runs typical work once and stores loaded, linked classes and their profiles (JEP 483, 514, 515).
set -eu
image=$1
cache=$image/lib/tuber/tuber.aot
log=$image/lib/tuber/record.log
rm -f "$cache"
TUBER_NO_CACHE=1 TUBER_JAVA_OPTS="-XX:AOTCacheOutput=$cache" \
  "$image/bin/tuber" runtime > "$log" 2>&1 < /dev/null || true
if [ ! -f "$cache" ]; then
  cat "$log" >&2
  echo "image: the cache could not be recorded" >&2
  exit 1
fi
rm -f "$log"
