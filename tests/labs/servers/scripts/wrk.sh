wrk -t1 -c8 -d3s "http://127.0.0.1:$PORT$REQUEST" | awk '/^Requests\/sec/ { print $2 }'
