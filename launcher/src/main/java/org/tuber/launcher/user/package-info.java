/** {@code tuber user}: Linux programs without a kernel. */
package org.tuber.launcher.user;
