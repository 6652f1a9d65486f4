/** Encryption of NBD connections: with certificates, or with keys both sides know. */
package org.tuber.devices.block.nbd.tls;
