//! Stand-ins for what is around the layer: a service that insists on Tower's contract, and a resolver that
//! answers when it is told to.

use std::{
    future::Ready,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    task::{Context, Poll},
};

use http::{HeaderMap, Request, Response, header};
use http_body_util::Empty;
use tokio::sync::Semaphore;
use tower::{BoxError, Service};
use tower_clerk::{
    Credential, OwnedCredential, Policy, Rejection, RejectionKind, ResolveSession, Resolved,
    Session,
};

/// A service that panics when it is called without having been polled ready, as `ConcurrencyLimit` does.
/// Each clone has a number of its own; the first has 0.
#[derive(Debug)]
pub(crate) struct Strict {
    number: usize,
    is_ready: bool,
    diary: Arc<Diary>,
}

#[derive(Debug, Default)]
pub(crate) struct Diary {
    clones: AtomicUsize,
    calls: Mutex<Vec<usize>>,
}

impl Diary {
    /// Which of the clones were called.
    pub(crate) fn calls(&self) -> Vec<usize> {
        self.calls.lock().unwrap().clone()
    }
}

impl Strict {
    pub(crate) fn new() -> (Self, Arc<Diary>) {
        let diary = Arc::<Diary>::default();
        (Self { number: 0, is_ready: false, diary: Arc::clone(&diary) }, diary)
    }

    pub(crate) fn number(&self) -> usize {
        self.number
    }
}

impl Clone for Strict {
    fn clone(&self) -> Self {
        let number = self.diary.clones.fetch_add(1, Ordering::SeqCst) + 1;
        Self { number, is_ready: false, diary: Arc::clone(&self.diary) }
    }
}

impl<B> Service<Request<B>> for Strict {
    type Response = Response<Empty<bytes::Bytes>>;
    type Error = BoxError;
    type Future = Ready<Result<Self::Response, BoxError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.is_ready = true;
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<B>) -> Self::Future {
        assert!(self.is_ready, "clone {} was called without having been polled ready", self.number);
        self.is_ready = false;
        self.diary.calls.lock().unwrap().push(self.number);
        std::future::ready(Ok(Response::new(Empty::new())))
    }
}

/// What the gate's callers send: one of these.
pub(crate) const HIT: &str = "Bearer hit";
pub(crate) const REFUSED_HIT: &str = "Bearer refused-hit";
pub(crate) const MISS: &str = "Bearer miss";
pub(crate) const REFUSED_MISS: &str = "Bearer refused-miss";

/// A resolver that answers [`HIT`]s at once and each [`MISS`] when it is [opened](Gate::open).
#[derive(Debug, Clone)]
pub(crate) struct Gate {
    misses: Arc<Semaphore>,
    is_revoked: Arc<AtomicBool>,
}

impl Gate {
    pub(crate) fn closed() -> Self {
        Self { misses: Arc::new(Semaphore::new(0)), is_revoked: Arc::default() }
    }

    /// Lets so many misses through.
    pub(crate) fn open(&self, misses: usize) {
        self.misses.add_permits(misses);
    }

    /// From now on it is known without waiting that a [`MISS`] is refused.
    pub(crate) fn revoke(&self) {
        self.is_revoked.store(true, Ordering::SeqCst);
    }
}

impl ResolveSession for Gate {
    fn resolve_cached(
        &self,
        credential: &Credential<'_>,
        _: &Policy,
    ) -> Option<Result<Resolved, Rejection>> {
        match presented(credential) {
            b"hit" => Some(Ok(resolved())),
            b"refused-hit" => Some(Err(refused())),
            b"miss" if self.is_revoked.load(Ordering::SeqCst) => Some(Err(refused())),
            _ => None,
        }
    }

    async fn resolve_uncached(
        self: Arc<Self>,
        credential: OwnedCredential,
        _: Policy,
    ) -> Result<Resolved, Rejection> {
        self.misses.acquire().await.unwrap().forget();
        match presented(&credential.borrow()) {
            b"miss" => Ok(resolved()),
            _ => Err(refused()),
        }
    }
}

fn presented<'a>(credential: &'a Credential<'_>) -> &'a [u8] {
    match credential {
        Credential::SessionToken(token) => token.as_bytes(),
        other => panic!("{other:?}"),
    }
}

fn resolved() -> Resolved {
    Resolved::default().with_session(session())
}

fn refused() -> Rejection {
    Rejection::new(RejectionKind::InvalidCredential, "refused")
}

/// Somebody's session, out of nowhere.
pub(crate) fn session() -> Session {
    serde_json::from_value(serde_json::json!({
        "object": "session", "id": "sess_1", "user_id": "user_ada", "client_id": "client_1",
        "status": "active", "created_at": 1_700_000_000_000_u64, "updated_at": 1_700_000_000_000_u64,
        "last_active_at": 1_700_000_000_000_u64, "expire_at": 4_000_000_000_000_u64,
        "abandon_at": 4_000_000_000_000_u64
    }))
    .unwrap()
}

/// A request without a body.
pub(crate) fn request(authorization: &str) -> Request<()> {
    request_with(authorization, ())
}

pub(crate) fn request_with<B>(authorization: &str, body: B) -> Request<B> {
    let mut request = Request::new(body);
    let headers: &mut HeaderMap = request.headers_mut();
    headers.insert(header::AUTHORIZATION, authorization.parse().unwrap());
    request
}
