package org.tuber.truffle.engine.interop;

import com.oracle.truffle.api.CompilerDirectives.TruffleBoundary;
import com.oracle.truffle.api.TruffleSafepoint;
import com.oracle.truffle.api.interop.InteropLibrary;
import com.oracle.truffle.api.interop.TruffleObject;
import com.oracle.truffle.api.interop.UnsupportedMessageException;
import com.oracle.truffle.api.interop.UnsupportedTypeException;
import com.oracle.truffle.api.library.ExportLibrary;
import com.oracle.truffle.api.library.ExportMessage;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.tuber.truffle.engine.linux.HostStreams;
import org.tuber.truffle.engine.linux.ProgramException;
import org.tuber.truffle.engine.linux.UserSystem;

/**
 * A Linux program. Executing it with strings runs it with these arguments in a process of its own,
 * waits for its end and gives its exit status.
 */
@ExportLibrary(InteropLibrary.class)
public final class GuestProgram implements TruffleObject {
  private final GuestContext context;
  private final String name;
  private final byte[] image;

  /**
   * A program.
   *
   * @param image its file, or null: the file at {@code name}
   */
  GuestProgram(GuestContext context, String name, byte[] image) {
    this.context = context;
    this.name = name;
    this.image = image;
  }

  /** Runs it; its exit status. */
  @TruffleBoundary
  int run(List<String> arguments) {
    List<String> argv = new ArrayList<>(List.of(name));
    argv.addAll(arguments);
    HostStreams streams = context.streams();
    try (UserSystem system = new UserSystem(context.userSettings(), null)) {
      UserSystem.Outcome outcome;
      try {
        system.start(name, image, argv, context.environment(), streams);
        outcome =
            TruffleSafepoint.setBlockedThreadInterruptibleFunction(
                null, UserSystem::awaitEnd, system);
      } finally {
        system.stop(streams);
      }
      if (outcome.signal() != 0) {
        throw new GuestException(name + ": ended by " + system.ending());
      }
      return outcome.status();
    } catch (ProgramException | IllegalStateException e) {
      throw new GuestException(e.getMessage());
    }
  }

  @ExportMessage
  boolean isExecutable() {
    return true;
  }

  @ExportMessage
  @TruffleBoundary
  Object execute(Object[] arguments) throws UnsupportedTypeException {
    InteropLibrary interop = InteropLibrary.getUncached();
    String[] texts = new String[arguments.length];
    for (int i = 0; i < texts.length; i++) {
      try {
        texts[i] = interop.asString(arguments[i]);
      } catch (UnsupportedMessageException e) {
        throw UnsupportedTypeException.create(arguments, "arguments are strings");
      }
    }
    return run(Arrays.asList(texts));
  }

  @ExportMessage
  @TruffleBoundary
  Object toDisplayString(@SuppressWarnings("unused") boolean allowSideEffects) {
    return context.name() + " program " + name;
  }
}
