//! A server of hyper that counts what it answers with the counters of rseq-abi, in every
//! worker thread. `/count` says what they come to, and whether the worker is registered.
//! It ends with its input.

use std::convert::Infallible;
use std::io::Read as _;
use std::thread;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use rseq_abi::percpu::Counter;
use tokio::net::TcpListener;

static REQUESTS: Counter<64> = Counter::new();
static BYTES: Counter<64> = Counter::new();

/// How often one request is counted: the more, the more often a thread is interrupted in
/// the middle of it.
const TIMES: u64 = 100_000;

async fn answer(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let text = if request.uri().path() == "/count" {
        format!(
            "{} {} {}",
            REQUESTS.sum(),
            BYTES.sum(),
            if rseq_abi::is_registered() {
                "registered"
            } else {
                "alone"
            }
        )
    } else {
        for _ in 0..TIMES {
            REQUESTS.add(1);
            BYTES.add(request.uri().path().len() as u64);
        }
        "counted".to_owned()
    };
    Ok(Response::new(Full::new(Bytes::from(text))))
}

async fn serve() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    println!(
        "port {}",
        listener.local_addr().expect("its address").port()
    );
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(async {
            let stream = TokioIo::new(stream);
            let _ = http1::Builder::new()
                .serve_connection(stream, service_fn(answer))
                .await;
        });
    }
}

fn main() {
    thread::spawn(|| {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        std::process::exit(0);
    });
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(4)
        .enable_io()
        // the thread's registration ends with the thread
        .on_thread_start(|| std::mem::forget(rseq_abi::register_current_thread()))
        .build()
        .expect("worker threads")
        .block_on(async { tokio::spawn(serve()).await })
        .expect("a server");
}
