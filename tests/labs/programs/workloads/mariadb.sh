mariadb-install-db --no-defaults --datadir="$PWD/data" --auth-root-authentication-method=normal \
    --skip-test-db >logs/install 2>&1
mariadbd --no-defaults --datadir="$PWD/data" --skip-networking --socket="$PWD/s" --pid-file="$PWD/pid" \
    --innodb-buffer-pool-size=32M --skip-grant-tables >logs/mariadb 2>&1 &
until_true mariadb-admin --no-defaults -S "$PWD/s" ping
sql() { mariadb --no-defaults -S "$PWD/s" -N -B "$@"; }
sql -e 'create database lab'
sql lab -e 'create table t (i int primary key, text varchar(40), key (text)) engine=innodb;
    insert into t select seq, md5(seq) from seq_1_to_20000;
    select count(*), sum(i), max(text) from t; select i from t where text = md5(4711)'
mariadb-slap --no-defaults -S "$PWD/s" --concurrency=8 --iterations=1 --number-of-queries=2000 \
    --create-schema=lab --query='select count(*) from t where i between 100 and 200' >/dev/null
sql lab -e 'update t set text = upper(text) where i % 2; select count(distinct text) from t;
    alter table t add column more int default 7; select sum(more) from t'
mariadb-admin --no-defaults -S "$PWD/s" shutdown
wait
