mkdir www
seq 1 20000 >www/numbers
seq 1 50 >www/small
cat >nginx.conf <<CONF
daemon off;
worker_processes 2;
pid $PWD/pid;
error_log $PWD/logs/nginx warn;
events { worker_connections 256; }
http {
    access_log off;
    client_body_temp_path $PWD/t1; proxy_temp_path $PWD/t2; fastcgi_temp_path $PWD/t3;
    uwsgi_temp_path $PWD/t4; scgi_temp_path $PWD/t5;
    server {
        listen 127.0.0.1:$PORT; root $PWD/www; gzip on; gzip_types *; aio threads;
        location /again/ { proxy_pass http://127.0.0.1:$PORT/; }
    }
}
CONF
nginx -c "$PWD/nginx.conf" -p "$PWD" -e "$PWD/logs/nginx" &
until_true curl -sf "http://127.0.0.1:$PORT/small"
for i in 1 2 3 4 5 6 7 8; do
    curl -s "http://127.0.0.1:$PORT/numbers" | md5sum
    curl -s --compressed "http://127.0.0.1:$PORT/again/numbers" | md5sum
done
curl -s -o /dev/null -w '%{http_code}\n' "http://127.0.0.1:$PORT/none"
if command -v wrk >/dev/null; then
    wrk -t1 -c16 -d2s "http://127.0.0.1:$PORT/small" | grep -c 'Non-2xx\|Socket errors' || true
fi
nginx -c "$PWD/nginx.conf" -p "$PWD" -e "$PWD/logs/nginx" -s quit
wait
