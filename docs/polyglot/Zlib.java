import java.io.File;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import org.graalvm.polyglot.Context;
import org.graalvm.polyglot.Source;
import org.graalvm.polyglot.Value;
import org.graalvm.polyglot.proxy.ProxyExecutable;

/** Calls functions of zlib and libc, as Debian ships them, from Java. */
public final class Zlib {
  private static final String FOLDER = "/lib/x86_64-linux-gnu/";

  private Zlib() {}

  public static void main(String[] arguments) throws Exception {
    try (Context context = Context.newBuilder("x86").allowAllAccess(true).build()) {
      Value zlib = load(context, "libz.so.1");
      byte[] text = "truffle, truffle, truffle, truffle, truffle".getBytes(StandardCharsets.UTF_8);

      // A function is a member; integers and buffers are passed as they are.
      long crc = zlib.invokeMember("crc32", 0, text, text.length).asLong();
      System.out.println("crc32: " + Long.toHexString(crc));

      // With a signature: int compress(Bytef *to, uLongf *toBytes, const Bytef *from, uLong bytes).
      Value compress = zlib.invokeMember("bind", "compress", "(POINTER, [UINT64], POINTER, UINT64) : SINT32");
      byte[] packed = new byte[100];
      long[] packedBytes = {packed.length};
      int status = compress.execute(packed, packedBytes, text, text.length).asInt();
      System.out.println("compress: " + status + ", " + text.length + " -> " + packedBytes[0] + " bytes");

      // A Java function as the comparison of qsort.
      Value libc = load(context, "libc.so.6");
      Value qsort =
          libc.invokeMember("bind", "qsort", "([SINT32], UINT64, UINT64, (POINTER, POINTER) : SINT32) : VOID");
      ProxyExecutable compare = p -> Integer.compare(number(p[0]), number(p[1]));
      int[] numbers = {30, -4, 17, 8};
      qsort.execute(numbers, numbers.length, Integer.BYTES, compare);
      System.out.println("qsort: " + Arrays.toString(numbers));
    }
  }

  private static Value load(Context context, String name) throws Exception {
    return context.eval(Source.newBuilder("x86", new File(FOLDER + name)).build());
  }

  private static int number(Value pointer) {
    return pointer.readBufferInt(ByteOrder.LITTLE_ENDIAN, 0);
  }
}
