#!/bin/sh
# Records the AOT cache of an image: record-cache.sh IMAGE
# The JVM runs typical work once and stores loaded, linked classes and their profiles (JEP 483, 514, 515).
# The best work is the boot of a Linux guest; it is taken when one has been fetched, else a mere start.
set -eu
image=$1
cache=$image/lib/tuber/tuber.aot
log=$image/lib/tuber/record.log
kept=${XDG_CACHE_HOME:-$HOME/.cache}/tuber/debian-amd64/ready
set -- runtime
if [ -f "${TUBER_GUESTS:-}/amd64/vmlinux" ]; then
  set -- "$TUBER_GUESTS/amd64/vmlinux" "$TUBER_GUESTS/amd64/initrd.cpio.gz"
elif [ -f "$kept/vmlinux" ] && [ -f "$kept/initrd.gz" ]; then
  set -- "$kept/vmlinux" "$kept/initrd.gz"
fi
if [ $# = 2 ]; then
  echo "image: by booting $1"
  set -- system-x86_64 -M pc -m 512 -nographic -no-reboot -nic none -kernel "$1" -initrd "$2" \
    -append "console=ttyS0 quiet nokaslr mitigations=off cryptomgr.notests"
fi
# Classes too old to be recorded are brought up to date first.
"$image/bin/java" -cp "$image/lib/tuber/launcher.jar" org.tuber.launcher.runtime.RenewedJar \
  "$image"/lib/tuber/picocli-*.jar
rm -f "$cache"
TUBER_NO_CACHE=1 TUBER_JAVA_OPTS="-XX:AOTCacheOutput=$cache" \
  timeout 600 "$image/bin/tuber" "$@" > "$log" 2>&1 < /dev/null || true
if [ ! -f "$cache" ]; then
  cat "$log" >&2
  echo "image: the cache could not be recorded" >&2
  exit 1
fi

# Commands on images have flags and a cache of their own.
cache=$image/lib/tuber/images.aot
work=$(mktemp -d)
truncate -s 8M "$work/a.raw"
printf x >> "$work/a.raw"
rm -f "$cache"
TUBER_NO_CACHE=1 TUBER_JAVA_OPTS="-XX:AOTCacheOutput=$cache" \
  "$image/bin/tuber" img convert -O qcow2 "$work/a.raw" "$work/a.qcow2" > "$log" 2>&1 < /dev/null || true
rm -rf "$work"
if [ ! -f "$cache" ]; then
  cat "$log" >&2
  echo "image: the cache of commands on images could not be recorded" >&2
  exit 1
fi
rm -f "$log"
