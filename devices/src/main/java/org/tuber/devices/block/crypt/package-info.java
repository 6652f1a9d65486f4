/** Encryption of image data: LUKS and the old AES scheme of qcow. */
package org.tuber.devices.block.crypt;
