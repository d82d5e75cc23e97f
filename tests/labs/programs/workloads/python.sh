cat >work.py <<'PY'
import asyncio, concurrent.futures as futures, ctypes, hashlib, json, multiprocessing, os, sqlite3
import subprocess, threading, zlib

def part(n):
    data = bytes((i * n) % 251 for i in range(100000))
    return zlib.crc32(zlib.compress(hashlib.pbkdf2_hmac("sha256", data[:64], b"s", 5000) + data))

async def echo():
    async def answer(reader, writer):
        writer.write(await reader.readline()); await writer.drain(); writer.close()
    server = await asyncio.start_unix_server(answer, "s")
    sum = 0
    for i in range(200):
        reader, writer = await asyncio.open_unix_connection("s")
        writer.write(b"x" * i + b"\n"); sum += len(await reader.readline()); writer.close()
    server.close()
    return sum

if __name__ == "__main__":
    with futures.ThreadPoolExecutor(8) as pool:
        print(sum(pool.map(part, range(40))))
    with multiprocessing.Pool(3) as pool:
        print(sum(pool.map(part, range(40))))
    print(asyncio.run(echo()))
    base = sqlite3.connect(":memory:")
    base.execute("create table t (i)")
    base.executemany("insert into t values (?)", ((i,) for i in range(50000)))
    print(base.execute("select sum(i) from t").fetchone())
    print(ctypes.CDLL("libm.so.6").abs(-5), subprocess.run(["echo", "5"], capture_output=True).stdout)
    seen = []
    threads = [threading.Thread(target=seen.append, args=(i,)) for i in range(500)]
    [t.start() for t in threads]; [t.join() for t in threads]
    print(len(seen))
PY
python3 work.py
