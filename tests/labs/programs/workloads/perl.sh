perl -Mthreads -e '
    my @threads = map { my $n = $_; threads->create(sub { my $s = 0; $s = ($s * 31 + $_ * $n) % 1000003 for 1 .. 1500000; $s }) } 1 .. 6;
    print join(" ", map { $_->join } @threads), "\n";'
perl -MDigest::SHA=sha256_hex -MPOSIX -e '
    my %words; $words{sha256_hex($_) =~ /^(..)/ ? $1 : ""}++ for 1 .. 100000;
    print join(" ", map { "$_=$words{$_}" } (sort keys %words)[0 .. 9]), "\n";
    for (1 .. 50) { my $pid = fork // die; exit($_ % 7) unless $pid; waitpid $pid, 0; $sum += WEXITSTATUS($?) } print "$sum\n";'
