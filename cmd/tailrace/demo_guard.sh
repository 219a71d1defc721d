# Outlives the demo. The demo's folder comes in $DEMO_DIR; standard input is a
# pipe that ends when the demo closes it or all of its processes have died. Then
# what still runs in the folder is ended and the folder is removed.
trap '' HUP INT TERM
cat >/dev/null

# A process is the demo's if its command line names the folder. The pattern
# comes through a pipe, or grep would find itself.
members() {
	if [ -d /proc/self ]; then
		printf '%s/\n' "$DEMO_DIR" | grep -lsF -f - /proc/[0-9]*/cmdline | cut -d/ -f3
	else
		pgrep -f "$DEMO_DIR/"
	fi
}

tries=0
while pids=$(members | tr '\n' ' ') && [ -n "$pids" ]; do
	if [ $tries -lt 100 ]; then
		# SIGQUIT is Postgres' immediate shutdown; it releases shared memory
		# and ends the backends.
		[ $((tries % 20)) -eq 0 ] && kill -QUIT $pids 2>/dev/null
	else
		kill -KILL $pids 2>/dev/null
	fi
	tries=$((tries + 1))
	sleep 0.05
done
rm -rf -- "$DEMO_DIR"
