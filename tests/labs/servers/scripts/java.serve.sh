# One compiler, which decides by counts alone and at once; and an answer in two writes
# must not wait for the client's acknowledgement of the first.
exec env $WORLD java -Xmx128m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Xbatch -Dsun.net.httpserver.idleInterval=3600 \
    -Dsun.net.httpserver.nodelay=true -cp "$PWD" Server "$PORT"
