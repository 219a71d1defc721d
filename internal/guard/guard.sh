# Outlives the program that started it. The folder to guard comes in
# $GUARDED_DIR; standard input is a pipe that ends when everybody who holds it has
# closed it or died. Then what still runs in the folder is ended and the folder
# is removed.
trap '' HUP INT TERM
cat >/dev/null

# A process belongs to the folder if its command line names it. The pattern
# comes through a pipe, or grep would find itself.
members() {
	if [ -d /proc/self ]; then
		printf '%s/\n' "$GUARDED_DIR" | grep -lsF -f - /proc/[0-9]*/cmdline | cut -d/ -f3
	else
		pgrep -f "$GUARDED_DIR/"
	fi
}

# Postgres' backends have other command lines: they are the children of a
# member. Only they can be left stopped by SIGSTOP when the postmaster is ended.
children() {
	for stat in /proc/[0-9]*/stat; do
		read -r pid _ _ parent _ 2>/dev/null <"$stat" || continue
		case " $1 " in *" $parent "*) echo "$pid" ;; esac
	done
}

tries=0
while pids=$(members | tr '\n' ' ') && [ -n "$pids" ]; do
	family="$pids $(children "$pids" | tr '\n' ' ')"
	if [ $tries -lt 100 ]; then
		# SIGQUIT is Postgres' immediate shutdown; it releases shared memory
		# and ends the backends.
		[ $((tries % 20)) -eq 0 ] && kill -QUIT $pids 2>/dev/null
		kill -CONT $family 2>/dev/null
	else
		kill -KILL $family 2>/dev/null
	fi
	tries=$((tries + 1))
	sleep 0.05
done
rm -rf -- "$GUARDED_DIR"
