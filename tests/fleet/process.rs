//! Processes of a fleet, each of its own: whoever starts them is started again by itself, and tells them what to do.
//!
//! They talk in lines over a socket. A process that is told of a session asks for it on and on, and says when it was first
//! admitted, when it was first refused, and whatever should not have happened.

use std::{
    env,
    process::Stdio,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    process::{Child, Command},
    sync::mpsc,
    task::yield_now,
    time::timeout,
};
use tower_clerk::{
    Credential, Instance, Policy, SessionId, SessionResolver, SessionsClient, client::Quota,
    testing::SessionsApi,
};

/// Where a process of the fleet is told what to do.
const ADDRESS: &str = "TOWER_CLERK_FLEET_ADDRESS";
/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(60);
/// These stay, so that there is something to admit.
const RESIDENTS: usize = 100;
/// How many of the sessions that were refused are asked for again in each round.
const REFUSED_A_ROUND: usize = 50;

/// Three processes under load, as whoever started them sees them.
pub(crate) struct Processes {
    members: Vec<Member>,
    heard: mpsc::UnboundedReceiver<Heard>,
    known: usize,
}

struct Member {
    told: OwnedWriteHalf,
    _process: Child,
}

#[derive(Debug)]
struct Heard {
    from: usize,
    at: Instant,
    what: String,
}

/// How long after a revocation a process refused that had not made it.
pub(crate) struct Delay {
    pub(crate) since_called: Duration,
    pub(crate) since_returned: Duration,
}

impl Processes {
    /// Starts this very program three times, with these arguments.
    pub(crate) async fn start(arguments: &[&str], clerk: &SessionsApi, url: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (say, heard) = mpsc::unbounded_channel();
        let mut fleet = Self { members: Vec::new(), heard, known: 0 };
        for from in 0..3 {
            let process = Command::new(env::current_exe().unwrap())
                .args(arguments)
                .env(ADDRESS, &address)
                .env("CLERK_SECRET_KEY", clerk.secret_key())
                .env("CLERK_PUBLISHABLE_KEY", clerk.publishable_key())
                .env("CLERK_API_URL", clerk.base_url())
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
            fleet.members.push(Member { told, _process: process });
            fleet.hear_from(from, "usable").await;
        }
        for resident in 0..RESIDENTS {
            let session = clerk.sign_in(&format!("user_resident{resident}"));
            fleet.admit(&token(clerk, &session)).await;
        }
        fleet
    }

    /// Signs somebody in, has all admit the session and one revoke it, and waits until all others refuse: so often, one
    /// after the other.
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
            delays.extend(refused.into_iter().map(|at| Delay {
                since_called: at - called,
                since_returned: at.saturating_duration_since(returned),
            }));
        }
        delays
    }

    /// How many requests each of them has answered, and an end to it.
    pub(crate) async fn end(mut self) -> Vec<u64> {
        let mut answered = Vec::new();
        for member in 0..self.members.len() {
            self.tell(member, "end").await;
            let said = self.hear_from(member, "answered ").await;
            answered.push(said["answered ".len()..].parse().unwrap());
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

    async fn tell(&mut self, member: usize, what: &str) {
        let line = format!("{what}\n");
        self.members[member].told.write_all(line.as_bytes()).await.unwrap();
    }

    async fn hear_from(&mut self, member: usize, what: &str) -> String {
        loop {
            let heard = self.next().await;
            if heard.from == member && heard.what.starts_with(what) {
                return heard.what;
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

fn token(clerk: &SessionsApi, session: &SessionId) -> String {
    clerk.mint(session).expires_in(Duration::from_secs(60 * 60)).sign()
}

/// Is a process of a fleet, where that is what it was started as, and tells whether it was.
pub(crate) async fn serve_if_told() -> bool {
    let Ok(address) = env::var(ADDRESS) else { return false };
    let stream = TcpStream::connect(address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let (lines, mut answers) = stream.into_split();
    let resolver = resolver();
    while !resolver.readiness().revocation_log().unwrap().is_usable() {
        yield_now().await;
    }
    let (say, mut said) = mpsc::unbounded_channel::<String>();
    say.send("usable".to_owned()).unwrap();
    tokio::spawn(async move {
        while let Some(line) = said.recv().await {
            answers.write_all(format!("{line}\n").as_bytes()).await.unwrap();
        }
    });
    let (know, known) = mpsc::unbounded_channel();
    let load = tokio::spawn(ask_on_and_on(resolver.clone(), known, say.clone()));
    let mut lines = BufReader::new(lines).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        match *line.split(' ').collect::<Vec<_>>() {
            ["know", number, token] => {
                let _ = know.send(Asked { number: number.into(), token: token.into() });
            }
            ["revoke", number, session] => {
                let (say, number) = (say.clone(), number.to_owned());
                let revoking = resolver.revoke(&session.parse().unwrap());
                tokio::spawn(async move {
                    let told = match revoking.await {
                        Ok(_) => format!("revoked {number}"),
                        Err(error) => format!("wrong: {number} is not revoked, {error}"),
                    };
                    let _ = say.send(told);
                });
            }
            ["end"] => break,
            _ => panic!("{line}"),
        }
    }
    drop(know);
    let answered = load.await.unwrap();
    let _ = say.send(format!("answered {answered}"));
    // Whoever started it has heard so, and is gone or ends it.
    while let Ok(Some(_)) = lines.next_line().await {}
    true
}

/// As `from_env` makes it, without a limit on how often Clerk is asked.
fn resolver() -> SessionResolver {
    let instance = Instance::from_env().unwrap();
    let client = SessionsClient::builder(&instance).quota(Quota::Unlimited).build().unwrap();
    let builder = SessionResolver::builder(&instance).client(client);
    builder.join_fleet_from_env().unwrap().build().unwrap()
}

/// A session that is asked for.
struct Asked {
    number: Arc<str>,
    token: Arc<str>,
}

/// Asks for all sessions that it knows, for as long as it may hear of others, and gives how often it did.
async fn ask_on_and_on(
    resolver: SessionResolver,
    mut known: mpsc::UnboundedReceiver<Asked>,
    say: mpsc::UnboundedSender<String>,
) -> u64 {
    let (mut admitted, mut refused) = (Vec::<Asked>::new(), Vec::<Asked>::new());
    let (mut answered, mut next) = (0, 0);
    loop {
        match known.try_recv() {
            Ok(asked) => {
                match admits(&resolver, &asked.token).await {
                    Ok(true) => say.send(format!("admits {}", asked.number)).unwrap(),
                    odd => say.send(format!("wrong: {} is new, {odd:?}", asked.number)).unwrap(),
                }
                admitted.push(asked);
            }
            Err(mpsc::error::TryRecvError::Disconnected) => return answered,
            Err(mpsc::error::TryRecvError::Empty) => {}
        }
        for at in (0..admitted.len()).rev() {
            match admits(&resolver, &admitted[at].token).await {
                Ok(true) => {}
                Ok(false) => {
                    say.send(format!("refuses {}", admitted[at].number)).unwrap();
                    refused.push(admitted.swap_remove(at));
                }
                Err(odd) => say.send(format!("wrong: {odd}")).unwrap(),
            }
        }
        for _ in 0..REFUSED_A_ROUND.min(refused.len()) {
            next = (next + 1) % refused.len();
            let Asked { number, token } = &refused[next];
            match admits(&resolver, token).await {
                Ok(false) => {}
                odd => say.send(format!("wrong: {number} was refused, and now {odd:?}")).unwrap(),
            }
        }
        answered += (admitted.len() + REFUSED_A_ROUND.min(refused.len())) as u64;
        yield_now().await;
    }
}

/// Whether the session is admitted, or over; or neither.
async fn admits(resolver: &SessionResolver, token: &str) -> Result<bool, String> {
    let credential = Credential::session_token(token.as_bytes());
    match resolver.resolve(credential, &Policy::new()).await {
        Ok(_) => Ok(true),
        Err(rejection) if rejection.reason().starts_with("session-") => Ok(false),
        Err(rejection) => Err(rejection.to_string()),
    }
}
