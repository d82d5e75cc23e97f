//! The servers: how each is started, asked and loaded.

use rseq_lab::Need;

use crate::client::Way;

/// The thread that serves a request.
#[derive(Clone, Copy, Debug)]
pub enum Serving {
    /// The first of the process.
    First,
    /// The one of this name.
    Named(&'static str),
    /// The one whose id the server answers to this query.
    Query(&'static str),
}

/// A server.
pub struct Server {
    /// Its name.
    pub name: &'static str,
    /// What is requested, in words.
    pub request: &'static str,
    /// Prepares the folder, once.
    pub prepare: &'static str,
    /// Becomes the server as the last thing it does.
    pub serve: &'static str,
    /// Loads it for some seconds and prints requests per second.
    pub load: &'static str,
    /// How one client asks.
    pub way: Way,
    /// Who answers.
    pub serving: Serving,
    /// Requests before anything is counted: a compiler has to have settled.
    pub warm: u32,
    /// Requests that are counted in each start. The least of them is one that no
    /// timer of the server's came into.
    pub counted: u32,
    /// What the machine has to have.
    pub needs: &'static [Need],
}

macro_rules! script {
    ($name:literal, $what:literal) => {
        include_str!(concat!("../scripts/", $name, ".", $what, ".sh"))
    };
}

const WRK: &str = include_str!("../scripts/wrk.sh");
const WRK_NEED: Need = Need::Program("wrk", "wrk");

/// All.
pub const SERVERS: [Server; 7] = [
    Server {
        name: "nginx",
        request: "a file of 141 bytes, one connection",
        prepare: script!("nginx", "prepare"),
        serve: script!("nginx", "serve"),
        load: WRK,
        way: Way::Http("/small"),
        serving: Serving::First,
        warm: 20,
        counted: 11,
        needs: &[Need::Program("nginx", "nginx-light"), WRK_NEED],
    },
    Server {
        name: "redis",
        request: "SET of 10 bytes",
        prepare: "",
        serve: script!("redis", "serve"),
        load: script!("redis", "load"),
        way: Way::Line("SET key:1 0123456789"),
        serving: Serving::First,
        warm: 20,
        counted: 15,
        needs: &[
            Need::Program("redis-server", "redis-server"),
            Need::Program("redis-benchmark", "redis-tools"),
        ],
    },
    Server {
        name: "postgres",
        request: "pgbench's select of one row",
        prepare: script!("postgres", "prepare"),
        serve: script!("postgres", "serve"),
        load: script!("postgres", "load"),
        way: Way::Sql {
            command: script!("postgres", "client"),
            query: "select abalance from pgbench_accounts where aid = 4711;",
        },
        serving: Serving::Query("select pg_backend_pid();"),
        warm: 20,
        counted: 5,
        needs: &[
            Need::Program("psql", "postgresql"),
            Need::Program("pgbench", "postgresql"),
        ],
    },
    Server {
        name: "mariadb",
        request: "a select of one row",
        prepare: script!("mariadb", "prepare"),
        serve: script!("mariadb", "serve"),
        load: script!("mariadb", "load"),
        way: Way::Sql {
            command: script!("mariadb", "client"),
            query: "select text from lab.t where i = 4711;",
        },
        serving: Serving::Query(
            "select tid from information_schema.processlist where id = connection_id();",
        ),
        warm: 20,
        counted: 11,
        needs: &[
            Need::Program("mariadbd", "mariadb-server"),
            Need::Program("mariadb-slap", "mariadb-client"),
        ],
    },
    Server {
        name: "java",
        request: "HTTP, 100 bytes, one thread, C1 compiler",
        prepare: script!("java", "prepare"),
        serve: script!("java", "serve"),
        load: WRK,
        way: Way::Http("/"),
        serving: Serving::Named("HTTP-Dispatcher"),
        warm: 3000,
        counted: 5,
        needs: &[Need::Program("javac", "default-jdk-headless"), WRK_NEED],
    },
    Server {
        name: "node",
        request: "HTTP, 100 bytes, interpreter",
        prepare: "",
        serve: script!("node", "serve"),
        load: WRK,
        way: Way::Http("/"),
        serving: Serving::First,
        warm: 300,
        counted: 5,
        needs: &[Need::Program("node", "nodejs"), WRK_NEED],
    },
    Server {
        name: "python",
        request: "HTTP, 100 bytes",
        prepare: "",
        serve: script!("python", "serve"),
        load: WRK,
        way: Way::Http("/"),
        serving: Serving::First,
        warm: 20,
        counted: 11,
        needs: &[Need::Program("python3", "python3"), WRK_NEED],
    },
];
