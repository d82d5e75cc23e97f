cat >nginx.conf <<CONF
daemon off;
master_process off;
pid $PWD/pid;
error_log $PWD/error warn;
events { worker_connections 256; }
http {
    access_log off;
    keepalive_timeout 600; keepalive_requests 100000000;
    client_body_temp_path $PWD/t1; proxy_temp_path $PWD/t2; fastcgi_temp_path $PWD/t3;
    uwsgi_temp_path $PWD/t4; scgi_temp_path $PWD/t5;
    server { listen 127.0.0.1:$PORT; root $PWD/www; }
}
CONF
exec env $WORLD nginx -c "$PWD/nginx.conf" -p "$PWD" -e "$PWD/error"
