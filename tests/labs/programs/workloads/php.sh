php -n -r '
    $words = []; for ($i = 0; $i < 300000; $i++) { $k = substr(md5((string)$i), 0, 2); $words[$k] = ($words[$k] ?? 0) + 1; }
    ksort($words); echo implode(" ", array_slice($words, 0, 10)), "\n";
    echo strlen(gzuncompress(gzcompress(str_repeat("abc", 500000)))), "\n";
    echo json_encode(array_sum(array_map(fn($x) => $x * 2, range(1, 200000)))), "\n";
    $l = range(1, 1000); usort($l, fn($a, $b) => $b <=> $a); echo shell_exec("echo 42");' 2>logs/ignored-php
mkdir www
echo '<?php echo array_sum(range(1, (int)$_GET["n"]));' >www/index.php
PHP_CLI_SERVER_WORKERS=3 php -n -S "127.0.0.1:$PORT" -t www >logs/ignored-server 2>&1 &
until_true curl -sf "http://127.0.0.1:$PORT/?n=1"
for n in 10 100 1000 10000; do curl -s "http://127.0.0.1:$PORT/?n=$n"; echo; done
kill $!
wait || true
