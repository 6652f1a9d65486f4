/** Images on web servers, read-only. */
package org.tuber.devices.block.http;
