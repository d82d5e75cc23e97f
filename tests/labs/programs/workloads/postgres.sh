PATH=$PATH:$(echo /usr/lib/postgresql/*/bin | tr ' ' :)
initdb -D "$PWD/data" --no-sync -A trust -U lab >logs/initdb 2>&1
postgres -D "$PWD/data" -k "$PWD" -c listen_addresses= -c fsync=off -c max_parallel_workers_per_gather=2 \
    -c min_parallel_table_scan_size=0 -c parallel_setup_cost=0 -c parallel_tuple_cost=0 >logs/postgres 2>&1 &
sql() { psql -h "$PWD" -U lab -d postgres -AtXq "$@"; }
until_true sql -c 'select 1'
sql -c 'create table t as select i, md5(i::text) as text from generate_series(1, 50000) i'
sql -c 'select count(*), sum(i), max(text) from t'
sql -c 'create index on t (text)' -c 'select i from t where text = md5(4711::text)'
pgbench -h "$PWD" -U lab -i -q -s 1 postgres >/dev/null 2>&1
pgbench -h "$PWD" -U lab -n -c 4 -j 2 -t 100 --random-seed 1 postgres 2>/dev/null | grep 'actually processed'
sql -c 'select count(*) from pgbench_history' -c 'vacuum analyze'
sql -c 'set jit_above_cost = 0; select sum(length(text)) from t'
kill -INT $!
wait || true
