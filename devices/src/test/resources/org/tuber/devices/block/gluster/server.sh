#!/bin/sh
# A GlusterFS volume "vol" of one brick, on loopback, all of it below a directory:
#   server.sh start DIR PORT BRICKPORT ADDRESS    server.sh stop DIR
# The management daemon looks for its bricks' daemons at its standard port only. To leave that port
# alone the brick is started here, and clients are told where it is by the volume file.
set -eu
dir=$2

if [ "$1" = stop ]; then
  for pid in "$dir"/*.pid; do
    if [ -s "$pid" ]; then kill "$(cat "$pid")" 2>/dev/null || true; fi
  done
  exit 0
fi

port=$3 brick=$4 address=$5
mkdir -p "$dir/work" "$dir/run" "$dir/brick" "$dir/log"
cat >"$dir/glusterd.vol" <<END
volume management
    type mgmt/glusterd
    option working-directory $dir/work
    option run-directory $dir/run
    option glusterd-sockfile $dir/s
    option transport-type socket
    option transport.socket.listen-port $port
    option ping-timeout 0
    option event-threads 1
end-volume
END
cat >"$dir/brick.vol" <<END
volume posix
    type storage/posix
    option directory $dir/brick
end-volume
volume locks
    type features/locks
    subvolumes posix
end-volume
volume brick
    type performance/io-threads
    subvolumes locks
end-volume
volume server
    type protocol/server
    option transport-type tcp
    option transport.socket.bind-address 127.0.0.1
    option transport.socket.listen-port $brick
    option auth.addr.brick.allow 127.0.0.1
    option rpc-auth-allow-insecure on
    subvolumes brick
end-volume
END
glusterfsd -N -f "$dir/brick.vol" -l "$dir/log/brick" -p "$dir/brick.pid" >/dev/null 2>&1 &
glusterd -N -f "$dir/glusterd.vol" -l "$dir/log/glusterd" -p "$dir/glusterd.pid" >/dev/null 2>&1 &
control() { gluster --glusterd-sock="$dir/s" --log-file="$dir/log/cli" --mode=script "$@"; }
tries=0
until control volume info >/dev/null 2>&1; do
  tries=$((tries + 1))
  if [ $tries -gt 100 ]; then
    tail "$dir/log/glusterd"
    exit 1
  fi
  sleep 0.2
done
control volume create vol "$address:$dir/brick-of-nobody" force
for file in "$dir"/work/vols/vol/*fuse.vol; do
  sed -i -e "s/option remote-host.*/option remote-host 127.0.0.1\\n    option remote-port $brick/" \
    -e 's/option remote-subvolume.*/option remote-subvolume brick/' \
    -e '/option username/d' -e '/option password/d' "$file"
done
