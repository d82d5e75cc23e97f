exec env $WORLD java -Xmx128m -XX:+UseSerialGC -Dsun.net.httpserver.idleInterval=3600 -cp "$PWD" Server "$PORT"
