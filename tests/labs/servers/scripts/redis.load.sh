redis-benchmark -p "$PORT" -n 200000 -c 8 -d 10 -t set --csv | awk -F'"' '$2 == "SET" { print $4 }'
