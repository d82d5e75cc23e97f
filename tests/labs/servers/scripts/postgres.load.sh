pgbench -h "$PWD" -U lab -S -n -c 4 -T 3 postgres | awk '/^tps = / { print $3 }'
