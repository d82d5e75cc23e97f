using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [(name = "main", worker = .worker)],
  sockets = [(name = "http", address = "unix-abstract:workerd", http = (), service = "main")],
);
const worker :Workerd.Worker = (
  serviceWorkerScript = "addEventListener('fetch', event => { let all = []; for (let i = 0; i < 20000; i++) all.push('' + i * 7); event.respondWith(new Response('you asked for ' + new URL(event.request.url).pathname + ' ' + all.join().length)); });",
  compatibilityDate = "2024-01-01",
);
