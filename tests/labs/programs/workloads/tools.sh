seq 1 400000 | awk '{ print ($1 * 7919) % 400009 }' >numbers
sort -n --parallel=4 -S 4M numbers | md5sum
xz -T4 --block-size=200KiB -k -c numbers | xz -dc | md5sum
if command -v zstd >/dev/null; then zstd -q -T4 -c numbers | zstd -dc | md5sum; fi
tar -cf - numbers | gzip | gunzip | tar -tf -
openssl dgst -sha256 numbers
find /usr/share/doc -name 'copyright' | head -2000 | xargs -P 4 -n 50 md5sum | sort | md5sum
