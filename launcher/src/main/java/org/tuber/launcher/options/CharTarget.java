package org.tuber.launcher.options;

import java.net.InetSocketAddress;
import java.nio.file.Path;
import org.tuber.machine.remote.SocketTarget;

/** What the host end of a character device is, as options describe it. */
public sealed interface CharTarget {
  /**
   * Standard input and output.
   *
   * @param signals Ctrl-C and friends act on Tuber, not on the guest
   */
  record Stdio(boolean signals) implements CharTarget {
    @Override
    public String toString() {
      return "stdio";
    }
  }

  /** Output to a file, which is emptied first unless {@code append}. */
  record ToFile(Path file, boolean append) implements CharTarget {
    @Override
    public String toString() {
      return "file:" + file;
    }
  }

  /** Named pipes: {@code path.in} and {@code path.out}, or {@code path} both ways. */
  record Pipe(Path path) implements CharTarget {
    @Override
    public String toString() {
      return "pipe:" + path;
    }
  }

  /** A new pseudo-terminal whose name is printed. */
  record Pty() implements CharTarget {
    @Override
    public String toString() {
      return "pty";
    }
  }

  /**
   * A socket.
   *
   * @param telnet bytes are those of the TELNET protocol
   * @param reconnectSeconds a lost connection is made again after this time; 0: never
   */
  record Socket(SocketTarget target, boolean telnet, int reconnectSeconds) implements CharTarget {
    @Override
    public String toString() {
      String text = target.toString();
      return telnet ? text.replaceFirst("^tcp:", "telnet:") : text;
    }
  }

  /**
   * UDP.
   *
   * @param remote where output goes and input comes from
   * @param local where input arrives; port 0: any
   */
  record Udp(InetSocketAddress remote, InetSocketAddress local) implements CharTarget {
    @Override
    public String toString() {
      return "udp:" + remote.getHostString() + ":" + remote.getPort();
    }
  }

  /** Memory of this size. */
  record Ring(int bytes) implements CharTarget {
    @Override
    public String toString() {
      return "ringbuf";
    }
  }

  /** A terminal in the display, if the display has any. */
  record Vc() implements CharTarget {
    @Override
    public String toString() {
      return "vc";
    }
  }

  /** Present, but nobody listens. */
  record Nowhere() implements CharTarget {
    @Override
    public String toString() {
      return "null";
    }
  }
}
