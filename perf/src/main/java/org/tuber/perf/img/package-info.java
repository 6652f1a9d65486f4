/** Work on disk images, beside qemu-img. */
package org.tuber.perf.img;
