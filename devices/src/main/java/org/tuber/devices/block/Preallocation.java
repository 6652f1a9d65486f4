package org.tuber.devices.block;

/** How much of a new image or of new space in it is laid out at once. */
public enum Preallocation {
  /** Nothing. */
  OFF,
  /** Tables, but no data space. */
  METADATA,
  /** Tables, and data space reserved on the host without writing it. */
  FALLOC,
  /** Tables, and data space written with zeros. */
  FULL;

  /** The option value, in lower case. */
  public String optionValue() {
    return name().toLowerCase(java.util.Locale.ROOT);
  }

  /** Parses an option value. */
  public static Preallocation parse(String image, String value) throws ImageException {
    for (Preallocation p : values()) {
      if (p.optionValue().equals(value)) {
        return p;
      }
    }
    throw new ImageException(image, "preallocation", "invalid value '" + value + "'");
  }
}
