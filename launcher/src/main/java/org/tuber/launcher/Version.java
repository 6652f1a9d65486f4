package org.tuber.launcher;

/** Who we are, for {@code -version} and boot logs. */
public final class Version {
  private Version() {}

  /** The release, from the jar's manifest; {@code dev} when run from class folders. */
  public static String number() {
    String version = Version.class.getPackage().getImplementationVersion();
    return version == null ? "dev" : version;
  }

  /** The line that {@code tuber -version} prints. */
  public static String line() {
    return "Tuber emulator version " + number();
  }
}
