exec env $WORLD mariadbd --no-defaults --datadir="$PWD/data" --skip-networking --socket="$PWD/s" --pid-file="$PWD/pid" \
    --innodb-buffer-pool-size=32M --skip-grant-tables --wait-timeout=3600
