cat >server.js <<'JS'
const body = 'x'.repeat(100);
const server = require('http').createServer((request, answer) => {
  answer.setHeader('Content-Length', body.length);
  answer.end(body);
});
server.keepAliveTimeout = 0;
server.headersTimeout = 0;
server.requestTimeout = 0;
server.listen(+process.argv[2], '127.0.0.1');
JS
# The interpreter alone: compilers that look for what is hot do not decide the same way each
# time.
exec env $WORLD node --predictable --jitless --hash-seed=1 --random-seed=1 server.js "$PORT"
