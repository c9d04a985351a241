//! A server that records what it is asked and answers what it is told to.

use std::{
    collections::{HashMap, VecDeque},
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

pub(super) struct TestServer {
    address: SocketAddr,
    requests: Arc<Mutex<Vec<Recorded>>>,
    // Aborted on drop.
    _tasks: JoinSet<()>,
}

#[derive(Debug, Clone)]
pub(super) struct Recorded {
    /// Method and target: `GET /v1/jwks`.
    pub(super) line: String,
    /// By lower-case name.
    pub(super) headers: HashMap<String, String>,
    pub(super) body: String,
}

#[derive(Debug, Clone)]
pub(super) enum Canned {
    /// These bytes, and the connection is closed.
    Raw(Vec<u8>),
    /// These bytes, and the connection stays open and silent.
    Half(Vec<u8>),
    /// The connection stays open and silent.
    Hang,
}

impl Canned {
    pub(super) fn ok(json: &Value) -> Self {
        Self::json(200, "", json)
    }

    /// `headers` are whole lines, ended by CRLF.
    pub(super) fn json(status: u16, headers: &str, json: &Value) -> Self {
        Self::text(
            status,
            &format!("content-type: application/json\r\n{headers}"),
            &json.to_string(),
        )
    }

    pub(super) fn text(status: u16, headers: &str, body: &str) -> Self {
        let length = body.len();
        let head = format!(
            "HTTP/1.1 {status} X\r\n{headers}content-length: {length}\r\nconnection: close\r\n\r\n"
        );
        Self::Raw((head + body).into_bytes())
    }
}

impl TestServer {
    /// Answers in this order, then for ever as the last time.
    pub(super) async fn start(answers: impl Into<VecDeque<Canned>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::<Mutex<Vec<Recorded>>>::default();
        let mut tasks = JoinSet::new();
        tasks.spawn(serve(listener, answers.into(), Arc::clone(&requests)));
        Self { address, requests, _tasks: tasks }
    }

    pub(super) fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(super) fn requests(&self) -> Vec<Recorded> {
        self.requests.lock().unwrap().clone()
    }

    pub(super) fn only_request(&self) -> Recorded {
        let [only] = <[Recorded; 1]>::try_from(self.requests()).unwrap();
        only
    }
}

async fn serve(
    listener: TcpListener,
    mut answers: VecDeque<Canned>,
    requests: Arc<Mutex<Vec<Recorded>>>,
) {
    let mut connections = JoinSet::new();
    while let Ok((mut stream, _)) = listener.accept().await {
        let Some(request) = read(&mut stream).await else { continue };
        requests.lock().unwrap().push(request);
        let answer = match answers.len() {
            1 => answers[0].clone(),
            _ => answers.pop_front().unwrap(),
        };
        connections.spawn(async move {
            match answer {
                Canned::Raw(bytes) => drop(stream.write_all(&bytes).await),
                Canned::Half(bytes) => {
                    drop(stream.write_all(&bytes).await);
                    std::future::pending().await
                }
                Canned::Hang => std::future::pending().await,
            }
        });
    }
}

async fn read(stream: &mut TcpStream) -> Option<Recorded> {
    let mut stream = BufReader::new(stream);
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await.ok()? == 0 {
            return None;
        }
        match line.trim_end() {
            "" => break,
            line => lines.push(line.to_owned()),
        }
    }
    let headers: HashMap<_, _> = lines[1..]
        .iter()
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let length = headers.get("content-length").map_or(0, |length| length.parse().unwrap());
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    let line = lines[0].strip_suffix(" HTTP/1.1").unwrap().to_owned();
    Some(Recorded { line, headers, body: String::from_utf8(body).unwrap() })
}
