//! One client that makes one request after the other.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::process::{ChildStdin, Stdio};
use std::time::Duration;

use rseq_kit::child::{Program, Running};

/// How long a client may wait: each instruction of an answer may be a stop.
const LONG: Duration = Duration::from_secs(600);

/// How a server is spoken to.
#[derive(Clone, Copy, Debug)]
pub enum Way {
    /// HTTP/1.1 with one connection for all requests.
    Http(&'static str),
    /// A line, answered by a line.
    Line(&'static str),
    /// The program of this shell command: a line of SQL on its standard input,
    /// a line of its standard output.
    Sql {
        /// The command.
        command: &'static str,
        /// The request.
        query: &'static str,
    },
}

/// A client with its connection.
pub enum Client {
    /// To a port of the loopback.
    Socket(Way, BufReader<TcpStream>),
    /// A program.
    Program {
        /// It runs.
        running: Running,
        /// What it reads.
        input: ChildStdin,
        /// How many lines it has answered.
        lines: usize,
        /// The request.
        query: &'static str,
    },
}

impl Client {
    /// Connects. `program` is what a client program is started as.
    pub fn connect(way: Way, port: u16, program: Program) -> Result<Self, String> {
        let say = |error| format!("cannot connect: {error}");
        if let Way::Sql { command, query } = way {
            let program = program.args(["sh", "-eu", "-c", command]);
            let program = program.input(Stdio::piped()).limit(LONG);
            let mut running = program.start()?;
            let input = running.take_input().ok_or("a client without input")?;
            return Ok(Self::Program {
                running,
                input,
                lines: 0,
                query,
            });
        }
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).map_err(say)?;
        stream.set_read_timeout(Some(LONG)).map_err(say)?;
        stream.set_nodelay(true).map_err(say)?;
        Ok(Self::Socket(way, BufReader::new(stream)))
    }

    /// Makes the request once and reads the whole answer.
    pub fn ask(&mut self) -> Result<(), String> {
        match self {
            Self::Program { query, .. } => {
                let query = *query;
                self.query(query).map(drop)
            }
            Self::Socket(way, stream) => {
                socket(*way, stream).map_err(|error| format!("no answer: {error}"))
            }
        }
    }

    /// The answer to a query of SQL.
    pub fn query(&mut self, query: &str) -> Result<String, String> {
        let Self::Program {
            running,
            input,
            lines,
            ..
        } = self
        else {
            return Err("this client speaks no SQL".to_owned());
        };
        let known = *lines;
        input
            .write_all(format!("{query}\n").as_bytes())
            .map_err(|error| format!("the client has ended: {error}"))?;
        let answer = running.wait_for_output(|out| {
            let whole = out.rfind('\n').map_or("", |end| &out[..end]);
            whole.lines().nth(known).map(str::to_owned)
        })?;
        *lines += 1;
        Ok(answer)
    }
}

fn socket(way: Way, stream: &mut BufReader<TcpStream>) -> std::io::Result<()> {
    let request = match way {
        Way::Http(path) => format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n"),
        Way::Line(line) => format!("{line}\r\n"),
        Way::Sql { .. } => return Ok(()),
    };
    stream.get_mut().write_all(request.as_bytes())?;
    let mut length = 0;
    let mut line = String::new();
    loop {
        line.clear();
        if stream.read_line(&mut line)? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        let lower = line.to_ascii_lowercase();
        if let Some(value) = lower.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap_or(0);
        }
        if line.trim_end().is_empty() || matches!(way, Way::Line(_)) {
            break;
        }
    }
    std::io::copy(&mut stream.take(length), &mut std::io::sink())?;
    Ok(())
}
