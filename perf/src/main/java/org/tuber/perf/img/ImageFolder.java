package org.tuber.perf.img;

import java.io.IOException;
import java.io.InputStream;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;

/** The images of a measurement: a disk whose first half holds real files, the second nothing. */
final class ImageFolder {
  private static final int CHUNK = 1 << 20;

  private final Path folder;
  private final long bytes;

  ImageFolder(Path folder, long bytes) {
    this.folder = folder;
    this.bytes = bytes;
  }

  /** The image of a source. */
  Path source(ImageTask.Source source) {
    return folder.resolve("source." + source.format);
  }

  /** What runs write to. */
  Path target() {
    return folder.resolve("target");
  }

  /** Fills the raw disk from an archive of {@code files}, as often as it takes. */
  void writeRaw(Path files) throws IOException, InterruptedException {
    try (FileChannel out =
        FileChannel.open(
            source(ImageTask.Source.RAW),
            StandardOpenOption.CREATE,
            StandardOpenOption.WRITE,
            StandardOpenOption.TRUNCATE_EXISTING)) {
      long before = -1;
      while (out.position() < bytes / 2) {
        if (out.position() == before) {
          throw new IOException("nothing to archive in " + files);
        }
        before = out.position();
        appendArchive(files, out);
      }
      out.truncate(bytes / 2);
    }
    try (var file = new RandomAccessFile(source(ImageTask.Source.RAW).toFile(), "rw")) {
      file.setLength(bytes);
    }
  }

  private void appendArchive(Path files, FileChannel out) throws IOException, InterruptedException {
    Process tar =
        new ProcessBuilder("tar", "-cf", "-", "-C", files.toString(), ".")
            .redirectError(ProcessBuilder.Redirect.DISCARD)
            .start();
    try (InputStream in = tar.getInputStream()) {
      byte[] chunk = new byte[CHUNK];
      for (int n = in.read(chunk); n > 0 && out.position() < bytes / 2; n = in.read(chunk)) {
        ByteBuffer data = ByteBuffer.wrap(chunk, 0, n);
        while (data.hasRemaining()) {
          out.write(data);
        }
      }
    } finally {
      tar.destroyForcibly();
      tar.waitFor();
    }
  }

  /**
   * Removes the target of the run before, and has the host find as much memory as the next one will
   * fill: a guest that gives free memory back to its host pays for it anew after every pause, which
   * can take longer than the run itself.
   */
  void prepare() throws IOException {
    Files.deleteIfExists(target());
    Path scratch = folder.resolve("scratch");
    try (FileChannel out =
        FileChannel.open(scratch, StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
      ByteBuffer chunk = ByteBuffer.allocateDirect(CHUNK);
      for (long at = 0; at < bytes / 2 + bytes / 16; at += CHUNK) {
        out.write(chunk.clear());
      }
    } finally {
      Files.deleteIfExists(scratch);
    }
  }

  /** A copy of a source at the target's place. */
  void copyToTarget(ImageTask.Source source) throws IOException {
    Files.copy(source(source), target(), StandardCopyOption.REPLACE_EXISTING);
  }
}
