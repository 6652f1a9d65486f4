/** VHD images, also called VPC. */
package org.tuber.devices.block.vpc;
