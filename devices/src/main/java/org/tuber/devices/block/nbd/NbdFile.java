package org.tuber.devices.block.nbd;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.tuber.devices.block.BlockStatus;
import org.tuber.devices.block.Bytes;
import org.tuber.devices.block.ImageException;
import org.tuber.devices.block.ImageFile;
import org.tuber.devices.block.nbd.tls.TlsCredentials;

/**
 * An export of an NBD server as an image file.
 *
 * <p>Requests of several threads are on the way at once. When the connection breaks, it is made
 * anew, and all requests without an answer are sent again: each of them may be carried out twice
 * without harm. They wait for that for some time; after it they and later ones fail, until the
 * server is back. Writes the old server had answered but not flushed are the server's to keep.
 */
public final class NbdFile implements ImageFile {
  private static final Logger LOG = LoggerFactory.getLogger(NbdFile.class);
  private static final long RETRY_NANOS = TimeUnit.MILLISECONDS.toNanos(50);

  /** When requests no longer wait for it. */
  private static final long SLOW_RETRY_NANOS = TimeUnit.SECONDS.toNanos(1);

  private static final int MAX_STATUS_BYTES = 1 << 30;

  /** A request without an answer. */
  private static final class Pending {
    final int type;
    final int flags;
    final long offset;
    final int length;
    final ByteBuffer payload;
    final ByteBuffer target;
    final List<long[]> extents = new ArrayList<>();
    boolean done;
    IOException failure;

    /** Where it was sent last; under the lock for sending. */
    NbdConnection sentTo;

    Pending(int type, int flags, long offset, int length, ByteBuffer payload, ByteBuffer target) {
      this.type = type;
      this.flags = flags;
      this.offset = offset;
      this.length = length;
      this.payload = payload;
      this.target = target;
    }
  }

  private final String name;
  private final NbdAddress address;
  private final TlsCredentials tls;
  private final boolean writable;
  private final Map<Long, Pending> pending = new LinkedHashMap<>();
  private final Object sendLock = new Object();
  private final Thread reader;
  private NbdConnection connection;
  private long nextCookie = 1;
  private boolean closed;

  /** Why requests fail at once; null while they do not. */
  private IOException lost;

  private int reconnects;
  private int resent;

  private NbdFile(
      String name,
      NbdAddress address,
      TlsCredentials tls,
      NbdConnection connection,
      boolean writable) {
    this.name = name;
    this.address = address;
    this.tls = tls;
    this.connection = connection;
    this.writable = writable;
    this.reader = Thread.ofPlatform().daemon().name("nbd " + name).unstarted(this::readReplies);
  }

  /** Connects to an export, with what the name says about encryption. */
  public static NbdFile open(String name, boolean writable) throws IOException {
    return open(name, writable, null);
  }

  /** All exports of the server a name leads to. */
  public static List<NbdExportInfo> exports(String name, TlsCredentials credentials)
      throws IOException {
    NbdAddress address = NbdAddress.parse(name);
    TlsCredentials tls = credentials != null ? credentials : address.credentials();
    return NbdConnection.list(name, address, tls);
  }

  /** Connects to an export; with credentials the connection is encrypted whatever the name says. */
  public static NbdFile open(String name, boolean writable, TlsCredentials credentials)
      throws IOException {
    NbdAddress address = NbdAddress.parse(name);
    TlsCredentials tls = credentials != null ? credentials : address.credentials();
    NbdConnection c;
    try {
      c = NbdConnection.open(name, address, tls);
    } catch (ImageException e) {
      throw e;
    } catch (IOException e) {
      throw new ImageException(name, "connection", String.valueOf(e.getMessage()), e);
    }
    if (writable && c.has(NbdProtocol.EXPORT_READ_ONLY)) {
      c.close();
      throw new ImageException(name, "export", "is read-only");
    }
    NbdFile f = new NbdFile(name, address, tls, c, writable);
    f.reader.start();
    return f;
  }

  private synchronized NbdConnection connection() throws IOException {
    if (lost != null) {
      throw new ImageException(name, "connection", "lost: " + lost.getMessage(), lost);
    }
    return connection;
  }

  private void request(Pending p) throws IOException {
    long cookie;
    synchronized (this) {
      if (closed) {
        throw new ImageException(name, "connection", "is closed");
      }
      connection();
      cookie = nextCookie++;
      pending.put(cookie, p);
    }
    synchronized (sendLock) {
      try {
        // After a reconnection it may have been sent already.
        send(connection(), cookie, p);
      } catch (IOException e) {
        LOG.debug("{}: sending failed, the reader will reconnect", name, e);
      }
    }
    synchronized (this) {
      try {
        while (!p.done) {
          wait();
        }
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new IOException("interrupted", e);
      }
      if (p.failure != null) {
        throw p.failure;
      }
    }
  }

  /** Sends a request unless it was, or has its answer; under the lock for sending. */
  private void send(NbdConnection c, long cookie, Pending p) throws IOException {
    synchronized (this) {
      if (p.done || p.sentTo == c) {
        return;
      }
      resent += p.sentTo == null ? 0 : 1;
      p.sentTo = c;
      p.extents.clear();
      p.failure = null;
    }
    ByteBuffer h = ByteBuffer.allocate(28);
    h.putInt(NbdProtocol.REQUEST_MAGIC).putShort((short) p.flags).putShort((short) p.type);
    h.putLong(cookie).putLong(p.offset).putInt(p.length).flip();
    if (p.payload != null) {
      c.send(h, p.payload.duplicate());
    } else {
      c.send(h);
    }
  }

  private void readReplies() {
    while (true) {
      try {
        NbdConnection c;
        synchronized (this) {
          c = connection;
        }
        while (true) {
          readReply(c);
        }
      } catch (IOException e) {
        if (!reconnect(e)) {
          return;
        }
      }
    }
  }

  /** Connects anew and has everything sent again; false if the file was closed. */
  private boolean reconnect(IOException cause) {
    int before;
    synchronized (this) {
      before = reconnects;
      if (closed) {
        fail(cause);
        return false;
      }
    }
    // What the old connection still holds must not be carried out after newer requests.
    disconnect();
    LOG.info("{}: connection lost: {}", name, cause.getMessage());
    Thread.ofVirtual().start(() -> loseHopeLater(before, cause));
    while (true) {
      try {
        NbdConnection fresh = NbdConnection.open(name, address, tls);
        Map<Long, Pending> again = adopt(fresh);
        // Meanwhile answers are read: a server may stop taking requests when nobody takes those.
        Thread.ofVirtual().start(() -> resend(fresh, again));
        LOG.info("{}: reconnected", name);
        return true;
      } catch (IOException e) {
        LOG.debug("{}: no connection yet", name, e);
        synchronized (this) {
          if (closed) {
            fail(cause);
            return false;
          }
          lost = lost == null ? null : e;
        }
        LockSupport.parkNanos(isLost() ? SLOW_RETRY_NANOS : RETRY_NANOS);
      }
    }
  }

  private void disconnect() {
    NbdConnection old;
    synchronized (this) {
      old = connection;
    }
    try {
      old.close();
    } catch (IOException e) {
      LOG.debug("{}: closing what is left", name, e);
    }
  }

  /** Makes a connection the one for all requests; returns those that are without an answer. */
  private synchronized Map<Long, Pending> adopt(NbdConnection fresh) throws IOException {
    if (closed || fresh.exportBytes() < connection.exportBytes()) {
      fresh.close();
      throw new ImageException(name, "export size", "shrank while reconnecting");
    }
    connection = fresh;
    lost = null;
    reconnects++;
    notifyAll();
    return new LinkedHashMap<>(pending);
  }

  private void resend(NbdConnection c, Map<Long, Pending> again) {
    synchronized (sendLock) {
      try {
        for (Map.Entry<Long, Pending> e : again.entrySet()) {
          send(c, e.getKey(), e.getValue());
        }
      } catch (IOException e) {
        LOG.debug("{}: sending again failed, the reader will reconnect", name, e);
      }
    }
  }

  /** Lets requests fail if the connection is not there again in time. */
  private synchronized void loseHopeLater(int before, IOException cause) {
    long deadline = System.nanoTime() + address.reconnectNanos();
    try {
      while (reconnects == before && !closed) {
        long left = deadline - System.nanoTime();
        if (left <= 0) {
          LOG.warn("{}: no connection: {}", name, cause.getMessage());
          fail(cause);
          return;
        }
        TimeUnit.NANOSECONDS.timedWait(this, left);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private synchronized boolean isLost() {
    return lost != null;
  }

  private synchronized void fail(IOException cause) {
    lost = cause;
    for (Pending p : pending.values()) {
      p.failure = new ImageException(name, "connection", "lost: " + cause.getMessage(), cause);
      p.done = true;
    }
    pending.clear();
    notifyAll();
  }

  /** How often the connection was made again. */
  synchronized int reconnects() {
    return reconnects;
  }

  /** How many requests were sent again. */
  synchronized int resent() {
    return resent;
  }

  private void readReply(NbdConnection c) throws IOException {
    int magic = c.receive(4).getInt();
    if (magic == NbdProtocol.SIMPLE_REPLY_MAGIC) {
      ByteBuffer h = c.receive(12);
      int error = h.getInt();
      long cookie = h.getLong();
      Pending p = find(cookie);
      if (error == 0 && p.target != null) {
        c.receive(p.target.duplicate());
      }
      finish(cookie, error == 0 ? null : failure(error, ""));
      return;
    }
    if (magic != NbdProtocol.STRUCTURED_REPLY_MAGIC) {
      throw new IOException("reply with wrong magic " + Integer.toHexString(magic));
    }
    ByteBuffer h = c.receive(16);
    int flags = h.getShort();
    int type = h.getShort() & 0xffff;
    long cookie = h.getLong();
    int length = h.getInt();
    if (length < 0 || length > NbdProtocol.MAX_PAYLOAD_BYTES + 64) {
      throw new IOException("reply chunk of " + Integer.toUnsignedString(length) + " bytes");
    }
    Pending p = find(cookie);
    IOException failure = readChunk(c, p, type, length);
    if (failure != null) {
      synchronized (this) {
        p.failure = failure;
      }
    }
    if ((flags & NbdProtocol.CHUNK_DONE) != 0) {
      finish(cookie, null);
    }
  }

  private IOException readChunk(NbdConnection c, Pending p, int type, int length)
      throws IOException {
    switch (type) {
      case NbdProtocol.CHUNK_NONE -> {
        c.receive(length);
        return null;
      }
      case NbdProtocol.CHUNK_DATA -> {
        c.receive(window(p, c.receive(8).getLong(), length - 8));
        return null;
      }
      case NbdProtocol.CHUNK_HOLE -> {
        ByteBuffer b = c.receive(12);
        Bytes.zeroFill(window(p, b.getLong(), b.getInt()));
        return null;
      }
      case NbdProtocol.CHUNK_STATUS -> {
        ByteBuffer b = c.receive(length);
        if (length >= 4 && b.getInt() == c.contextId()) {
          while (b.remaining() >= 8) {
            p.extents.add(new long[] {Integer.toUnsignedLong(b.getInt()), b.getInt()});
          }
        }
        return null;
      }
      default -> {
        ByteBuffer b = c.receive(length);
        if (type < 0x8000) {
          throw new IOException("unknown reply chunk " + type);
        }
        int error = length >= 4 ? b.getInt() : NbdProtocol.EIO;
        int n = length >= 6 ? Math.min(b.getShort() & 0xffff, b.remaining()) : 0;
        b.limit(b.position() + n);
        return failure(error, StandardCharsets.UTF_8.decode(b).toString());
      }
    }
  }

  private static ByteBuffer window(Pending p, long offset, int length) throws IOException {
    long at = offset - p.offset;
    if (p.target == null || at < 0 || length < 0 || at + length > p.target.remaining()) {
      throw new IOException("reply data outside the request");
    }
    return p.target.slice(p.target.position() + (int) at, length);
  }

  private ImageException failure(int error, String text) {
    String what =
        switch (error) {
          case NbdProtocol.EPERM -> "Operation not permitted";
          case NbdProtocol.EINVAL -> "Invalid argument";
          case NbdProtocol.ENOSPC -> "No space left on device";
          case NbdProtocol.ENOTSUP -> "Operation not supported";
          default -> "Input/output error";
        };
    return new ImageException(name, "server", what + (text.isEmpty() ? "" : ": " + text));
  }

  private synchronized Pending find(long cookie) throws IOException {
    Pending p = pending.get(cookie);
    if (p == null) {
      throw new IOException("reply to no request");
    }
    return p;
  }

  private synchronized void finish(long cookie, IOException failure) {
    Pending p = pending.remove(cookie);
    if (failure != null) {
      p.failure = failure;
    }
    p.done = true;
    notifyAll();
  }

  @Override
  public String name() {
    return name;
  }

  @Override
  public synchronized long size() {
    return connection.exportBytes();
  }

  @Override
  public boolean isReadOnly() {
    return !writable;
  }

  @Override
  public void read(long offset, ByteBuffer target) throws IOException {
    long there = Math.clamp(size() - offset, 0, target.remaining());
    int max = connection().maxPayloadBytes();
    long at = offset;
    while (there > 0) {
      int n = (int) Math.min(there, max);
      request(
          new Pending(NbdProtocol.CMD_READ, 0, at, n, null, target.slice(target.position(), n)));
      target.position(target.position() + n);
      at += n;
      there -= n;
    }
    Bytes.zeroFill(target);
  }

  @Override
  public void write(long offset, ByteBuffer source) throws IOException {
    int max = connection().maxPayloadBytes();
    long at = offset;
    while (source.hasRemaining()) {
      int n = Math.min(source.remaining(), max);
      ByteBuffer part = source.slice(source.position(), n);
      request(new Pending(NbdProtocol.CMD_WRITE, 0, at, n, part, null));
      source.position(source.position() + n);
      at += n;
    }
  }

  @Override
  public void setSize(long bytes) throws IOException {
    if (bytes > size()) {
      throw new ImageException(name, "size", "an export cannot be made larger from here");
    }
  }

  @Override
  public void flush() throws IOException {
    if (writable && connection().has(NbdProtocol.EXPORT_FLUSH)) {
      request(new Pending(NbdProtocol.CMD_FLUSH, 0, 0, 0, null, null));
    }
  }

  @Override
  public void discard(long offset, long length) throws IOException {
    if (connection().has(NbdProtocol.EXPORT_TRIM)) {
      split(NbdProtocol.CMD_TRIM, 0, offset, length);
    }
  }

  @Override
  public void writeZeroes(long offset, long length, boolean unmap) throws IOException {
    if (connection().has(NbdProtocol.EXPORT_WRITE_ZEROES)) {
      int flags = unmap ? 0 : NbdProtocol.CMD_FLAG_NO_HOLE;
      split(NbdProtocol.CMD_WRITE_ZEROES, flags, offset, length);
      return;
    }
    ByteBuffer zeros = ByteBuffer.allocate((int) Math.min(length, 1 << 20));
    for (long done = 0; done < length; done += zeros.capacity()) {
      zeros.clear().limit((int) Math.min(zeros.capacity(), length - done));
      write(offset + done, zeros);
    }
  }

  private void split(int type, int flags, long offset, long length) throws IOException {
    for (long done = 0; done < length; ) {
      int n = (int) Math.min(length - done, MAX_STATUS_BYTES);
      request(new Pending(type, flags, offset + done, n, null, null));
      done += n;
    }
  }

  @Override
  public void allocate(long offset, long length) {
    // Space is the server's business.
  }

  @Override
  public BlockStatus status(long offset, long length) throws IOException {
    long there = size() - offset;
    if (there <= 0) {
      return BlockStatus.of(offset, length, BlockStatus.Kind.ZERO);
    }
    int n = (int) Math.min(Math.min(length, there), MAX_STATUS_BYTES);
    if (!connection().hasAllocation()) {
      return new BlockStatus(offset, n, BlockStatus.Kind.DATA, offset, false);
    }
    Pending p = new Pending(NbdProtocol.CMD_BLOCK_STATUS, 0, offset, n, null, null);
    request(p);
    long state = p.extents.isEmpty() ? 0 : p.extents.getFirst()[1] & NbdProtocol.STATE_ZERO;
    long bytes = 0;
    for (long[] e : p.extents) {
      if ((e[1] & NbdProtocol.STATE_ZERO) != state) {
        break;
      }
      bytes += e[0];
    }
    bytes = bytes == 0 ? n : Math.min(bytes, n);
    BlockStatus.Kind kind = state != 0 ? BlockStatus.Kind.ZERO : BlockStatus.Kind.DATA;
    return new BlockStatus(offset, bytes, kind, offset, false);
  }

  @Override
  public long allocatedBytes() {
    return -1;
  }

  @Override
  public void close() throws IOException {
    NbdConnection c;
    synchronized (this) {
      if (closed) {
        return;
      }
      closed = true;
      c = connection;
      notifyAll();
    }
    LockSupport.unpark(reader);
    ByteBuffer bye = ByteBuffer.allocate(28);
    bye.putInt(NbdProtocol.REQUEST_MAGIC).putShort((short) 0);
    bye.putShort((short) NbdProtocol.CMD_DISC).position(28).flip();
    synchronized (sendLock) {
      try {
        c.send(bye);
      } catch (IOException e) {
        LOG.debug("{}: already disconnected", name, e);
      }
      c.close();
    }
  }
}
