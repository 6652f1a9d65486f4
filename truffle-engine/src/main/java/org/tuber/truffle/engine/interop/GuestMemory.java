package org.tuber.truffle.engine.interop;

import com.oracle.truffle.api.CompilerDirectives.TruffleBoundary;
import com.oracle.truffle.api.interop.InteropLibrary;
import com.oracle.truffle.api.interop.InvalidBufferOffsetException;
import com.oracle.truffle.api.interop.TruffleObject;
import com.oracle.truffle.api.library.ExportLibrary;
import com.oracle.truffle.api.library.ExportMessage;
import java.nio.ByteOrder;
import org.tuber.core.mem.GuestRam;
import org.tuber.core.mem.RamObserver;

/**
 * RAM as an interop buffer: offsets are guest-physical addresses. Stores drop the translations of
 * the bytes they change.
 */
@ExportLibrary(InteropLibrary.class)
public final class GuestMemory implements TruffleObject, AutoCloseable {
  private final GuestRam ram;
  private final RamObserver observer;
  private boolean closed;

  public GuestMemory(GuestRam ram, RamObserver observer) {
    this.ram = ram;
    this.observer = observer;
  }

  @Override
  public void close() {
    closed = true;
  }

  private void check(long offset, long length) throws InvalidBufferOffsetException {
    if (closed || offset < 0 || length < 0 || offset > ram.sizeBytes() - length) {
      throw InvalidBufferOffsetException.create(offset, length);
    }
  }

  @ExportMessage
  boolean hasBufferElements() {
    return true;
  }

  @ExportMessage
  boolean isBufferWritable() {
    return true;
  }

  @ExportMessage
  long getBufferSize() {
    return ram.sizeBytes();
  }

  @ExportMessage
  @TruffleBoundary
  byte readBufferByte(long offset) throws InvalidBufferOffsetException {
    check(offset, 1);
    return (byte) ram.load8(offset);
  }

  @ExportMessage
  @TruffleBoundary
  short readBufferShort(ByteOrder order, long offset) throws InvalidBufferOffsetException {
    check(offset, 2);
    short v = (short) ram.load16(offset);
    return order == ByteOrder.LITTLE_ENDIAN ? v : Short.reverseBytes(v);
  }

  @ExportMessage
  @TruffleBoundary
  int readBufferInt(ByteOrder order, long offset) throws InvalidBufferOffsetException {
    check(offset, 4);
    int v = ram.load32(offset);
    return order == ByteOrder.LITTLE_ENDIAN ? v : Integer.reverseBytes(v);
  }

  @ExportMessage
  @TruffleBoundary
  long readBufferLong(ByteOrder order, long offset) throws InvalidBufferOffsetException {
    check(offset, 8);
    long v = ram.load64(offset);
    return order == ByteOrder.LITTLE_ENDIAN ? v : Long.reverseBytes(v);
  }

  @ExportMessage
  float readBufferFloat(ByteOrder order, long offset) throws InvalidBufferOffsetException {
    return Float.intBitsToFloat(readBufferInt(order, offset));
  }

  @ExportMessage
  double readBufferDouble(ByteOrder order, long offset) throws InvalidBufferOffsetException {
    return Double.longBitsToDouble(readBufferLong(order, offset));
  }

  @ExportMessage
  @TruffleBoundary
  void readBuffer(long offset, byte[] destination, int destinationOffset, int length)
      throws InvalidBufferOffsetException {
    check(offset, length);
    ram.read(offset, destination, destinationOffset, length);
  }

  @ExportMessage
  @TruffleBoundary
  void writeBufferByte(long offset, byte value) throws InvalidBufferOffsetException {
    check(offset, 1);
    ram.store8(offset, value);
    observer.written(ram, offset, 1);
  }

  @ExportMessage
  @TruffleBoundary
  void writeBufferShort(ByteOrder order, long offset, short value)
      throws InvalidBufferOffsetException {
    check(offset, 2);
    ram.store16(offset, order == ByteOrder.LITTLE_ENDIAN ? value : Short.reverseBytes(value));
    observer.written(ram, offset, 2);
  }

  @ExportMessage
  @TruffleBoundary
  void writeBufferInt(ByteOrder order, long offset, int value) throws InvalidBufferOffsetException {
    check(offset, 4);
    ram.store32(offset, order == ByteOrder.LITTLE_ENDIAN ? value : Integer.reverseBytes(value));
    observer.written(ram, offset, 4);
  }

  @ExportMessage
  @TruffleBoundary
  void writeBufferLong(ByteOrder order, long offset, long value)
      throws InvalidBufferOffsetException {
    check(offset, 8);
    ram.store64(offset, order == ByteOrder.LITTLE_ENDIAN ? value : Long.reverseBytes(value));
    observer.written(ram, offset, 8);
  }

  @ExportMessage
  void writeBufferFloat(ByteOrder order, long offset, float value)
      throws InvalidBufferOffsetException {
    writeBufferInt(order, offset, Float.floatToRawIntBits(value));
  }

  @ExportMessage
  void writeBufferDouble(ByteOrder order, long offset, double value)
      throws InvalidBufferOffsetException {
    writeBufferLong(order, offset, Double.doubleToRawLongBits(value));
  }
}
