/** The machine in a web page: screen, keyboard, mouse, terminals and power buttons. */
package org.tuber.devices.display.web;
