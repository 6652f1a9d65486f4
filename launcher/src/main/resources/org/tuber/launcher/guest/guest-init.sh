#!/bin/sh
# First process of the guest that "tuber run debian" boots.
# Kernel command line: tuber.tty=ROWSxCOLUMNS  size of the terminal outside
#                      guest.shell             give a shell; without it, switch off at once
#                      guest.bench             time two small programs first
/bin/busybox --install -s /bin
export PATH=/bin HOME=/root TERM=linux
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev 2>/dev/null
mkdir -p /dev/pts && mount -t devpts devpts /dev/pts 2>/dev/null
hostname tuber
console=$(sed 's/.* //' /sys/class/tty/console/active 2>/dev/null)
[ -n "$console" ] && [ -c "/dev/$console" ] || console=console

shell=
bench=
for word in $(cat /proc/cmdline); do
  case $word in
    tuber.tty=*)
      size=${word#tuber.tty=}
      stty rows "${size%x*}" cols "${size#*x}" < "/dev/$console" 2>/dev/null
      ;;
    guest.shell) shell=1 ;;
    guest.bench) bench=1 ;;
  esac
done

echo "GUEST-MARKER $(uname -m) $(uname -r) up $(cut -d' ' -f1 /proc/uptime) s"
if [ -n "$bench" ]; then
  echo BENCH-START
  time dd if=/dev/zero bs=64k count=256 2>/dev/null | md5sum
  time sh -c 'i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done; echo loop $i'
  echo BENCH-END
fi
if [ -n "$shell" ]; then
  echo "Debian kernel with busybox. 'poweroff -f' ends it, Ctrl-A x leaves at once."
  cd /root
  # A session of its own with the serial line as its terminal: only so does Ctrl-C interrupt.
  setsid sh -c "exec sh -l < /dev/$console > /dev/$console 2>&1"
fi
poweroff -f
