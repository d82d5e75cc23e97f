mariadb-slap --no-defaults -S "$PWD/s" --concurrency=4 --iterations=1 --number-of-queries=20000 --create-schema=lab \
    --no-drop --query='select text from lab.t where i = 4711' | awk '/Average number of seconds/ { print 20000 / $9 }'
