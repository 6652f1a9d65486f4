package org.tuber.machine.run;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.tuber.core.cpu.ExitReason;
import org.tuber.core.time.Timer;
import org.tuber.machine.MachineRun.State;
import org.tuber.machine.ScriptedVcpu;

@Timeout(30)
final class RunControlTest {
  private static final RunControl.Policy DEFAULT = new RunControl.Policy(false, false, false);

  /** A machine that is nothing but CPUs. */
  private static final class Bench implements RunControl.Board {
    final ReentrantLock lock = new ReentrantLock();
    final HostClock clock = new HostClock(1_000_000, lock);
    final EventLoop loop = new EventLoop(lock, clock);
    final RunControl control;
    final List<ScriptedVcpu> cpus = new ArrayList<>();
    final AtomicInteger resets = new AtomicInteger();
    final AtomicInteger buttons = new AtomicInteger();
    final AtomicInteger flushes = new AtomicInteger();
    final AtomicBoolean closed = new AtomicBoolean();

    Bench(RunControl.Policy policy, ScriptedVcpu.Script... scripts) {
      control = new RunControl(lock, clock, loop, policy);
      control.setBoard(this);
      for (ScriptedVcpu.Script script : scripts) {
        ScriptedVcpu cpu = new ScriptedVcpu(script);
        cpus.add(cpu);
        control.addVcpu(cpu, () -> {});
      }
    }

    CompletableFuture<Integer> start() {
      return CompletableFuture.supplyAsync(control::run, Thread::startVirtualThread);
    }

    @Override
    public void reset() {
      assertThat(lock.isHeldByCurrentThread()).isTrue();
      cpus.forEach(ScriptedVcpu::reset);
      resets.incrementAndGet();
    }

    @Override
    public void pressPowerButton() {
      buttons.incrementAndGet();
    }

    @Override
    public void flush() {
      flushes.incrementAndGet();
    }

    @Override
    public void close() {
      closed.set(true);
    }
  }

  private static void await(BooleanSupplier condition) throws InterruptedException {
    for (int i = 0; i < 5000 && !condition.getAsBoolean(); i++) {
      TimeUnit.MILLISECONDS.sleep(1);
    }
    assertThat(condition.getAsBoolean()).isTrue();
  }

  private static ExitReason halted(ScriptedVcpu cpu) {
    return ExitReason.HALTED;
  }

  @Test
  void quitEndsTheRunWithItsStatusAndFlushesOnce() throws Exception {
    Bench b = new Bench(DEFAULT, RunControlTest::halted);
    CompletableFuture<Integer> run = b.start();
    await(() -> b.control.state() == State.RUNNING);
    b.control.quit(7);
    assertThat(run.get(5, TimeUnit.SECONDS)).isEqualTo(7);
    assertThat(b.control.state()).isEqualTo(State.ENDED);
    assertThat(b.flushes).hasValue(1);
    b.control.close();
    assertThat(b.closed).isTrue();
  }

  @Test
  void powerOffFromInsideADeviceEndsWithZero() throws Exception {
    Bench[] bench = new Bench[1];
    Bench b =
        new Bench(
            DEFAULT,
            cpu -> {
              bench[0].lock.lock();
              try {
                bench[0].control.guestPowerOff();
              } finally {
                bench[0].lock.unlock();
              }
              return ExitReason.BUDGET;
            });
    bench[0] = b;
    assertThat(b.start().get(5, TimeUnit.SECONDS)).isZero();
    assertThat(b.clock.isRunning()).isFalse();
  }

  @Test
  void powerOffUnderNoShutdownStopsAndAResetBringsItBack() throws Exception {
    AtomicBoolean off = new AtomicBoolean();
    Bench[] bench = new Bench[1];
    Bench b =
        new Bench(
            new RunControl.Policy(false, true, false),
            cpu -> {
              if (off.compareAndSet(false, true)) {
                bench[0].control.guestPowerOff();
              }
              return ExitReason.HALTED;
            });
    bench[0] = b;
    CompletableFuture<Integer> run = b.start();
    await(() -> b.control.state() == State.POWERED_OFF);
    b.control.resume();
    assertThat(b.control.state()).isEqualTo(State.POWERED_OFF);
    b.control.requestReset();
    await(() -> b.control.state() == State.STOPPED);
    b.control.resume();
    assertThat(b.control.state()).isEqualTo(State.RUNNING);
    b.control.quit(0);
    assertThat(run.get(5, TimeUnit.SECONDS)).isZero();
  }

  @Test
  void tripleFaultResetsTheMachineOnceAndGoesOn() throws Exception {
    AtomicInteger runs = new AtomicInteger();
    Bench b =
        new Bench(
            DEFAULT, cpu -> runs.incrementAndGet() == 1 ? ExitReason.SHUTDOWN : ExitReason.HALTED);
    CompletableFuture<Integer> run = b.start();
    await(() -> b.resets.get() == 1 && b.control.state() == State.RUNNING && runs.get() > 1);
    b.control.quit(0);
    run.get(5, TimeUnit.SECONDS);
    assertThat(b.resets).hasValue(1);
  }

  @Test
  void whoeverLooksAfterAskingForAResetSeesItDone() throws Exception {
    Bench b = new Bench(new RunControl.Policy(false, false, true), RunControlTest::halted);
    CompletableFuture<Integer> run = b.start();
    CompletableFuture<Void> busy = new CompletableFuture<>();
    b.loop.executeUnlocked(busy::join);
    b.control.requestReset();
    assertThat(b.resets).hasValue(0);
    assertThat(b.control.<Integer>atRest(b.resets::get)).isEqualTo(1);
    b.control.requestReset();
    b.control.resume();
    assertThat(b.resets).hasValue(2);
    assertThat(b.control.state()).isEqualTo(State.RUNNING);
    busy.complete(null);
    CompletableFuture<Void> after = new CompletableFuture<>();
    b.loop.executeUnlocked(() -> after.complete(null));
    after.get(5, TimeUnit.SECONDS);
    assertThat(b.resets).hasValue(2);
    b.control.quit(0);
    assertThat(run.get(5, TimeUnit.SECONDS)).isZero();
  }

  @Test
  void guestResetEndsTheRunUnderNoReboot() throws Exception {
    Bench b = new Bench(new RunControl.Policy(true, false, false), cpu -> ExitReason.SHUTDOWN);
    assertThat(b.start().get(5, TimeUnit.SECONDS)).isZero();
    assertThat(b.resets).hasValue(0);
  }

  @Test
  void pauseStopsCpusAndClockAndResumeGoesOn() throws Exception {
    AtomicLong turns = new AtomicLong();
    Bench b =
        new Bench(
            DEFAULT,
            cpu -> {
              turns.incrementAndGet();
              return ExitReason.BUDGET;
            });
    CompletableFuture<Integer> run = b.start();
    await(() -> turns.get() > 0);
    b.control.pause();
    long at = turns.get();
    long time = b.clock.nanos();
    TimeUnit.MILLISECONDS.sleep(20);
    assertThat(turns).hasValue(at);
    assertThat(b.clock.nanos()).isEqualTo(time);
    b.control.resume();
    await(() -> turns.get() > at);
    assertThat(b.clock.nanos()).isGreaterThan(time);
    b.control.quit(0);
    run.get(5, TimeUnit.SECONDS);
  }

  @Test
  void startsStoppedWhenAsked() throws Exception {
    AtomicLong turns = new AtomicLong();
    Bench b =
        new Bench(
            new RunControl.Policy(false, false, true),
            cpu -> {
              turns.incrementAndGet();
              return ExitReason.HALTED;
            });
    CompletableFuture<Integer> run = b.start();
    TimeUnit.MILLISECONDS.sleep(20);
    assertThat(turns).hasValue(0);
    b.control.resume();
    await(() -> turns.get() > 0);
    b.control.quit(0);
    run.get(5, TimeUnit.SECONDS);
  }

  @Test
  void pauseFromADeviceOrAnEventDoesNotWaitForItself() throws Exception {
    Bench b = new Bench(DEFAULT, RunControlTest::halted);
    CompletableFuture<Integer> run = b.start();
    await(() -> b.control.state() == State.RUNNING);
    b.loop.execute(b.control::pause);
    await(() -> b.control.state() == State.STOPPED);
    b.loop.execute(b.control::resume);
    await(() -> b.control.state() == State.RUNNING);
    b.loop.execute(b.control::requestPowerOff);
    await(() -> b.buttons.get() == 1);
    b.control.quit(0);
    run.get(5, TimeUnit.SECONDS);
  }

  @Test
  void errorInACpuEndsTheRunWithOne() throws Exception {
    Bench b =
        new Bench(
            DEFAULT,
            cpu -> {
              throw new IllegalStateException("scripted");
            });
    assertThat(b.start().get(5, TimeUnit.SECONDS)).isEqualTo(1);
  }

  @Test
  void timersFireInOrderOnTheEventThreadUnderTheLock() throws Exception {
    Bench b = new Bench(DEFAULT, RunControlTest::halted);
    List<String> fired = new ArrayList<>();
    CountDownLatch done = new CountDownLatch(3);
    long[] late = new long[1];
    for (int i : new int[] {3, 1, 2}) {
      long deadline = i * 2_000_000L;
      new Timer(
              b.clock,
              () -> {
                fired.add(i + " " + b.loop.isLoopThread() + " " + b.lock.isHeldByCurrentThread());
                late[0] = Math.max(late[0], b.clock.nanos() - deadline);
                done.countDown();
              })
          .arm(deadline);
    }
    CompletableFuture<Integer> run = b.start();
    assertThat(done.await(5, TimeUnit.SECONDS)).isTrue();
    b.control.quit(0);
    run.get(5, TimeUnit.SECONDS);
    assertThat(fired).containsExactly("1 true true", "2 true true", "3 true true");
    assertThat(late[0]).isNotNegative();
  }

  @Test
  void anEarlierDeadlineFromAnotherThreadWakesTheLoop() throws Exception {
    Bench b = new Bench(DEFAULT, RunControlTest::halted);
    CompletableFuture<Integer> run = b.start();
    await(() -> b.control.state() == State.RUNNING);
    Timer far = new Timer(b.clock, () -> {});
    CountDownLatch fired = new CountDownLatch(1);
    Timer near = new Timer(b.clock, fired::countDown);
    b.lock.lock();
    try {
      far.arm(b.clock.nanos() + 3_600_000_000_000L);
    } finally {
      b.lock.unlock();
    }
    TimeUnit.MILLISECONDS.sleep(5);
    b.lock.lock();
    try {
      near.arm(b.clock.nanos() + 1_000_000);
    } finally {
      b.lock.unlock();
    }
    assertThat(fired.await(2, TimeUnit.SECONDS)).isTrue();
    b.control.quit(0);
    run.get(5, TimeUnit.SECONDS);
  }

  @Test
  void anAnswerComesAtOnceUnlessTheLockIsTaken() throws Exception {
    Bench b = new Bench(DEFAULT, RunControlTest::halted);
    CompletableFuture<Integer> run = b.start();
    await(() -> b.control.state() == State.RUNNING);
    Thread here = Thread.currentThread();
    List<Thread> answered = new CopyOnWriteArrayList<>();
    Runnable answer =
        () -> {
          assertThat(b.lock.isHeldByCurrentThread()).isTrue();
          answered.add(Thread.currentThread());
        };
    // The loop itself takes the lock now and then.
    for (int i = 0; i < 1000 && !answered.contains(here); i++) {
      b.loop.answer(answer);
    }
    assertThat(answered).contains(here);
    b.lock.lock();
    try {
      answered.clear();
      b.loop.answer(answer);
      assertThat(answered).isEmpty();
    } finally {
      b.lock.unlock();
    }
    await(() -> !answered.isEmpty());
    assertThat(answered).doesNotContain(here);
    b.control.quit(0);
    run.get(5, TimeUnit.SECONDS);
    answered.clear();
    b.loop.answer(answer);
    assertThat(answered).isEmpty();
  }

  /**
   * Timer → interrupt → halted CPU runs again: the median of the whole way, thread wake-ups
   * included.
   */
  @Test
  void interruptWakesAHaltedCpuQuickly() throws Exception {
    final int rounds = 200;
    long[] latencies = new long[rounds];
    AtomicInteger round = new AtomicInteger();
    AtomicLong raisedAt = new AtomicLong();
    CountDownLatch done = new CountDownLatch(1);
    Bench b =
        new Bench(
            DEFAULT,
            cpu -> {
              if (cpu.interrupt()) {
                long now = System.nanoTime();
                cpu.setInterrupt(false);
                int i = round.get();
                if (i < rounds) {
                  latencies[i] = now - raisedAt.get();
                  round.set(i + 1);
                } else {
                  done.countDown();
                }
              }
              return ExitReason.HALTED;
            });
    VcpuThread thread = b.control.threads().get(0);
    Timer[] tick = new Timer[1];
    tick[0] =
        new Timer(
            b.clock,
            () -> {
              raisedAt.set(System.nanoTime());
              thread.signals().setInterrupt(true);
              tick[0].arm(b.clock.nanos() + 500_000);
            });
    tick[0].arm(0);
    CompletableFuture<Integer> run = b.start();
    assertThat(done.await(20, TimeUnit.SECONDS)).isTrue();
    b.control.quit(0);
    run.get(5, TimeUnit.SECONDS);
    Arrays.sort(latencies);
    System.out.printf(
        "interrupt to halted CPU: median %d us, 90%% %d us%n",
        latencies[rounds / 2] / 1000, latencies[rounds * 9 / 10] / 1000);
    // The median on an idle host is some tens of microseconds; the bound is for busy ones.
    assertThat(latencies[rounds / 2]).isLessThan(2_000_000);
  }

  @Test
  void applicationProcessorsWaitForInitAndStartup() throws Exception {
    AtomicInteger secondRuns = new AtomicInteger();
    Bench b =
        new Bench(
            DEFAULT,
            RunControlTest::halted,
            cpu -> {
              secondRuns.incrementAndGet();
              return ExitReason.HALTED;
            });
    CompletableFuture<Integer> run = b.start();
    VcpuThread second = b.control.threads().get(1);
    await(() -> b.control.state() == State.RUNNING);
    second.init();
    second.signals().startup(0x9a);
    await(() -> secondRuns.get() > 0);
    second.signals().startup(0x11);
    TimeUnit.MILLISECONDS.sleep(10);
    b.control.quit(0);
    run.get(5, TimeUnit.SECONDS);
    assertThat(b.cpus.get(1).readRegister("cs")).isEqualTo(0x9a00);
    assertThat(b.cpus.get(1).readRegister("cs.base")).isEqualTo(0x9a000);
    assertThat(b.cpus.get(1).readRegister("rip")).isZero();
  }
}
