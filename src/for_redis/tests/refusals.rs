//! Servers that the log cannot be kept on: named, and nobody is refused for it.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener},
    thread,
    time::Duration,
};

use super::{RedisLog, SOON, proxy::Proxy, server::RedisServer, server_or_return};
use crate::follow::tests::{
    Process,
    suite::{RECOVERED, acknowledged},
    within,
};

fn process(url: &str) -> Process {
    Process::start(RedisLog::new(url).unwrap())
}

fn said(process: &Process) -> String {
    process.follower.report().last_error.map(|error| error.to_string()).unwrap_or_default()
}

async fn says(process: &Process, what: &str) {
    let began = std::time::Instant::now();
    while !said(process).contains(what) {
        assert!(began.elapsed() < SOON, "it says {:?} and not {what:?}", said(process));
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(!process.is_usable());
    assert!(!process.revoke("sess_1").await);
}

/// The URL of a server's socket with something behind it.
fn url(server: &RedisServer, query: &str) -> String {
    format!("{}?{query}", server.url())
}

#[tokio::test]
async fn a_server_that_is_not_there_is_named_until_it_is() {
    let server = server_or_return!();
    server.kill();
    let process = process(&server.url());
    says(&process, "s: ").await;
    server.restart();
    within(SOON, "usable", || process.is_usable()).await;
    within(SOON, "what was revoked before", || process.refuses("sess_1")).await;
}

#[tokio::test]
async fn a_wrong_password_is_named_and_not_repeated() {
    let Some(server) = RedisServer::start_with(&["--requirepass", "right"]) else { return };
    let process = process(&url(&server, "pass=hush"));
    says(&process, "authentication failed").await;
    assert!(!said(&process).contains("hush"));
    let allowed = self::process(&url(&server, "pass=right"));
    within(SOON, "usable", || allowed.is_usable()).await;
}

#[tokio::test]
async fn a_database_that_does_not_exist_is_named() {
    let server = server_or_return!();
    says(&process(&url(&server, "db=99")), "DB index is out of range").await;
}

#[tokio::test]
async fn who_may_write_but_not_read_and_who_may_read_but_not_write_is_told() {
    let server = server_or_return!();
    let rules = "~tower-clerk:* +xinfo +time +xtrim +expire";
    for (user, may, missing) in [("writer", "+xadd", "xread"), ("reader", "+xread", "xadd")] {
        let rules: Vec<_> = rules.split(' ').chain([may]).collect();
        server.ask(&[&["ACL", "SETUSER", user, "on", ">secret"], &rules[..]].concat());
        let process = process(&url(&server, &format!("user={user}&pass=secret")));
        says(&process, missing).await;
    }
}

#[tokio::test]
async fn the_documented_user_may_do_all_that_is_needed_and_nothing_else() {
    let server = server_or_return!();
    let docs = include_str!("../mod.rs");
    let line =
        docs.lines().find_map(|line| line.trim().strip_prefix("//!   ACL SETUSER log ")).unwrap();
    server.ask(&[&["ACL", "SETUSER", "log"], &line.split(' ').collect::<Vec<_>>()[..]].concat());
    let process = process(&url(&server, "user=log&pass=secret"));
    within(SOON, "usable", || process.is_usable()).await;
    acknowledged(&process, "sess_1").await;
    within(SOON, "refused", || process.refuses("sess_1")).await;
}

#[tokio::test]
async fn a_key_that_is_no_stream_is_named() {
    let server = server_or_return!();
    server.ask(&["SET", "tower-clerk:revocations", "mine"]);
    says(&process(&server.url()), "WRONGTYPE").await;
}

#[tokio::test]
async fn a_replica_is_not_usable_until_it_is_the_primary() {
    let server = server_or_return!();
    server.ask(&["REPLICAOF", "127.0.0.1", "1"]);
    let process = process(&server.url());
    says(&process, "read only replica").await;
    server.ask(&["REPLICAOF", "NO", "ONE"]);
    within(SOON, "usable", || process.is_usable()).await;
}

/// What was the primary says so for as long as it is asked; whoever has that name now is asked next.
#[tokio::test]
async fn one_that_has_moved_or_is_no_longer_the_primary_is_left_for_whoever_has_its_address_now() {
    for (answer, named) in [
        ("-MOVED 3999 127.0.0.1:6381\r\n", "Moved"),
        ("-READONLY You can't write against a read only replica.\r\n", "read only replica"),
    ] {
        let server = server_or_return!();
        let proxy = Proxy::start(server.socket());
        let process = process(&proxy.url());
        within(SOON, "usable", || process.is_usable()).await;
        proxy.lead_to_one_that_says(answer);
        says(&process, named).await;
        within(SOON, "nobody is connected any longer", || server.clients().is_empty()).await;

        proxy.mend();
        proxy.lead_to(server.socket());
        within(RECOVERED, "usable", || process.is_usable()).await;
        within(RECOVERED, "what was revoked meanwhile", || process.refuses("sess_1")).await;
    }
}

#[tokio::test]
async fn a_server_before_6_2_is_told_apart() {
    // As Redis 6.0 answers.
    let address = stub(|request| {
        if request.contains("TIME") {
            "*2\r\n$10\r\n1700000000\r\n$1\r\n0\r\n"
        } else if request.contains("XTRIM") {
            "-ERR syntax error\r\n"
        } else if request.contains("XINFO") {
            "-ERR no such key\r\n"
        } else {
            "*-1\r\n"
        }
    });
    says(&process(&format!("redis://{address}")), "older than Redis 6.2").await;
}

#[tokio::test]
async fn what_is_no_redis_at_all_is_named_and_harms_nothing() {
    let address = stub(|_| "HTTP/1.1 400 Bad Request\r\n\r\n");
    let process = process(&format!("redis://{address}"));
    within(SOON, "an error", || !said(&process).is_empty()).await;
    assert!(!said(&process).contains("panicked"), "{}", said(&process));
}

/// A server that gives the same answers for ever, on a thread that ends with the test's process.
fn stub(answer: fn(&str) -> &'static str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for connection in listener.incoming() {
            thread::spawn(move || {
                let mut connection = connection.unwrap();
                let mut buffer = [0; 4096];
                while let Ok(length @ 1..) = connection.read(&mut buffer) {
                    let request = String::from_utf8_lossy(&buffer[..length]).to_uppercase();
                    if connection.write_all(answer(&request).as_bytes()).is_err() {
                        return;
                    }
                }
            });
        }
    });
    address
}
