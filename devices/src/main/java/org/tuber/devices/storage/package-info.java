/** Disk controllers and the drives behind them. */
package org.tuber.devices.storage;
