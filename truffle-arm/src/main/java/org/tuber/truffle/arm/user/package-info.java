/** Linux programs for AArch64: what engine.linux has to know of the ABI and the CPU. */
package org.tuber.truffle.arm.user;
