package org.tuber.launcher.guest;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import org.tuber.launcher.CommandLineException;

/**
 * What is fetched once and kept: {@code $XDG_CACHE_HOME/tuber} (XDG Base Directory Specification),
 * else {@code ~/.cache/tuber}.
 */
final class CacheFolder {
  /** Work done while no other process is in the folder. */
  interface Work<T> {
    T run(Path folder) throws IOException, InterruptedException;
  }

  private final Path root;

  CacheFolder(Path root) {
    this.root = root;
  }

  static CacheFolder ofUser() {
    String xdg = System.getenv("XDG_CACHE_HOME");
    Path base =
        xdg != null && !xdg.isBlank() && Path.of(xdg).isAbsolute()
            ? Path.of(xdg)
            : Path.of(System.getProperty("user.home"), ".cache");
    return new CacheFolder(base.resolve("tuber"));
  }

  /** Runs {@code work} on sub-folder {@code name}, alone among all processes of this user. */
  <T> T alone(String name, Work<T> work) {
    Path folder = root.resolve(name);
    try {
      Files.createDirectories(folder);
      try (FileChannel file =
          FileChannel.open(
              folder.resolve(".lock"), StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
        // Released with the channel.
        file.lock();
        return work.run(folder);
      }
    } catch (IOException e) {
      throw new CommandLineException("run: " + folder + ": " + e.getMessage());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new CommandLineException("run: interrupted");
    }
  }

  /** Deletes a tree; nothing there is fine. */
  static void delete(Path tree) throws IOException {
    if (!Files.exists(tree)) {
      return;
    }
    Files.walkFileTree(
        tree,
        new SimpleFileVisitor<>() {
          @Override
          public FileVisitResult visitFile(Path file, BasicFileAttributes attributes)
              throws IOException {
            Files.delete(file);
            return FileVisitResult.CONTINUE;
          }

          @Override
          public FileVisitResult postVisitDirectory(Path dir, IOException e) throws IOException {
            if (e != null) {
              throw e;
            }
            Files.delete(dir);
            return FileVisitResult.CONTINUE;
          }
        });
  }
}
