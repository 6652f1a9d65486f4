package org.tuber.devices.block.http;

import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.URISyntaxException;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.tuber.devices.block.BlockStatus;
import org.tuber.devices.block.Bytes;
import org.tuber.devices.block.ImageException;
import org.tuber.devices.block.ReadOnlyFile;

/**
 * A file on a web server, read-only, by range requests (RFC 9110, section 14). Blocks that were
 * read are kept, a few of them; a request that fails is made again. The server has to know ranges,
 * and the file must not change: its length and entity tag are looked at with each answer.
 */
public final class HttpFile implements ReadOnlyFile {
  private static final int BLOCK_BYTES = 256 << 10;
  private static final int MAX_BLOCKS = 64;
  private static final int TRIES = 4;
  private static final long RETRY_NANOS = TimeUnit.MILLISECONDS.toNanos(300);
  private static final Duration TIMEOUT = Duration.ofSeconds(30);
  private static final int OK = 200;
  private static final int PARTIAL = 206;
  private static final Pattern CONTENT_RANGE = Pattern.compile("bytes (\\d+)-(\\d+)/(\\d+)");

  private final String name;
  private final URI uri;
  private final HttpClient client;
  private final Map<Long, byte[]> blocks =
      new LinkedHashMap<>(16, 0.75f, true) {
        private static final long serialVersionUID = 1L;

        @Override
        protected boolean removeEldestEntry(Map.Entry<Long, byte[]> eldest) {
          return size() > MAX_BLOCKS;
        }
      };
  private long size = -1;
  private String tag;

  private HttpFile(String name, URI uri) {
    this.name = name;
    this.uri = uri;
    this.client =
        HttpClient.newBuilder()
            .connectTimeout(TIMEOUT)
            .followRedirects(HttpClient.Redirect.NORMAL)
            .build();
  }

  /** True for names this class understands. */
  public static boolean matches(String name) {
    return name.startsWith("http://") || name.startsWith("https://");
  }

  /** Looks whether the file is there and learns its length. */
  public static HttpFile open(String name, boolean writable) throws IOException {
    if (writable) {
      throw new ImageException(name, "file", "files on web servers are read-only");
    }
    URI uri;
    try {
      uri = new URI(name);
    } catch (URISyntaxException e) {
      throw new ImageException(name, "URL", e.getReason(), e);
    }
    if (uri.getHost() == null) {
      throw new ImageException(name, "URL", "has no host");
    }
    HttpFile f = new HttpFile(name, uri);
    try {
      f.block(0);
    } catch (IOException e) {
      f.close();
      throw e;
    }
    return f;
  }

  /** One block; past the end of the file it is short or empty. */
  private byte[] block(long number) throws IOException {
    synchronized (blocks) {
      byte[] known = blocks.get(number);
      if (known != null) {
        return known;
      }
    }
    IOException failure = null;
    for (int i = 0; i < TRIES; i++) {
      try {
        byte[] fresh = fetch(number * BLOCK_BYTES);
        synchronized (blocks) {
          blocks.put(number, fresh);
        }
        return fresh;
      } catch (ImageException e) {
        throw e;
      } catch (IOException e) {
        failure = e;
        LockSupport.parkNanos(RETRY_NANOS << i);
      }
    }
    throw new ImageException(name, "connection", String.valueOf(failure.getMessage()), failure);
  }

  private byte[] fetch(long from) throws IOException {
    HttpRequest request =
        HttpRequest.newBuilder(uri)
            .timeout(TIMEOUT)
            .header("Range", "bytes=" + from + "-" + (from + BLOCK_BYTES - 1))
            .header("Accept-Encoding", "identity")
            .build();
    HttpResponse<InputStream> response;
    try {
      response = client.send(request, HttpResponse.BodyHandlers.ofInputStream());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new ImageException(name, "connection", "interrupted", e);
    } catch (IllegalArgumentException e) {
      throw new ImageException(name, "URL", String.valueOf(e.getMessage()), e);
    }
    try (InputStream body = response.body()) {
      int status = response.statusCode();
      if (status == OK) {
        throw new ImageException(name, "server", "does not serve parts of files (range requests)");
      }
      if (status >= 500) {
        throw new IOException("the server answers " + status);
      }
      if (status != PARTIAL) {
        throw new ImageException(name, "server", "answers " + status);
      }
      Matcher range =
          CONTENT_RANGE.matcher(response.headers().firstValue("Content-Range").orElse(""));
      if (!range.matches() || range.group(3).length() > 18) {
        throw new ImageException(name, "Content-Range", "is missing or malformed");
      }
      long total = Long.parseLong(range.group(3));
      if (!range.group(1).equals(Long.toString(from))) {
        throw new ImageException(name, "Content-Range", "is not what was asked for");
      }
      note(total, response.headers().firstValue("ETag").orElse(""));
      int want = (int) Math.min(BLOCK_BYTES, total - from);
      byte[] data = body.readNBytes(want);
      if (data.length < want) {
        throw new IOException("the answer ends early");
      }
      return data;
    }
  }

  private synchronized void note(long total, String entity) throws ImageException {
    if (size < 0) {
      size = total;
      tag = entity;
    } else if (size != total || !tag.equals(entity)) {
      throw new ImageException(name, "file", "has changed on the server");
    }
  }

  @Override
  public String name() {
    return name;
  }

  @Override
  public synchronized long size() {
    return size;
  }

  @Override
  public void read(long offset, ByteBuffer target) throws IOException {
    long at = offset;
    long end = size();
    while (target.hasRemaining() && at < end) {
      byte[] b = block(at / BLOCK_BYTES);
      int skip = (int) (at % BLOCK_BYTES);
      int n = Math.min(target.remaining(), b.length - skip);
      target.put(b, skip, n);
      at += n;
    }
    Bytes.zeroFill(target);
  }

  @Override
  public ImageException readOnly() {
    return new ImageException(name, "file", "files on web servers are read-only");
  }

  @Override
  public BlockStatus status(long offset, long length) {
    long there = size() - offset;
    return there <= 0
        ? BlockStatus.of(offset, length, BlockStatus.Kind.ZERO)
        : new BlockStatus(offset, Math.min(length, there), BlockStatus.Kind.DATA, offset, false);
  }

  @Override
  public void close() {
    client.shutdownNow();
  }
}
