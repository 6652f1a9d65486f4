/** Images described by options instead of names. */
package org.tuber.devices.block.options;
