//! Programs of Debian for AArch64 under the shim, on the newest kernel, emulated: every
//! thread of theirs is registered, and they work as ever.

use std::process::ExitCode;

use rseq_kit::child::Finished;
use rseq_kit::needs::Need;
use rseq_kit::runner::{Outcome, Suite};
use rseq_kit::world::GLIBC_OFF;
use rseq_lab_kernels::command::{SHIM, beside, look};
use rseq_lab_kernels::guest::{self, Command, kernels};
use rseq_lab_kernels::programs;
use rseq_lab_kernels::question::{Question, ask_all};
use serde_json::Value;

const PYTHON: &str = "import sys, threading\n\
    end = threading.Event()\n\
    threads = [threading.Thread(target=end.wait) for _ in range(16)]\n\
    [t.start() for t in threads]\n\
    print('ready', flush=True)\n\
    sys.stdin.read()\n\
    end.set()\n\
    [t.join() for t in threads]\n";

const REDIS: [&str; 9] = [
    "@/usr/bin/redis-server",
    "--port",
    "0",
    "--unixsocket",
    "/tmp/redis.socket",
    "--io-threads",
    "4",
    "--save",
    "",
];

const NGINX: [&str; 3] = ["@/usr/sbin/nginx", "-c", "/etc/nginx.conf"];

/// What asks nginx for a page.
const ASK: &str = "import socket\n\
    s = socket.socket(socket.AF_UNIX)\n\
    s.connect('/tmp/nginx.socket')\n\
    s.send(b'GET / HTTP/1.0\\r\\n\\r\\n')\n\
    print(s.makefile().read().split('\\n')[-2])\n";

fn main() -> ExitCode {
    let mut suite = Suite::new();
    let kernel = kernels::newest_for_aarch64();
    let needs = [Need::CC, guest::need(kernel)];
    suite.add("aarch64-programs", &needs, ask);
    suite.run()
}

fn ask() -> Outcome {
    let variables = [format!("GLIBC_TUNABLES={GLIBC_OFF}"), SHIM.to_owned()];
    let python = ["/usr/bin/python3.11", "-c", PYTHON];
    let redis_cli = ["/usr/bin/redis-cli", "-s", "/tmp/redis.socket", "incr", "n"];
    let page = ["/usr/bin/python3.11", "-c", ASK];
    let questions = [
        threads("python", look(&variables, python), 17),
        threads("redis", look(&variables, REDIS), 5),
        answer("redis", beside(&variables, REDIS, &redis_cli), "1"),
        threads("nginx", look(&variables, NGINX), 9),
        answer("nginx", beside(&variables, NGINX, &page), "hello"),
    ];
    ask_all(
        programs::guest()?,
        &kernels::newest_for_aarch64(),
        &questions,
    )
}

fn threads(program: &str, command: Command, at_least: u64) -> Question {
    Question {
        name: format!("{program}, threads"),
        command,
        holds: Box::new(move |finished| registered(finished, at_least)),
    }
}

fn answer(program: &str, command: Command, text: &'static str) -> Question {
    Question {
        name: format!("{program}, an answer"),
        command,
        holds: Box::new(move |finished| says(finished, text)),
    }
}

/// The shim has registered every thread, and there are so many at least.
fn registered(finished: &Finished, at_least: u64) -> Result<(), String> {
    let row: Value = serde_json::from_str(&finished.out).map_err(|error| error.to_string())?;
    let all = row["registered"].as_u64() >= Some(at_least);
    if row["owner"] == "shim" && all && row["unregistered"] == 0 && row["unknown"] == 0 {
        Ok(())
    } else {
        Err("not every thread is registered by the shim".to_owned())
    }
}

fn says(finished: &Finished, text: &str) -> Result<(), String> {
    let said = finished.expect_ref(0)?.out.lines().last();
    if said == Some(text) {
        Ok(())
    } else {
        Err(format!("it does not say {text}"))
    }
}
