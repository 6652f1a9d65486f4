/** {@code tuber img}: the command line of the image operations, with qemu-img's spelling. */
package org.tuber.launcher.img;
