cat >page.html <<'HTML'
<html><body><div id=a></div><script>
let sum = 0;
for (let i = 0; i < 1e6; i++) sum = (sum * 31 + i) % 1000003;
document.getElementById('a').textContent = 'sum ' + sum;
const canvas = document.createElement('canvas');
canvas.width = canvas.height = 200;
const context = canvas.getContext('2d');
context.fillRect(10, 10, 50, 50);
document.body.append(' pixel ' + context.getImageData(20, 20, 1, 1).data.join());
const text = 'onmessage = e => postMessage(e.data * 2)';
const worker = new Worker(URL.createObjectURL(new Blob([text])));
worker.onmessage = e => document.body.append(' worker ' + e.data);
worker.postMessage(21);
</script></body></html>
HTML
chromium --headless=new --no-sandbox --disable-gpu --disable-dev-shm-usage --user-data-dir="$PWD/profile" \
    --virtual-time-budget=3000 --dump-dom "file://$PWD/page.html" 2>logs/ignored-chromium |
    grep -o '<div id="a">.*'
