/** Linux programs in user mode, beside QEMU's user mode and the host itself. */
package org.tuber.perf.user;
