cat >Work.java <<'JAVA'
import java.util.*;
import java.util.concurrent.*;
import java.util.stream.*;
import java.util.zip.*;

public class Work {
    static long part(int n) throws Exception {
        var bytes = new byte[200_000];
        new Random(n).nextBytes(bytes);
        var deflater = new Deflater();
        deflater.setInput(bytes);
        deflater.finish();
        int length = deflater.deflate(new byte[400_000]);
        var crc = new CRC32();
        crc.update(bytes);
        return crc.getValue() + length;
    }
    public static void main(String[] arguments) throws Exception {
        var pool = Executors.newFixedThreadPool(8);
        var futures = new ArrayList<Future<Long>>();
        for (int i = 0; i < 60; i++) { int n = i; futures.add(pool.submit(() -> part(n))); }
        long sum = 0;
        for (var future : futures) sum += future.get();
        pool.shutdown();
        System.out.println(sum);
        System.out.println(IntStream.range(0, 2_000_000).parallel().mapToLong(i -> i * 31L % 1009).sum());
        var map = new ConcurrentHashMap<Integer, Integer>();
        var threads = new ArrayList<Thread>();
        for (int t = 0; t < 20; t++) {
            var thread = new Thread(() -> { for (int i = 0; i < 20000; i++) map.merge(i % 97, 1, Integer::sum); });
            thread.start();
            threads.add(thread);
        }
        for (var thread : threads) thread.join();
        System.gc();
        System.out.println(map.values().stream().mapToInt(i -> i).sum());
    }
}
JAVA
java -Xmx256m Work.java
