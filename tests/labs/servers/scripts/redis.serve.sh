exec env $WORLD redis-server --bind 127.0.0.1 --port "$PORT" --save '' --appendonly no --hz 1 --dynamic-hz no \
    --activerehashing no --dir "$PWD"
