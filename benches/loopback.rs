//! What the layer costs a real server: CPU time of an axum process per request over loopback, beside
//! the bare route's and that behind a layer which does nothing. The server is a process of its own, so
//! that the client's work is not counted.
//!
//! `cargo bench --all-features --bench loopback` (Linux)

#![expect(clippy::unwrap_used, reason = "a benchmark fails by panicking")]

use std::{
    env, fs,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    process::{Child, Command, Stdio},
    time::Duration,
};

use axum::{Router, extract::Request, routing::get};
use tower::util::MapRequestLayer;
use tower_clerk::{AuthenticateLayer, Session, testing::SessionsApi};

const ROUNDS: usize = 61;
const REQUESTS: usize = 8_000;
const CONNECTIONS: usize = 8;

fn main() {
    match env::args().find_map(|arg| arg.strip_prefix("serve=").map(str::to_owned)) {
        Some(route) => serve(&route),
        None => measure(),
    }
}

fn measure() {
    let mut servers = ["bare", "idle", "authenticated"].map(Server::start);
    let mut micros = [const { Vec::new() }; 3];
    let mut ratios = [const { Vec::new() }; 2];
    for round in 0..ROUNDS {
        // Each time another one begins.
        let mut of_round = [0.0; 3];
        for turn in 0..3 {
            let turn = (round + turn) % 3;
            of_round[turn] = servers[turn].cpu_per_request();
            micros[turn].push(of_round[turn]);
        }
        let [bare, idle, authenticated] = of_round;
        ratios[0].push(authenticated / bare);
        ratios[1].push(authenticated / idle);
    }
    let [bare, idle, authenticated] = micros.map(median);
    println!("bare {bare:.2} µs, behind an idle layer {idle:.2} µs, ours {authenticated:.2} µs");
    let [to_bare, to_idle] = ratios.map(median);
    println!("ours to bare {to_bare:.3}, to the idle layer {to_idle:.3}");
    println!("Medians of {ROUNDS} rounds of {REQUESTS} requests.");
}

fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    numbers[numbers.len() / 2]
}

struct Server {
    process: Child,
    /// Each with its own user's request.
    connections: Vec<(BufReader<TcpStream>, String)>,
}

impl Server {
    fn start(route: &str) -> Self {
        let mut process = Command::new(env::current_exe().unwrap())
            .arg(format!("serve={route}"))
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let addr = lines.next().unwrap().unwrap();
        let connections = lines.take(CONNECTIONS).map(|token| {
            let connection = TcpStream::connect(&addr).unwrap();
            connection.set_nodelay(true).unwrap();
            let bearer = format!("authorization: Bearer {}", token.unwrap());
            let request = format!("GET /me HTTP/1.1\r\nhost: localhost\r\n{bearer}\r\n\r\n");
            (BufReader::new(connection), request)
        });
        let connections = connections.collect();
        let mut server = Self { process, connections };
        server.cpu_per_request();
        server
    }

    /// In microseconds.
    fn cpu_per_request(&mut self) -> f64 {
        let before = self.cpu();
        for _ in 0..REQUESTS / CONNECTIONS {
            for (connection, request) in &mut self.connections {
                connection.get_mut().write_all(request.as_bytes()).unwrap();
            }
            for (connection, _) in &mut self.connections {
                read_answer(connection);
            }
        }
        (self.cpu() - before).as_secs_f64() * 1e6 / REQUESTS as f64
    }

    /// What the kernel says the process has spent on its threads' time, to the nanosecond.
    fn cpu(&self) -> Duration {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.process.id())).unwrap();
        let spent = tasks.map(|task| {
            let schedstat = fs::read_to_string(task.unwrap().path().join("schedstat")).unwrap();
            schedstat.split_whitespace().next().unwrap().parse::<u64>().unwrap()
        });
        Duration::from_nanos(spent.sum())
    }
}

fn read_answer(connection: &mut BufReader<TcpStream>) {
    let (mut line, mut length) = (String::new(), 0);
    while line != "\r\n" {
        line.clear();
        connection.read_line(&mut line).unwrap();
        assert!(!line.starts_with("HTTP/") || line.contains(" 200 "), "{line}");
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
    }
    connection.read_exact(&mut vec![0; length]).unwrap();
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[tokio::main]
async fn serve(route: &str) {
    async fn me(_: Session) -> &'static str {
        "hello"
    }
    async fn bare() -> &'static str {
        "hello"
    }
    fn same(request: Request) -> Request {
        request
    }

    let clerk = SessionsApi::start().await;
    let hour = Duration::from_secs(60 * 60);
    let token = |user| clerk.mint(&clerk.sign_in(&format!("user_{user}"))).expires_in(hour).sign();
    let tokens: Vec<String> = (0..CONNECTIONS).map(token).collect();
    let app = match route {
        "bare" => Router::new().route("/me", get(bare)),
        // What axum takes for any layer at all.
        "idle" => Router::new().route("/me", get(bare)).layer(MapRequestLayer::new(same)),
        _ => {
            let resolver = clerk.resolver_builder().ttl(hour).build().unwrap();
            let layer = AuthenticateLayer::new(resolver).unwrap();
            Router::new().route("/me", get(me)).layer(layer)
        }
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    println!("{}\n{}", listener.local_addr().unwrap(), tokens.join("\n"));
    axum::serve(listener, app).await.unwrap();
}
