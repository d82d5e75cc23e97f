# The server seeds its hash tables with what it reads here, and how long the chain is
# in which it finds a command depends on that.
head -c 4096 /dev/zero >seed
cat >start <<'SH'
mount --bind "$PWD/seed" /dev/urandom
exec env $WORLD redis-server --bind 127.0.0.1 --port "$PORT" --save '' --appendonly no --hz 1 --dynamic-hz no \
    --activerehashing no --dir "$PWD"
SH
exec unshare --map-root-user --mount sh -eu start
