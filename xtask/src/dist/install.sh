#!/bin/sh
# Installs what is beside this script: ./install.sh
# Removes it again:                    ./install.sh --remove
#
# PREFIX is where it belongs (/usr/local), DESTDIR what stands in front of that while a
# package is being made.
set -eu

prefix=${PREFIX:-/usr/local}
to=${DESTDIR:-}$prefix
cd "$(dirname "$0")"

case $prefix in
/*) ;;
*)
	echo "install.sh: PREFIX=$prefix: not an absolute path" >&2
	exit 2
	;;
esac

# files and links: without the papers, which are here to be read, and without what only
# rseqctl needs when it is used from where it was unpacked
list() {
	find bin include lib share ! -type d \
		! -path 'lib/haswell' ! -path 'lib/x86_64' ! -path 'lib/xeon_phi' \
		! -path 'lib/aarch64'
}

case ${1:-} in
'')
	list | while read -r file; do
		mkdir -p "$to/$(dirname "$file")"
		# in one step: a program may be running from the old file
		cp -P "$file" "$to/$file.new"
		mv -f "$to/$file.new" "$to/$file"
	done
	echo "installed below $to"
	;;
--remove)
	list | while read -r file; do
		rm -f "$to/$file"
	done
	# folders that are empty now, and nobody else's
	for folder in share/rseq-owner share/cargo/registry; do
		if [ -d "$to/$folder" ]; then
			find "$to/$folder" -depth -type d -empty -delete
		fi
	done
	echo "removed below $to"
	;;
*)
	echo "usage: [PREFIX=/usr/local] [DESTDIR=] ./install.sh [--remove]" >&2
	exit 2
	;;
esac
