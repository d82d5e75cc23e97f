#!/bin/sh
# Makes the archive that is shipped of the one that cargo builds:
#
#     archive.sh BUILT SHIPPED
#
# One object, linked from those members that are needed, in which only the names of
# names.txt are left global: nothing of Rust's core, nor the functions of <string.h>
# that the shim brings along, meets anything else of the program.
# Nor is anything asked for that nobody uses: GNU ld leaves the names of weak references
# behind that --gc-sections has removed, and makes them strong. One name is kept: it has a
# static program bring the libc's own pthread_create along.
# A Rust program has groups of the same names (core's personality), of which a linker
# keeps one: so the object has none.
set -eu

built=$1
shipped=$2
names=$(dirname "$0")/names.txt
folder=$(mktemp -d "$(dirname "$shipped")/rseq_owner.XXXXXX")
trap 'rm -rf "$folder"' EXIT
# its name is in the archive
object=$folder/rseq_owner.o

${LD:-ld} -r --force-group-allocation --gc-sections -o "$object" $(sed 's/^/-u /' "$names") "$built"
${OBJCOPY:-objcopy} --keep-global-symbols="$names" --strip-unneeded \
	--keep-symbol=timer_create \
	--remove-section=.comment --remove-section=.llvmbc --remove-section=.llvmcmd "$object"
${AR:-ar} rcsD "$folder/new" "$object"
mv "$folder/new" "$shipped"
