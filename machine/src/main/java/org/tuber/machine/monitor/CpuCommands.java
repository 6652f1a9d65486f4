package org.tuber.machine.monitor;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import org.tuber.machine.MachineRun;
import org.tuber.machine.remote.DebugMemory;

/** QMP: CPUs and memory. */
final class CpuCommands implements QmpTable.Family {
  private static final JsonNodeFactory JSON = JsonNodeFactory.instance;
  private static final int CHUNK_BYTES = 1 << 20;

  private final MachineRun machine;

  CpuCommands(MachineRun machine) {
    this.machine = machine;
  }

  @Override
  public void addTo(QmpTable table) {
    table.add(
        "query-cpus-fast",
        arguments -> {
          arguments.end();
          ArrayNode list = JSON.arrayNode();
          for (int i = 0; i < machine.parts().cpus().size(); i++) {
            ObjectNode cpu = list.addObject();
            // Java threads have no number of the host's that would be of use here.
            cpu.put("thread-id", ProcessHandle.current().pid());
            cpu.set(
                "props",
                JSON.objectNode().put("core-id", 0).put("thread-id", 0).put("socket-id", i));
            cpu.put("qom-path", "/machine/cpu[" + i + "]");
            cpu.put("cpu-index", i);
            cpu.put("target", machine.parts().architecture());
          }
          return list;
        });
    table.add(
        "query-memory-size-summary",
        arguments -> {
          arguments.end();
          return JSON.objectNode()
              .put("base-memory", machine.parts().ramBytes())
              .put("plugged-memory", 0);
        });
    table.add(
        "pmemsave",
        arguments -> {
          save(arguments, false);
          return null;
        });
    table.add(
        "memsave",
        arguments -> {
          save(arguments, true);
          return null;
        });
  }

  private void save(QmpArguments arguments, boolean virtual) throws QmpException {
    final long from = arguments.number("val");
    final long size = arguments.number("size");
    String file = arguments.text("filename");
    int cpu = virtual ? (int) arguments.number("cpu-index", 0) : 0;
    arguments.end();
    if (cpu < 0 || cpu >= machine.parts().cpus().size()) {
      throw new QmpException("Parameter 'cpu-index' expects a CPU number");
    }
    DebugMemory memory = new DebugMemory(machine);
    try (var out = Files.newOutputStream(Path.of(file))) {
      for (long done = 0; done < size; done += CHUNK_BYTES) {
        long at = from + done;
        int length = (int) Math.min(CHUNK_BYTES, size - done);
        byte[] bytes =
            machine.atRest(
                () ->
                    virtual
                        ? memory.read(machine.parts().cpus().get(cpu).debugControl(), at, length)
                        : memory.readPhysical(at, length));
        if (bytes == null || bytes.length < length) {
          throw new QmpException("Invalid addr 0x%016x/size %d specified".formatted(from, size));
        }
        out.write(bytes);
      }
    } catch (IOException | InvalidPathException e) {
      throw new QmpException("Could not open '" + file + "': " + e.getMessage());
    }
  }
}
