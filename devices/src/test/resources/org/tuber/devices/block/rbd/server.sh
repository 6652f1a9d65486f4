#!/bin/sh
# A Ceph cluster of one monitor and one store in memory, on loopback, with the pool "rbd":
#   server.sh start DIR PORT    server.sh stop DIR
set -eu
dir=$2

if [ "$1" = stop ]; then
  for pid in "$dir"/*.pid; do
    if [ -s "$pid" ]; then kill -9 "$(cat "$pid")" 2>/dev/null || true; fi
  done
  exit 0
fi

fsid=$(cat /proc/sys/kernel/random/uuid)
osd=$(cat /proc/sys/kernel/random/uuid)
mkdir -p "$dir/mon" "$dir/osd"
cat >"$dir/ceph.conf" <<END
[global]
fsid = $fsid
mon host = v2:127.0.0.1:$3/0
public addr = 127.0.0.1
cluster addr = 127.0.0.1
auth cluster required = none
auth service required = none
auth client required = none
osd pool default size = 1
osd pool default min size = 1
osd crush chooseleaf type = 0
mon allow pool size one = true
mon data avail crit = 0
run dir = $dir
admin socket = $dir/\$name.asok
mon data = $dir/mon
osd data = $dir/osd
osd objectstore = memstore
osd crush update on start = false
osd class update on start = false
memstore device bytes = 1G
osd class load list = *
osd class default list = *
[mon]
log file = $dir/mon.log
[osd]
log file = $dir/osd.log
END
export CEPH_CONF="$dir/ceph.conf"

# By the older protocol, v1, a question in some hundred gets no answer while the cluster starts.
ask() {
  for try in 1 2 3; do
    if timeout 10 ceph "$@"; then return 0; fi
  done
  return 1
}

monmaptool --create --fsid "$fsid" --addv a "v2:127.0.0.1:$3" "$dir/monmap" >/dev/null
ceph-mon --mkfs -i a --monmap "$dir/monmap"
ceph-mon -f -i a >"$dir/mon.out" 2>&1 &
echo $! >"$dir/mon.pid"
ask osd new "$osd" >/dev/null
ceph-osd --mkfs -i 0 --osd-uuid "$osd" >/dev/null 2>&1
ceph-osd -f -i 0 >"$dir/osd.out" 2>&1 &
echo $! >"$dir/osd.pid"
# The store would enter itself, but sometimes asks before it knows the cluster's number and gives up.
ask osd crush add osd.0 1 root=default >/dev/null 2>&1
ask osd pool create rbd 8 8 2>/dev/null
tries=0
until ask osd stat | grep -q ' 1 up'; do
  tries=$((tries + 1))
  if [ $tries -gt 50 ]; then
    cat "$dir/osd.out"
    exit 1
  fi
  sleep 0.2
done
