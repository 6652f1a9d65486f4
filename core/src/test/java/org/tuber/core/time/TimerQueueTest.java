package org.tuber.core.time;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

final class TimerQueueTest {
  private final TimerQueue queue = new TimerQueue();
  private final ManualClock clock = new ManualClock(0);

  private Timer timer() {
    return new Timer(clock, () -> {});
  }

  @Test
  void dueTimersComeOutByDeadlineThenByOrderOfArming() {
    Timer a = timer();
    Timer b = timer();
    Timer c = timer();
    queue.schedule(a, 20);
    queue.schedule(b, 10);
    queue.schedule(c, 10);
    assertThat(queue.nextDeadlineNanos()).isEqualTo(10);
    assertThat(queue.pollDue(9)).isNull();
    assertThat(queue.pollDue(30)).isSameAs(b);
    assertThat(queue.pollDue(30)).isSameAs(c);
    assertThat(queue.pollDue(30)).isSameAs(a);
    assertThat(queue.pollDue(Long.MAX_VALUE)).isNull();
    assertThat(queue.nextDeadlineNanos()).isEqualTo(Timer.NEVER);
  }

  @Test
  void reArmingMovesAndCancellingIsHarmlessTwice() {
    Timer a = timer();
    Timer b = timer();
    queue.schedule(a, 10);
    queue.schedule(b, 20);
    queue.schedule(a, 30);
    assertThat(queue.size()).isEqualTo(2);
    assertThat(queue.nextDeadlineNanos()).isEqualTo(20);
    queue.cancel(b);
    queue.cancel(b);
    assertThat(queue.size()).isEqualTo(1);
    assertThat(queue.pollDue(30)).isSameAs(a);
    queue.cancel(a);
    assertThat(queue.size()).isZero();
  }

  /** Against a list that is searched: any sequence of operations gives the same order. */
  @Test
  void agreesWithASortedList() {
    record Armed(Timer timer, long deadline, long order) {}
    Random random = new Random(3);
    List<Timer> timers = new ArrayList<>();
    for (int i = 0; i < 100; i++) {
      timers.add(timer());
    }
    List<Armed> model = new ArrayList<>();
    for (int step = 0; step < 20_000; step++) {
      Timer t = timers.get(random.nextInt(timers.size()));
      switch (random.nextInt(3)) {
        case 0 -> {
          long deadline = random.nextInt(50);
          model.removeIf(x -> x.timer == t);
          model.add(new Armed(t, deadline, step));
          queue.schedule(t, deadline);
        }
        case 1 -> {
          model.removeIf(x -> x.timer == t);
          queue.cancel(t);
        }
        default -> {
          long now = random.nextInt(50);
          Armed first = null;
          for (Armed x : model) {
            if (x.deadline <= now
                && (first == null
                    || x.deadline < first.deadline
                    || (x.deadline == first.deadline && x.order < first.order))) {
              first = x;
            }
          }
          model.remove(first);
          assertThat(queue.pollDue(now)).isSameAs(first == null ? null : first.timer);
        }
      }
      assertThat(queue.size()).isEqualTo(model.size());
    }
  }
}
