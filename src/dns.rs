//! Looking up hosts, such that a resolver that hangs takes nothing else along.

use std::{
    collections::HashMap,
    error::Error as StdError,
    fmt, io,
    net::{SocketAddr, ToSocketAddrs},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::{
    sync::watch,
    time::{Instant, timeout_at},
};

/// A look-up that takes longer has failed.
const TIMEOUT: Duration = Duration::from_secs(2);

/// How long a new look-up is waited for where the addresses of an earlier one serve.
const PATIENCE: Duration = Duration::from_millis(200);

/// How many look-ups of one host hang at once, at most.
const HANGING: usize = 2;

/// Asks the system, one question per host at a time, each on a thread of its own: the system's
/// resolver blocks, for as long as it likes, and tokio's threads are there for others too. The
/// addresses that were found last serve while there are no newer ones.
#[derive(Clone)]
pub(crate) struct Resolver {
    system: Arc<System>,
    hosts: Arc<Mutex<HashMap<Box<str>, Host>>>,
}

type System = dyn Fn(&str) -> io::Result<Vec<SocketAddr>> + Send + Sync;

#[derive(Default)]
struct Host {
    /// What was found, and by which look-up.
    found: (u64, Vec<SocketAddr>),
    latest: Option<LookUp>,
    begun: u64,
    under_way: usize,
}

#[derive(Clone)]
struct LookUp {
    begun: Instant,
    outcome: watch::Receiver<Option<Outcome>>,
}

type Outcome = Result<Vec<SocketAddr>, Arc<io::Error>>;

impl Resolver {
    pub(crate) fn system() -> Self {
        Self::new(|host: &str| Ok((host, 0).to_socket_addrs()?.collect()))
    }

    pub(crate) fn new(
        system: impl Fn(&str) -> io::Result<Vec<SocketAddr>> + Send + Sync + 'static,
    ) -> Self {
        Self { system: Arc::new(system), hosts: Arc::default() }
    }

    /// The addresses of a host, with a port that says nothing.
    pub(crate) async fn look_up(self, host: Box<str>) -> Result<Vec<SocketAddr>, LookUpError> {
        let (latest, found) = self.join(&host);
        let outcome = match latest {
            Ok(mut look_up) => {
                let failed = look_up.begun + TIMEOUT;
                let until =
                    if found.is_empty() { failed } else { failed.min(Instant::now() + PATIENCE) };
                match timeout_at(until, look_up.outcome.wait_for(Option::is_some)).await {
                    Ok(Ok(outcome)) => match &*outcome {
                        Some(Ok(addresses)) => return Ok(addresses.clone()),
                        Some(Err(error)) => Err(LookUpError::Failed(Arc::clone(error))),
                        None => Err(LookUpError::Hangs),
                    },
                    _ => Err(LookUpError::Hangs),
                }
            }
            Err(error) => Err(error),
        };
        if found.is_empty() { outcome } else { Ok(found) }
    }

    /// The look-up to wait for, which is begun if there is none, and what earlier ones found.
    fn join(&self, host: &str) -> (Result<LookUp, LookUpError>, Vec<SocketAddr>) {
        let now = Instant::now();
        let mut hosts = self.lock();
        let entry = hosts.entry(host.into()).or_default();
        let found = entry.found.1.clone();
        let is_good = |look_up: &&LookUp| {
            let has_ended =
                look_up.outcome.borrow().is_some() || look_up.outcome.has_changed().is_err();
            !has_ended && now.saturating_duration_since(look_up.begun) < TIMEOUT
        };
        if let Some(look_up) = entry.latest.as_ref().filter(is_good) {
            return (Ok(look_up.clone()), found);
        }
        if entry.under_way >= HANGING {
            return (Err(LookUpError::Hangs), found);
        }
        entry.begun += 1;
        let (answer, outcome) = watch::channel(None);
        let task = Task { resolver: self.clone(), host: host.into(), number: entry.begun, answer };
        match thread::Builder::new().name("clerk-dns".to_owned()).spawn(|| task.run()) {
            Ok(_) => {
                entry.under_way += 1;
                let look_up = LookUp { begun: now, outcome };
                entry.latest = Some(look_up.clone());
                (Ok(look_up), found)
            }
            Err(error) => (Err(LookUpError::Failed(Arc::new(error))), found),
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Box<str>, Host>> {
        self.hosts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let looking = self.clone().look_up(name.as_str().into());
        Box::pin(async move {
            let addresses = looking.await?;
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}

/// What a thread does.
struct Task {
    resolver: Resolver,
    host: Box<str>,
    number: u64,
    answer: watch::Sender<Option<Outcome>>,
}

impl Task {
    fn run(self) {
        let outcome = (self.resolver.system)(&self.host).and_then(|addresses| {
            if addresses.is_empty() { Err(io::ErrorKind::NotFound.into()) } else { Ok(addresses) }
        });
        if let Ok(addresses) = &outcome
            && let Some(host) = self.resolver.lock().get_mut(&self.host)
            && host.found.0 < self.number
        {
            host.found = (self.number, addresses.clone());
        }
        self.answer.send_replace(Some(outcome.map_err(Arc::new)));
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        if let Some(host) = self.resolver.lock().get_mut(&self.host) {
            host.under_way = host.under_way.saturating_sub(1);
        }
    }
}

/// A host's addresses are not known.
#[derive(Debug)]
pub(crate) enum LookUpError {
    Hangs,
    Failed(Arc<io::Error>),
}

impl fmt::Display for LookUpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hangs => f.write_str("the system's resolver gives no answer"),
            Self::Failed(error) => write!(f, "the host's address is not known: {error}"),
        }
    }
}

impl StdError for LookUpError {}

impl fmt::Debug for Resolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resolver").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Condvar,
        atomic::{AtomicUsize, Ordering},
    };

    use super::*;

    /// A resolver whose answers hang until the door is opened.
    #[derive(Default)]
    struct Door {
        opened: Mutex<bool>,
        changed: Condvar,
        asked: AtomicUsize,
        ended: AtomicUsize,
    }

    impl Door {
        fn pass(&self) {
            self.asked.fetch_add(1, Ordering::SeqCst);
            let opened = self.changed.wait_while(self.opened.lock().unwrap(), |opened| !*opened);
            drop(opened.unwrap());
            self.ended.fetch_add(1, Ordering::SeqCst);
        }

        fn set(&self, opened: bool) {
            *self.opened.lock().unwrap() = opened;
            self.changed.notify_all();
        }
    }

    fn guarded() -> (Arc<Door>, Resolver) {
        let door = Arc::<Door>::default();
        let system = Arc::clone(&door);
        let resolver = Resolver::new(move |_: &str| {
            system.pass();
            Ok(vec![address()])
        });
        (door, resolver)
    }

    fn address() -> SocketAddr {
        "127.0.0.1:0".parse().unwrap()
    }

    async fn look_up(resolver: &Resolver) -> Option<Vec<SocketAddr>> {
        let name = "api.clerk.example".parse().unwrap();
        Some(resolver.resolve(name).await.ok()?.collect())
    }

    #[tokio::test(start_paused = true)]
    async fn a_resolver_that_hangs_takes_two_threads_and_no_more() {
        let (door, resolver) = guarded();
        let mut callers = tokio::task::JoinSet::new();
        for _ in 0..200 {
            let resolver = resolver.clone();
            callers.spawn(async move { look_up(&resolver).await });
        }
        let begun = Instant::now();
        assert!(callers.join_all().await.iter().all(Option::is_none));
        assert_eq!(begun.elapsed(), TIMEOUT);
        // It has failed, so that another one is begun; with two that hang there is no third.
        for _ in 0..20 {
            assert_eq!(look_up(&resolver).await, None);
        }
        while door.asked.load(Ordering::SeqCst) < 2 {
            thread::yield_now();
        }
        assert_eq!(resolver.lock()["api.clerk.example"].begun, 2);

        // What it finds at last serves.
        door.set(true);
        while resolver.lock()["api.clerk.example"].under_way > 0 {
            thread::yield_now();
        }
        assert_eq!(look_up(&resolver).await, Some(vec![address()]));
        assert_eq!(door.ended.load(Ordering::SeqCst), door.asked.load(Ordering::SeqCst));
    }

    #[tokio::test]
    async fn the_last_good_addresses_serve_while_the_resolver_hangs_or_fails() {
        let (door, resolver) = guarded();
        door.set(true);
        assert_eq!(look_up(&resolver).await, Some(vec![address()]));
        door.set(false);
        let begun = Instant::now();
        for _ in 0..3 {
            assert_eq!(look_up(&resolver).await, Some(vec![address()]));
        }
        assert!(begun.elapsed() < TIMEOUT, "{:?}", begun.elapsed());
        door.set(true);

        let answers = AtomicUsize::new(0);
        let failing = Resolver::new(move |_: &str| match answers.fetch_add(1, Ordering::SeqCst) {
            0 => Ok(vec![address()]),
            1 => Ok(Vec::new()),
            _ => Err(io::ErrorKind::NotFound.into()),
        });
        for _ in 0..3 {
            assert_eq!(look_up(&failing).await, Some(vec![address()]));
        }
    }

    #[tokio::test]
    async fn a_host_that_is_not_known_is_told_at_once() {
        let resolver = Resolver::new(|_: &str| Err(io::Error::other("no such host")));
        let error = resolver.look_up("nowhere.example".into()).await.unwrap_err();
        assert_eq!(error.to_string(), "the host's address is not known: no such host");
    }

    #[tokio::test]
    async fn a_resolver_that_panics_ends_no_look_up() {
        let resolver = Resolver::new(|_: &str| panic!("expected"));
        for _ in 0..3 {
            assert_eq!(look_up(&resolver).await, None);
        }
    }
}
