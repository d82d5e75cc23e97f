memcached -u nobody -s "$PWD/s" -t 4 >logs/memcached 2>&1 &
until_true test -S "$PWD/s"
cat >work.py <<'PY'
import socket, threading

def talk(n, sums):
    s = socket.socket(socket.AF_UNIX)
    s.connect("s")
    f = s.makefile("rwb")
    for i in range(1500):
        value = b"%d" % (i * n)
        f.write(b"set k%d:%d 0 0 %d\r\n%s\r\n" % (n, i, len(value), value)); f.flush()
        assert f.readline() == b"STORED\r\n"
        f.write(b"get k%d:%d\r\n" % (n, i)); f.flush()
        f.readline(); sums[n] += int(f.readline()); f.readline()

sums = [0] * 8
threads = [threading.Thread(target=talk, args=(n, sums)) for n in range(8)]
[t.start() for t in threads]; [t.join() for t in threads]
print(sums)
PY
python3 work.py
kill $!
wait || true
