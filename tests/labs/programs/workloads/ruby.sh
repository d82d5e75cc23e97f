ruby -rdigest -rzlib -e '
    threads = (1..8).map { |n| Thread.new { (1..20000).sum { |i| Digest::SHA256.digest("#{n}#{i}").getbyte(0) } } }
    puts threads.map(&:value).join(" ")
    puts Zlib::Inflate.inflate(Zlib::Deflate.deflate("abc" * 100000)).size
    puts (1..20).map { |i| pid = fork { exit i % 5 }; Process.wait pid; $?.exitstatus }.sum
    lines = `seq 1 1000`.lines.map(&:to_i); puts lines.sum
    queue = Queue.new; consumer = Thread.new { s = 0; while (x = queue.pop); s += x; end; s }
    10000.times { |i| queue << i }; queue << nil; puts consumer.value
    GC.start'
