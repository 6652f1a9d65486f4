package org.tuber.launcher.arch;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;
import static org.assertj.core.api.Assertions.assertThat;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Which module may know which: the table of the architecture page. */
class ArrowsTest {
  private static final String TRUFFLE = "com.oracle.truffle..";
  private static final String POLYGLOT = "org.graalvm..";
  private static final String LINUX = "org.tuber.truffle.engine.linux..";
  private static final String INTEROP = "org.tuber.truffle.engine.interop..";

  /** Package root of each module and what it may use of ours. */
  private static final Map<String, List<String>> MODULES = new LinkedHashMap<>();

  static {
    MODULES.put("org.tuber.core", List.of());
    MODULES.put("org.tuber.truffle.engine", List.of("org.tuber.core"));
    MODULES.put("org.tuber.truffle.x86", List.of("org.tuber.core", "org.tuber.truffle.engine"));
    MODULES.put("org.tuber.truffle.arm", List.of("org.tuber.core", "org.tuber.truffle.engine"));
    MODULES.put("org.tuber.devices", List.of("org.tuber.core"));
    MODULES.put("org.tuber.machine", List.of("org.tuber.core", "org.tuber.devices"));
    MODULES.put(
        "org.tuber.launcher",
        List.of("org.tuber.core", "org.tuber.devices", "org.tuber.machine", "org.tuber.truffle"));
  }

  static Stream<Map.Entry<String, List<String>>> modules() {
    return MODULES.entrySet().stream();
  }

  @ParameterizedTest
  @MethodSource("modules")
  void arrowsGoDown(Map.Entry<String, List<String>> module) {
    String[] others =
        MODULES.keySet().stream()
            .filter(other -> !other.equals(module.getKey()))
            .filter(other -> module.getValue().stream().noneMatch(other::startsWith))
            .map(other -> other + "..")
            .toArray(String[]::new);
    if (others.length > 0) {
      noClasses()
          .that()
          .resideInAPackage(module.getKey() + "..")
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage(others)
          .allowEmptyShould(true)
          .check(Classes.PRODUCT);
    }
  }

  @Test
  void everyClassLivesInAModule() {
    assertThat(Classes.PRODUCT)
        .allSatisfy(
            type ->
                assertThat(MODULES.keySet())
                    .as(type.getName())
                    .anyMatch(
                        root ->
                            type.getPackageName().equals(root)
                                || type.getPackageName().startsWith(root + ".")));
  }

  @Test
  void platformAndBoardsKnowNoTruffle() {
    noClasses()
        .that()
        .resideInAnyPackage("org.tuber.core..", "org.tuber.devices..", "org.tuber.machine..")
        .should()
        .dependOnClassesThat()
        .resideInAnyPackage(TRUFFLE, POLYGLOT)
        .allowEmptyShould(true)
        .check(Classes.PRODUCT);
  }

  @Test
  void theEngineKnowsNoInstructionSet() {
    noClasses()
        .that()
        .resideInAPackage("org.tuber.truffle.engine..")
        .should()
        .dependOnClassesThat()
        .resideInAnyPackage("org.tuber.truffle.x86..", "org.tuber.truffle.arm..")
        .allowEmptyShould(true)
        .check(Classes.PRODUCT);
  }

  @Test
  void theEngineProperKnowsNoLinux() {
    noClasses()
        .that()
        .resideInAnyPackage("org.tuber.truffle.engine", "org.tuber.truffle.engine.special..")
        .should()
        .dependOnClassesThat()
        .resideInAnyPackage(LINUX, INTEROP)
        .check(Classes.PRODUCT);
    noClasses()
        .that()
        .resideInAPackage(LINUX)
        .should()
        .dependOnClassesThat()
        .resideInAPackage(INTEROP)
        .check(Classes.PRODUCT);
  }

  @Test
  void devicesDoNotLookIntoEachOther() {
    // A device meets others through core's contracts; shared ground is its subject's own package.
    slices()
        .matching("org.tuber.devices.(*)..")
        .should()
        .beFreeOfCycles()
        .allowEmptyShould(true)
        .check(Classes.PRODUCT);
  }
}
