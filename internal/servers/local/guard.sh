# Outlives the program that started a server. The folder of the server comes in
# $SERVER_DIR; standard input is a pipe that ends when the program closes it or
# dies. Then the processes of the server are ended and its folder is removed.
trap '' HUP INT TERM
cat >/dev/null

# A process is the server's if its command line names the folder. The pattern
# comes through a pipe, or grep would find itself.
members() {
	printf '%s/\n' "$SERVER_DIR" | grep -lsF -f - /proc/[0-9]*/cmdline | cut -d/ -f3
}

# Backends have other command lines: they are the children of a member. Only
# they can be left stopped by SIGSTOP when the postmaster is ended.
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
		# SIGQUIT is Postgres' immediate shutdown; it releases shared memory.
		[ $((tries % 20)) -eq 0 ] && kill -QUIT $pids 2>/dev/null
		kill -CONT $family 2>/dev/null
	else
		kill -KILL $family 2>/dev/null
	fi
	tries=$((tries + 1))
	sleep 0.05
done
rm -rf -- "$SERVER_DIR"
