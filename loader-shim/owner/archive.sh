#!/bin/sh
# Makes the archive that is shipped of the one that cargo builds:
#
#     archive.sh BUILT SHIPPED
#
# One object, linked from those members that are needed, in which only the names of
# names.txt are left global: nothing of Rust's core, nor the functions of <string.h>
# that the shim brings along, meets anything else of the program.
# A Rust program has groups of the same names (core's personality), of which a linker
# keeps one: so the object has none.
set -eu

built=$1
shipped=$2
names=$(dirname "$0")/names.txt
object=$(dirname "$shipped")/rseq_owner.$$.o
trap 'rm -f "$object" "$object.new"' EXIT

${LD:-ld} -r --force-group-allocation --gc-sections -o "$object" $(sed 's/^/-u /' "$names") "$built"
${OBJCOPY:-objcopy} --keep-global-symbols="$names" --strip-debug \
	--remove-section=.comment --remove-section=.llvmbc --remove-section=.llvmcmd "$object"
rm -f "$object.new"
${AR:-ar} rcsD "$object.new" "$object"
mv "$object.new" "$shipped"
