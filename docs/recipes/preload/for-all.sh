#!/bin/sh
# The shim in every program of this host, through /etc/ld.so.preload:
#
#     for-all.sh install [LIBRARY]
#     for-all.sh remove
#
# LIBRARY is librseq_shim.so, built with RSEQ_ABI_BY_NAME=1, with librseq_abi.so.1
# beside it in a folder that ldconfig knows, owned by root, on a file system that
# is there from the first program on.
set -eu

file=/etc/ld.so.preload
shim=${2:-/usr/local/lib/rseq/librseq_shim.so}

# The other lines of the file.
others() {
	if [ -e "$file" ]; then
		while IFS= read -r line || [ -n "$line" ]; do
			case $line in
			*/librseq_shim.so) ;;
			*) printf '%s\n' "$line" ;;
			esac
		done <"$file"
	fi
}

# Never half a file: programs start meanwhile.
replace() {
	if [ -s "$file.new" ]; then
		chmod 644 "$file.new"
		mv -f "$file.new" "$file"
	else
		rm -f "$file.new" "$file"
	fi
}

case ${1:-} in
install)
	case $shim in
	*[\ :]*)
		echo "for-all.sh: $shim: the dynamic linker takes no path with a space or a colon" >&2
		exit 2
		;;
	/*/librseq_shim.so) ;;
	*)
		echo "for-all.sh: $shim: say the whole path of librseq_shim.so" >&2
		exit 2
		;;
	esac
	# setuid programs (su, sudo) would not start any more
	if grep -qF "\$ORIGIN/librseq_abi.so" "$shim" 2>/dev/null; then
		echo "for-all.sh: $shim: not installed: built without RSEQ_ABI_BY_NAME=1, it would keep setuid programs from starting" >&2
		exit 1
	fi
	# what does not load, or says something, must not get into the file
	complaint=$(LD_PRELOAD=$shim /bin/true 2>&1) || complaint="/bin/true fails with it: $complaint"
	if [ -n "$complaint" ] || [ ! -r "$shim" ]; then
		echo "for-all.sh: $shim: not installed: $complaint" >&2
		exit 1
	fi
	{
		others
		printf '%s\n' "$shim"
	} >"$file.new"
	replace
	;;
remove)
	others >"$file.new"
	replace
	;;
*)
	echo "usage: for-all.sh install [LIBRARY] | remove" >&2
	exit 2
	;;
esac
