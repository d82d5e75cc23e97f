mariadb-install-db --no-defaults --datadir="$PWD/data" --auth-root-authentication-method=normal --skip-test-db >&2
mariadbd --no-defaults --datadir="$PWD/data" --skip-networking --socket="$PWD/s" --skip-grant-tables >&2 &
tries=0
until mariadb-admin --no-defaults -S "$PWD/s" ping >/dev/null 2>&1; do
    tries=$((tries + 1))
    [ $tries -lt 300 ]
    sleep 0.1
done
mariadb --no-defaults -S "$PWD/s" -e 'create database lab; use lab;
    create table t (i int primary key, text varchar(40)) engine=innodb;
    insert into t select seq, md5(seq) from seq_1_to_20000;'
mariadb-admin --no-defaults -S "$PWD/s" shutdown
wait
