# Sourced by ./mvnw and ./tuber: sets JAVA_HOME to a JDK 25, or says what to install and fails.
# Looked at in order: JAVA_HOME, the java on PATH, the usual install folders.

# Without other programs: starting one takes longer than all the rest.
tuber_is_jdk25() {
  [ -x "$1/bin/java" ] && [ -x "$1/bin/javac" ] && [ -f "$1/release" ] || return 1
  while IFS= read -r line; do
    case $line in
      'JAVA_VERSION="25'[.\"]*) return 0 ;;
    esac
  done < "$1/release"
  return 1
}

tuber_find_jdk25() {
  if [ -n "${JAVA_HOME:-}" ] && tuber_is_jdk25 "$JAVA_HOME"; then
    return 0
  fi
  path_java=$(command -v java 2>/dev/null || true)
  if [ -n "$path_java" ]; then
    path_home=$(dirname "$(dirname "$(readlink -f "$path_java")")")
    if tuber_is_jdk25 "$path_home"; then
      JAVA_HOME=$path_home
      return 0
    fi
  fi
  for home in /usr/lib/jvm/* /usr/java/* /opt/*jdk* /opt/java/* "$HOME"/.sdkman/candidates/java/* \
      "$HOME"/.jdks/* /Library/Java/JavaVirtualMachines/*/Contents/Home; do
    if tuber_is_jdk25 "$home"; then
      JAVA_HOME=$home
      return 0
    fi
  done
  echo "tuber: no JDK 25 found (looked at JAVA_HOME, PATH and the usual install folders)." >&2
  echo "tuber: install one, e.g. Debian package 'temurin-25-jdk' or 'openjdk-25-jdk', or set JAVA_HOME." >&2
  return 1
}

tuber_find_jdk25 && export JAVA_HOME
