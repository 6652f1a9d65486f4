package org.tuber.devices.block.nbd.tls;

import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ByteChannel;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.SSLEngineResult;
import javax.net.ssl.SSLEngineResult.HandshakeStatus;
import javax.net.ssl.SSLException;

/**
 * A blocking channel through an {@link SSLEngine}. One thread may read while another writes; after
 * the handshake the engine allows that.
 */
final class TlsByteChannel implements ByteChannel {
  private final ByteChannel plain;
  private final SSLEngine engine;
  private final ByteBuffer netIn;
  private final ByteBuffer netOut;
  private ByteBuffer decrypted;
  private final Object readLock = new Object();
  private final Object writeLock = new Object();
  private volatile boolean closed;

  private TlsByteChannel(ByteChannel plain, SSLEngine engine) {
    this.plain = plain;
    this.engine = engine;
    int packet = engine.getSession().getPacketBufferSize();
    this.netIn = ByteBuffer.allocateDirect(packet).limit(0);
    this.netOut = ByteBuffer.allocateDirect(packet);
    this.decrypted =
        ByteBuffer.allocateDirect(engine.getSession().getApplicationBufferSize()).limit(0);
  }

  static TlsByteChannel connect(ByteChannel plain, SSLEngine engine) throws IOException {
    TlsByteChannel c = new TlsByteChannel(plain, engine);
    try {
      c.handshake();
    } catch (SSLException e) {
      throw new IOException("TLS handshake failed: " + e.getMessage(), e);
    }
    return c;
  }

  private void handshake() throws IOException {
    engine.beginHandshake();
    ByteBuffer nothing = ByteBuffer.allocate(0);
    while (true) {
      HandshakeStatus status = engine.getHandshakeStatus();
      switch (status) {
        case NEED_TASK -> runTasks();
        case NEED_WRAP -> wrap(nothing);
        case NEED_UNWRAP, NEED_UNWRAP_AGAIN -> {
          if (unwrap() < 0) {
            throw new EOFException("the server closed the connection during the TLS handshake");
          }
        }
        default -> {
          return;
        }
      }
    }
  }

  private void runTasks() {
    for (Runnable task = engine.getDelegatedTask();
        task != null;
        task = engine.getDelegatedTask()) {
      task.run();
    }
  }

  private void wrap(ByteBuffer source) throws IOException {
    synchronized (writeLock) {
      netOut.clear();
      engine.wrap(source, netOut);
      netOut.flip();
      while (netOut.hasRemaining()) {
        plain.write(netOut);
      }
    }
  }

  /** Decrypts one record into {@link #decrypted}, which is empty; -1 at the end. */
  private int unwrap() throws IOException {
    while (true) {
      decrypted.clear();
      SSLEngineResult result = engine.unwrap(netIn, decrypted);
      decrypted.flip();
      switch (result.getStatus()) {
        case BUFFER_UNDERFLOW -> {
          netIn.compact();
          int n = plain.read(netIn);
          netIn.flip();
          if (n < 0) {
            return -1;
          }
        }
        case BUFFER_OVERFLOW ->
            decrypted = ByteBuffer.allocateDirect(decrypted.capacity() * 2).limit(0);
        case CLOSED -> {
          return -1;
        }
        default -> {
          return decrypted.remaining();
        }
      }
    }
  }

  @Override
  public int read(ByteBuffer target) throws IOException {
    synchronized (readLock) {
      while (!decrypted.hasRemaining()) {
        if (unwrap() < 0) {
          return -1;
        }
        // A session ticket or a change of keys came instead of data.
        HandshakeStatus status = engine.getHandshakeStatus();
        if (status == HandshakeStatus.NEED_TASK) {
          runTasks();
        } else if (status == HandshakeStatus.NEED_WRAP) {
          wrap(ByteBuffer.allocate(0));
        }
      }
      int n = Math.min(target.remaining(), decrypted.remaining());
      target.put(decrypted.slice(decrypted.position(), n));
      decrypted.position(decrypted.position() + n);
      return n;
    }
  }

  @Override
  public int write(ByteBuffer source) throws IOException {
    int n = source.remaining();
    while (source.hasRemaining()) {
      wrap(source);
    }
    return n;
  }

  @Override
  public boolean isOpen() {
    return !closed && plain.isOpen();
  }

  @Override
  public void close() throws IOException {
    if (closed) {
      return;
    }
    closed = true;
    // No farewell record: another thread may be stuck in a write, and the protocol inside has one.
    plain.close();
  }
}
