//! The processes, as whoever started them sees them.

use std::{
    env,
    process::Stdio,
    time::{Duration, Instant, SystemTime},
};

use serde_json::json;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines},
    net::{
        TcpListener,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    process::{Child, Command},
    sync::mpsc,
    time::timeout,
};
use tower_clerk::{
    SessionId,
    testing::{SessionsApi, sign_webhook},
};

use super::{ADDRESS, PATIENCE, SECRET, token};

/// These stay, so that there is something to admit.
const RESIDENTS: usize = 100;

/// Three processes under load, as whoever started them sees them.
pub(crate) struct Processes {
    members: Vec<Member>,
    pub(super) http: reqwest::Client,
    heard: mpsc::UnboundedReceiver<Heard>,
    known: usize,
}

struct Member {
    told: OwnedWriteHalf,
    /// Where it serves.
    address: String,
    _process: Child,
}

#[derive(Debug)]
struct Heard {
    from: usize,
    at: Instant,
    what: String,
}

/// How long after something has ended a session it was refused.
pub(crate) struct Delay {
    pub(crate) since_called: Duration,
    pub(crate) since_returned: Duration,
}

impl Delay {
    fn of(refused: Instant, called: Instant, returned: Instant) -> Self {
        Self {
            since_called: refused - called,
            since_returned: refused.saturating_duration_since(returned),
        }
    }
}

impl Processes {
    /// Starts this very program three times, with these arguments.
    pub(crate) async fn start(arguments: &[&str], clerk: &SessionsApi, url: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (say, heard) = mpsc::unbounded_channel();
        // Whatever proxy there is, it is not asked the way to ourselves.
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let mut fleet = Self { members: Vec::new(), http, heard, known: 0 };
        for from in 0..3 {
            let process = Command::new(env::current_exe().unwrap())
                .args(arguments)
                .env(ADDRESS, &address)
                .env("CLERK_SECRET_KEY", clerk.secret_key())
                .env("CLERK_PUBLISHABLE_KEY", clerk.publishable_key())
                .env("CLERK_API_URL", clerk.base_url())
                .env("CLERK_WEBHOOK_SIGNING_SECRET", SECRET)
                .env_remove("CLERK_JWT_KEY")
                .env("TOWER_CLERK_REDIS_URL", url)
                .stdout(Stdio::null())
                .kill_on_drop(true)
                .spawn()
                .unwrap();
            let accepted = timeout(PATIENCE, listener.accept()).await;
            let (stream, _) = accepted.expect("the process comes up").unwrap();
            stream.set_nodelay(true).unwrap();
            let (lines, told) = stream.into_split();
            tokio::spawn(hear(from, BufReader::new(lines).lines(), say.clone()));
            fleet.members.push(Member { told, address: String::new(), _process: process });
            fleet.members[from].address = fleet.hear_from(from, "usable ").await;
        }
        for resident in 0..RESIDENTS {
            let session = clerk.sign_in(&format!("user_resident{resident}"));
            fleet.admit(&token(clerk, &session)).await;
        }
        fleet
    }

    /// Signs somebody in, has all admit the session and one revoke it, and waits until all others refuse, whose delays these
    /// are: so often, one after the other.
    ///
    /// # Panics
    ///
    /// Panics where a process admits what it had refused, or answers anything but yes or no.
    pub(crate) async fn revoke(&mut self, clerk: &SessionsApi, revocations: usize) -> Vec<Delay> {
        let mut delays = Vec::new();
        for number in 0..revocations {
            let session = clerk.sign_in("user_eve");
            let known = self.admit(&token(clerk, &session)).await;
            let here = number % self.members.len();
            let called = Instant::now();
            self.tell(here, &format!("revoke {known} {session}")).await;
            let (mut returned, mut refused) = (None, Vec::new());
            while returned.is_none() || refused.len() < self.members.len() - 1 {
                let Heard { from, at, what } = self.next().await;
                if what == format!("revoked {known}") {
                    returned = Some(at);
                } else if what == format!("refuses {known}") && from != here {
                    refused.push(at);
                }
            }
            let returned = returned.unwrap();
            delays.extend(refused.into_iter().map(|at| Delay::of(at, called, returned)));
        }
        delays
    }

    /// Signs somebody in, has all admit the session and one take Clerk's word that it has ended, and waits until all refuse:
    /// so often, one after the other. Each delay is that of the last to refuse.
    ///
    /// # Panics
    ///
    /// Panics where a process admits what it had refused, or answers anything but yes or no.
    pub(crate) async fn end_by_webhook(
        &mut self,
        clerk: &SessionsApi,
        events: usize,
    ) -> Vec<Delay> {
        let mut delays = Vec::new();
        for number in 0..events {
            let session = clerk.sign_in("user_eve");
            let known = self.admit(&token(clerk, &session)).await;
            let called = Instant::now();
            let deliver = self.deliver(number % self.members.len(), &session);
            let (returned, refused) = tokio::join!(deliver, self.all_refuse(known));
            delays.push(Delay::of(refused, called, returned));
        }
        delays
    }

    /// Has a process take the event that a session has ended, of which Clerk's API says nothing, and tells when it was accepted.
    pub(crate) fn deliver(
        &self,
        member: usize,
        session: &SessionId,
    ) -> impl Future<Output = Instant> + use<> {
        let body = json!({ "type": "session.ended", "data": { "id": session } }).to_string();
        let (id, now) = (format!("msg_{session}"), SystemTime::now());
        let headers = sign_webhook(&SECRET.parse().unwrap(), &id, now, body.as_bytes());
        let url = format!("http://{}/webhooks/clerk", self.members[member].address);
        let sent = self.http.post(url).headers(headers).body(body).send();
        async move {
            assert_eq!(sent.await.unwrap().status(), 204);
            Instant::now()
        }
    }

    /// Where a process serves.
    pub(crate) fn address(&self, member: usize) -> &str {
        &self.members[member].address
    }

    /// How many requests each of them has answered, and an end to it.
    pub(crate) async fn end(mut self) -> Vec<u64> {
        let mut answered = Vec::new();
        for member in 0..self.members.len() {
            self.tell(member, "end").await;
            answered.push(self.hear_from(member, "answered ").await.parse().unwrap());
        }
        answered
    }

    async fn admit(&mut self, token: &str) -> usize {
        let known = self.known;
        self.known += 1;
        for member in 0..self.members.len() {
            self.tell(member, &format!("know {known} {token}")).await;
        }
        for _ in 0..self.members.len() {
            while self.next().await.what != format!("admits {known}") {}
        }
        known
    }

    /// When the last of them first refuses.
    async fn all_refuse(&mut self, known: usize) -> Instant {
        let mut last = None;
        for _ in 0..self.members.len() {
            last = loop {
                let Heard { at, what, .. } = self.next().await;
                if what == format!("refuses {known}") {
                    break last.max(Some(at));
                }
            };
        }
        last.unwrap()
    }

    async fn tell(&mut self, member: usize, what: &str) {
        let line = format!("{what}\n");
        self.members[member].told.write_all(line.as_bytes()).await.unwrap();
    }

    /// What a process says after these words.
    async fn hear_from(&mut self, member: usize, words: &str) -> String {
        loop {
            let Heard { from, what, .. } = self.next().await;
            if let Some(said) = what.strip_prefix(words).filter(|_| from == member) {
                return said.to_owned();
            }
        }
    }

    async fn next(&mut self) -> Heard {
        let heard = timeout(PATIENCE, self.heard.recv()).await;
        let heard = heard.expect("a process says something in time").expect("they are there");
        assert!(!heard.what.starts_with("wrong"), "process {}: {}", heard.from, heard.what);
        heard
    }
}

async fn hear(
    from: usize,
    mut lines: Lines<BufReader<OwnedReadHalf>>,
    say: mpsc::UnboundedSender<Heard>,
) {
    while let Ok(Some(what)) = lines.next_line().await {
        if say.send(Heard { from, at: Instant::now(), what }).is_err() {
            return;
        }
    }
    let _ = say.send(Heard { from, at: Instant::now(), what: "wrong: it has ended".to_owned() });
}
