PATH=$PATH:$(echo /usr/lib/postgresql/*/bin | tr ' ' :)
initdb -D "$PWD/data" --no-sync -A trust -U lab >&2
pg_ctl -D "$PWD/data" -w -o "-k $PWD -c listen_addresses= -c fsync=off" -l "$PWD/log" start >&2
pgbench -h "$PWD" -U lab -i -q -s 1 postgres >&2
pg_ctl -D "$PWD/data" -w stop >&2
