package org.tuber.launcher.runtime;

import com.oracle.truffle.api.Truffle;
import java.lang.module.ModuleDescriptor;
import java.util.Optional;

/**
 * Finds out whether Truffle compiles on this JVM. When it does not, guests run ten to fifty times
 * slower with nothing else to see, so the cause is named once at start.
 *
 * <p>Graal prints nothing itself when it refuses a JDK (seen with Graal 25.0.4 on JDK 25.0.3),
 * hence the checks below in the order in which things go wrong in practice.
 */
public final class RuntimeCheck {
  private static final String COMPILER_MODULE = "jdk.graal.compiler";
  private static final String FALLBACK = "truffle.UseFallbackRuntime";
  private static final String DEFAULT_RUNTIME = "DefaultTruffleRuntime";

  private RuntimeCheck() {}

  /** Truffle's name for the active runtime, e.g. {@code GraalVM CE}. */
  public static String runtimeName() {
    prepare();
    return Truffle.getRuntime().getName();
  }

  /** True when hot guest code will be compiled. */
  public static boolean isOptimizing() {
    prepare();
    return !Truffle.getRuntime().getClass().getSimpleName().equals(DEFAULT_RUNTIME);
  }

  /** One line that says why guest code is only interpreted, or empty when it is compiled. */
  public static Optional<String> warning() {
    return isOptimizing()
        ? Optional.empty()
        : Optional.of("guest code is only interpreted, which is slow: " + cause());
  }

  /**
   * Before Truffle is first touched: its optimizing runtime does not fall back when it meets the
   * JDK's empty compiler module, it fails to initialize. Then the plain one is chosen here.
   */
  private static void prepare() {
    if (!hasRealCompiler() && System.getProperty(FALLBACK) == null) {
      System.setProperty(FALLBACK, "true");
    }
  }

  private static boolean hasRealCompiler() {
    return ModuleLayer.boot()
        .findModule(COMPILER_MODULE)
        .map(module -> module.getPackages().contains("jdk.graal.compiler.truffle"))
        .orElse(false);
  }

  private static String cause() {
    Optional<Module> compiler = ModuleLayer.boot().findModule(COMPILER_MODULE);
    if (compiler.isEmpty()) {
      return "the Graal compiler is not in this Java runtime; start with ./tuber";
    }
    if (!hasRealCompiler()) {
      return "the JDK's empty " + COMPILER_MODULE + " hides the real one; start with ./tuber";
    }
    if (ModuleLayer.boot().findModule("jdk.internal.vm.ci").isEmpty()) {
      return "this Java runtime has no compiler interface (module jdk.internal.vm.ci)";
    }
    String graal =
        compiler
            .get()
            .getDescriptor()
            .version()
            .map(ModuleDescriptor.Version::toString)
            .orElse("?");
    return "Graal "
        + graal
        + " does not work with Java "
        + Runtime.version()
        + " ("
        + System.getProperty("java.vm.name")
        + "), or -XX:+EnableJVMCI is missing; start with ./tuber on the JDK that README.md names";
  }
}
