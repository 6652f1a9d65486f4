/** DMA controllers. */
package org.tuber.devices.dma;
