package org.tuber.devices.block;

import java.io.IOException;

/**
 * An image that cannot be used, or an operation it does not allow. Names the image and the field at
 * fault, so that a damaged or hostile header is explained and not only refused.
 */
public final class ImageException extends IOException {
  private static final long serialVersionUID = 1L;

  private final String problem;
  private final String image;
  private final String field;

  /**
   * @param image file name or URL
   * @param field header field, table or option at fault
   * @param problem what is wrong with it
   */
  public ImageException(String image, String field, String problem) {
    super("'" + image + "': " + field + ": " + problem);
    this.problem = problem;
    this.image = image;
    this.field = field;
  }

  /** The same with a cause. */
  public ImageException(String image, String field, String problem, Throwable cause) {
    this(image, field, problem);
    initCause(cause);
  }

  /** What is wrong with the field. */
  public String problem() {
    return problem;
  }

  /** File name or URL of the image. */
  public String image() {
    return image;
  }

  /** The field, table or option at fault. */
  public String field() {
    return field;
  }
}
