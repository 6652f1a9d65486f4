#!/bin/sh
# The tuber command of a runtime image: needs nothing but this image.
#   TUBER_JAVA_OPTS   more flags for the JVM
here=$(dirname -- "$0")
[ ! -L "$0" ] || here=$(dirname -- "$(readlink -f -- "$0")")
home=$(cd -- "$here/.." && pwd) || exit 1
lib=$home/lib/tuber
path=$lib/launcher.jar
# Jars are opened in order until a class is found: the small ones that every command needs come first.
for jar in "$lib"/picocli-*.jar "$lib"/devices-*.jar "$lib"/core-*.jar "$lib"/*.jar; do
  case :$path: in
    *":$jar:"*) ;;
    *) path=$path:$jar ;;
  esac
done
kind=tuber
jit=
case "${1:-} ${2:-} $*" in
  # Commands on images run no guest. Most of a short one is start-up; ciphers, though, need the optimising compiler.
  img\ *secret* | nbd\ *) kind=images ;;
  "img convert "* | "img create "* | "img info "* | "img measure "* | "img resize "* | "img snapshot "*)
    kind=images
    jit=-XX:TieredStopAtLevel=1
    ;;
  img\ *) kind=images ;;
esac
cache=
# A cache that does not fit (image moved, other processor) is left aside by the JVM without a word.
# With AOTReplayTraining, which compiles early what the recorded run compiled, a boot takes 5 % longer.
[ -n "${TUBER_NO_CACHE:-}" ] || [ ! -f "$lib/$kind.aot" ] ||
  cache="-XX:AOTCache=$lib/$kind.aot -Xlog:aot=off -Xlog:cds=off -XX:+UnlockDiagnosticVMOptions -XX:-AOTReplayTraining"

tty=false
size=
if [ -t 0 ]; then
  tty=true
  [ "${1:-}" != run ] || size=$(stty size 2>/dev/null)
fi
# A Linux program finds the descriptors it is started with. The JVM opens many more and cannot tell them apart.
descriptors=
if [ "${1:-}" = user ] && [ -d /proc/$$/fdinfo ]; then
  for file in /proc/$$/fd/*; do
    file=${file##*/}
    [ "$file" -gt 2 ] || continue
    flags=02000000
    { read -r _ && read -r _ flags; } 2>/dev/null < "/proc/$$/fdinfo/$file" || continue
    # Closed when the JVM starts (O_CLOEXEC): the script itself.
    [ $((flags & 02000000)) -ne 0 ] || descriptors="$descriptors $file"
  done
fi
# A program sees the caller's limit of descriptors, which the JVM raises for itself.
files=
[ "${1:-}" != user ] || files=-Dtuber.user.files=$(ulimit -Sn)
exec "$home/bin/java" "@$lib/$kind.flags" $files $jit $cache -cp "$path" \
  "-Dtuber.stdin.tty=$tty" "-Dtuber.tty.size=$size" "-Dtuber.descriptors=$descriptors" ${TUBER_JAVA_OPTS:-} \
  org.tuber.launcher.Tuber "$@"
