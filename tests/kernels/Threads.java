// Sums in many threads at a time, says what came out, and waits for the end of its input.
import java.util.concurrent.CountDownLatch;

class Threads {
    public static void main(String[] words) throws Exception {
        int count = 32;
        CountDownLatch done = new CountDownLatch(count), end = new CountDownLatch(1);
        long[] sums = new long[count];
        Thread[] threads = new Thread[count];
        for (int i = 0; i < count; i++) {
            int number = i;
            threads[i] = new Thread(() -> {
                for (int j = 0; j < 20000 + number; j++)
                    sums[number] += String.valueOf(j).hashCode() % 1000;
                done.countDown();
                try {
                    end.await();
                } catch (InterruptedException e) {
                    throw new RuntimeException(e);
                }
            });
            threads[i].start();
        }
        done.await();
        long all = 0;
        for (long sum : sums)
            all += sum;
        if (words.length > 0) {
            System.out.println("ready");
            while (System.in.read() >= 0)
                ;
        }
        end.countDown();
        for (Thread thread : threads)
            thread.join();
        System.out.println(all);
    }
}
