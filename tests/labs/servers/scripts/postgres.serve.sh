PATH=$PATH:$(echo /usr/lib/postgresql/*/bin | tr ' ' :)
exec env $WORLD postgres -D "$PWD/data" -k "$PWD" -c listen_addresses= -c fsync=off -c autovacuum=off
