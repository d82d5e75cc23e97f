// Threads that load and unload through the runtime's own gate to C while its
// collector stops them.
using System;
using System.Runtime.InteropServices;
using System.Threading;

static class Collect
{
    [DllImport("libc.so.6")] static extern IntPtr dlopen(string file, int flags);
    [DllImport("libc.so.6")] static extern int dlclose(IntPtr handle);

    static long sum;

    static void Work(string plugin, int rounds)
    {
        for (int round = 0; round < rounds; round++)
        {
            var kept = new object[100];
            for (int i = 0; i < kept.Length; i++) kept[i] = new int[] { round, i };
            IntPtr handle = dlopen(plugin, 2);
            if (handle == IntPtr.Zero) throw new Exception("not loaded");
            dlclose(handle);
            long part = 0;
            foreach (int[] one in kept) part += one[0] + one[1];
            Interlocked.Add(ref sum, part);
        }
    }

    static void Main(string[] arguments)
    {
        var threads = new Thread[3];
        bool done = false;
        for (int i = 0; i < threads.Length; i++)
        {
            threads[i] = new Thread(() => Work(arguments[0], int.Parse(arguments[1])));
            threads[i].Start();
        }
        var other = new Thread(() => { while (!Volatile.Read(ref done)) { GC.Collect(); Thread.Sleep(1); } });
        other.Start();
        foreach (var thread in threads) thread.Join();
        Volatile.Write(ref done, true);
        other.Join();
        Console.WriteLine("sum {0}", sum);
    }
}
