package org.tuber.launcher.arch;

import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAPackage;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaMethodCall;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Calls that have one place each, or none. */
class ForbiddenApiTest {
  /** Classes, without the nested ones' suffix, that may let a thread sleep, and why. */
  private static final List<String> SLEEPERS =
      // Waits for a guest CPU that does not come back, after the user asked to leave.
      List.of("org.tuber.launcher.console.StreamConsole");

  private static DescribedPredicate<JavaClass> topLevel(List<String> names) {
    return DescribedPredicate.describe(
        "one of " + names, type -> names.contains(type.getName().replaceFirst("\\$.*", "")));
  }

  /** Devices; image files and their remote ends are the host's side and keep its time. */
  private static final DescribedPredicate<JavaClass> DEVICES =
      resideInAPackage("org.tuber.devices..")
          .and(DescribedPredicate.not(resideInAPackage("org.tuber.devices.block..")));

  /** Calendar arithmetic is fine, asking what time it is here is not. */
  private static final DescribedPredicate<JavaMethodCall> ASKS_THE_HOST_FOR_THE_TIME =
      DescribedPredicate.describe(
          "asks the host for the time",
          call ->
              call.getTargetOwner().getPackageName().equals("java.time")
                  && (call.getName().equals("now") || call.getName().startsWith("system")));

  @Test
  void devicesReadNoHostClock() {
    noClasses()
        .that(DEVICES)
        .should()
        .callMethod(System.class, "nanoTime")
        .orShould()
        .callMethod(System.class, "currentTimeMillis")
        .orShould()
        .callMethodWhere(ASKS_THE_HOST_FOR_THE_TIME)
        .allowEmptyShould(true)
        .check(Classes.PRODUCT);
  }

  @Test
  void nobodySleeps() {
    noClasses()
        .that(DescribedPredicate.not(topLevel(SLEEPERS)))
        .should()
        .callMethod(Thread.class, "sleep", long.class)
        .orShould()
        .callMethod(Thread.class, "sleep", long.class, int.class)
        .orShould()
        .callMethod(Thread.class, "sleep", Duration.class)
        .check(Classes.PRODUCT);
  }

  @Test
  void rawMemoryHasOneOwner() {
    noClasses()
        .that(DescribedPredicate.not(topLevel(List.of("org.tuber.core.mem.GuestRam"))))
        .should()
        .dependOnClassesThat()
        .haveFullyQualifiedName("sun.misc.Unsafe")
        .check(Classes.PRODUCT);
  }

  @Test
  void platformAndEngineDoNotPrint() {
    noClasses()
        .that()
        .resideInAnyPackage(
            "org.tuber.core..", "org.tuber.devices..", "org.tuber.machine..", "org.tuber.truffle..")
        .should()
        .accessField(System.class, "out")
        .orShould()
        .accessField(System.class, "err")
        .allowEmptyShould(true)
        .check(Classes.PRODUCT);
  }

  @Test
  void nobodyBelowTheLauncherEndsTheProcess() {
    noClasses()
        .that()
        .resideOutsideOfPackage("org.tuber.launcher..")
        .should()
        .callMethod(System.class, "exit", int.class)
        .orShould()
        .callMethod(Runtime.class, "exit", int.class)
        .orShould()
        .callMethod(Runtime.class, "halt", int.class)
        .allowEmptyShould(true)
        .check(Classes.PRODUCT);
  }

  @Test
  void namesSayWhatAThingIs() {
    noClasses()
        .should()
        .haveSimpleNameEndingWith("Manager")
        .orShould()
        .haveSimpleNameEndingWith("Helper")
        .orShould()
        .haveSimpleNameEndingWith("Util")
        .orShould()
        .haveSimpleNameEndingWith("Utils")
        .orShould()
        .haveSimpleNameEndingWith("Impl")
        .check(Classes.PRODUCT);
  }
}
