/** Files of the host: positioned I/O, sparse files and locks. */
package org.tuber.devices.block.host;
