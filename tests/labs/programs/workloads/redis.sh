redis-server --port 0 --unixsocket "$PWD/s" --io-threads 2 --io-threads-do-reads yes --save '' \
    --appendonly yes --logfile "$PWD/logs/redis" --dir "$PWD" &
until_true redis-cli -s "$PWD/s" ping
redis-benchmark -s "$PWD/s" -n 3000 -c 20 -r 1000 -q -t set,get,lpush,zadd --threads 2 >/dev/null 2>&1
redis-cli -s "$PWD/s" flushall
seq 1 5000 | sed 's/.*/SET key:& &/' | redis-cli -s "$PWD/s" >/dev/null
redis-cli -s "$PWD/s" eval 'local s = 0 for i = 1, 5000 do s = s + redis.call("GET", "key:" .. i) end return s' 0
redis-cli -s "$PWD/s" bgrewriteaof >/dev/null
redis-cli -s "$PWD/s" debug jmap >/dev/null 2>&1 || true
redis-cli -s "$PWD/s" dbsize
sleep 1
redis-cli -s "$PWD/s" unlink key:1 key:2
redis-cli -s "$PWD/s" shutdown nosave || true
wait
