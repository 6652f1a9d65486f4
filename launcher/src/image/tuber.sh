#!/bin/sh
# The tuber command of a runtime image: needs nothing but this image.
#   TUBER_JAVA_OPTS   more flags for the JVM
here=$(dirname -- "$0")
[ ! -L "$0" ] || here=$(dirname -- "$(readlink -f -- "$0")")
home=$(cd -- "$here/.." && pwd) || exit 1
lib=$home/lib/tuber
path=$lib/launcher.jar
for jar in "$lib"/*.jar; do
  [ "$jar" = "$path" ] || path=$path:$jar
done
path=$lib/launcher.jar${path#"$lib/launcher.jar"}
cache=
# A cache that does not fit (image moved, other processor) is left aside by the JVM without a word.
[ -n "${TUBER_NO_CACHE:-}" ] || [ ! -f "$lib/tuber.aot" ] || cache="-XX:AOTCache=$lib/tuber.aot -Xlog:aot=off -Xlog:cds=off"

tty=false
size=
if [ -t 0 ]; then
  tty=true
  [ "${1:-}" != run ] || size=$(stty size 2>/dev/null)
fi
exec "$home/bin/java" "@$lib/tuber.flags" $cache -cp "$path" \
  "-Dtuber.stdin.tty=$tty" "-Dtuber.tty.size=$size" ${TUBER_JAVA_OPTS:-} \
  org.tuber.launcher.Tuber "$@"
