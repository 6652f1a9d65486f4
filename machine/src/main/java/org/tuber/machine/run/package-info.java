/** Time, events and the life of a machine: clocks, the event loop, vCPU threads, run control. */
package org.tuber.machine.run;
