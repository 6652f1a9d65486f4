/** The physical platform's contracts: memory, interrupts, time, state, backends, CPUs. */
package org.tuber.core;
