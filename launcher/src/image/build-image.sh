#!/bin/sh
# Builds the runtime image: build-image.sh JDK TARGET
#   JDK     a JDK 25 (without jmods it is taken apart; that is the usual case)
#   TARGET  launcher/target after 'package': holds launcher.jar and lib/{app,compiler,truffle}
# Leaves TARGET/image with bin/tuber. Every step and why it is needed: README.md beside this file.
set -eu
jdk=$1
target=$2
here=$(cd -- "$(dirname -- "$0")" && pwd)
work=$target/image-work
image=$target/image
# What Graal, Truffle and our own code require of the JDK, all dependencies included.
modules="java.base java.compiler java.logging java.net.http java.management jdk.internal.vm.ci jdk.jfr jdk.management \
  jdk.unsupported jdk.net jdk.zipfs jdk.attach jdk.internal.jvmstat jdk.jcmd java.instrument java.xml \
  java.sql java.transaction.xa"

say() { echo "image: $*"; }

rm -rf "$work" "$image"
mkdir -p "$work/jmods"

if [ -f "$jdk/jmods/java.base.jmod" ]; then
  for m in $modules; do cp "$jdk/jmods/$m.jmod" "$work/jmods/"; done
else
  say "taking the JDK's own image apart"
  only=
  for m in $modules; do only="$only,regex:/$m/.*"; done
  "$jdk/bin/jimage" extract --dir "$work/classes" --include "${only#,}" "$jdk/lib/modules"
  # Native parts cannot be told apart by module any more: java.base takes them all, bar the desktop's.
  mkdir -p "$work/native" "$work/commands"
  cp -R "$jdk/lib/." "$work/native/"
  ( cd "$work/native" && rm -rf modules src.zip ct.sym jrt-fs.jar classlist psfont* libawt* libfontmanager* \
      libfreetype* libjavajpeg* libjawt* liblcms* libmlib_image* libsplashscreen* libjsound* libsaproc* )
  rm -f "$work"/native/server/*.jsa
  cp "$jdk/bin/java" "$jdk/bin/jcmd" "$work/commands/"
  for m in $modules; do
    [ "$m" = java.base ] || "$jdk/bin/jmod" create --class-path "$work/classes/$m" --compress zip-0 "$work/jmods/$m.jmod"
  done
  # java.base knows its companions by hash, and ours are new files: record theirs instead.
  "$jdk/bin/jmod" create --class-path "$work/classes/java.base" --compress zip-0 \
    --libs "$work/native" --cmds "$work/commands" --config "$jdk/conf" \
    --module-path "$work/jmods" --hash-modules '.*' "$work/jmods/java.base.jmod"
fi

say "linking Graal in"
graal=
for jar in "$target"/lib/compiler/*.jar "$target"/lib/truffle/*.jar; do graal=$graal:$jar; done
# jdk.jcmd is there for people who look at a running guest; the rest follows from the requirements.
"$jdk/bin/jlink" --disable-plugin generate-jli-classes --module-path "$work/jmods$graal" \
  --add-modules jdk.graal.compiler,org.graalvm.truffle,org.graalvm.truffle.runtime,org.graalvm.truffle.compiler,org.graalvm.polyglot,jdk.internal.vm.ci,jdk.jfr,jdk.management,jdk.unsupported,jdk.net,jdk.zipfs,jdk.jcmd,java.instrument,java.xml \
  --no-header-files --no-man-pages --compress zip-0 --output "$image"

mkdir -p "$image/lib/tuber"
cp "$target/launcher.jar" "$target"/lib/app/*.jar "$image/lib/tuber/"
cp "$here/../jvm/tuber.flags" "$here/../jvm/images.flags" "$image/lib/tuber/"
cp "$here/tuber.sh" "$image/bin/tuber"
chmod 755 "$image/bin/tuber"

say "recording the cache"
"$here/record-cache.sh" "$image"
rm -rf "$work"
say "done: $image/bin/tuber, $(du -sm "$image" | cut -f1) MB"
