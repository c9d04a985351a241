//! tower-sessions over moka: sessions of the service's own.

use std::convert::Infallible;

use axum::body::Body;
use http::{Request, Response, header};
use tower::{Layer, Service, service_fn};
use tower_sessions::{
    Session, SessionManagerLayer, SessionStore,
    session::{Id, Record},
};
use tower_sessions_moka_store::MokaStore;

use crate::{
    inner,
    scene::{Header, LONG, value},
};

const USER: &str = "user";

pub(crate) struct Store(MokaStore);

impl Store {
    pub(crate) fn new() -> Self {
        Self(MokaStore::new(Some(100_000)))
    }

    /// Begins a session, and gives its cookie.
    pub(crate) async fn sign_in(&self, user: &str) -> Header {
        let mut record = Record {
            id: Id::default(),
            data: [(USER.to_owned(), user.into())].into(),
            expiry_date: (std::time::SystemTime::now() + LONG).into(),
        };
        self.0.create(&mut record).await.expect("the store is in memory");
        (header::COOKIE, value(&format!("id={}", record.id)))
    }

    /// The layer alone: it does not look into the store until it is asked.
    pub(crate) fn unasked(
        &self,
    ) -> impl Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone + use<>
    {
        SessionManagerLayer::new(self.0.clone()).layer(inner::UNASKED)
    }

    pub(crate) fn asked(
        &self,
    ) -> impl Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone + use<>
    {
        let inner = service_fn(async |request: Request<Body>| {
            let session = request.extensions().get::<Session>().expect("the layer is there");
            let user: Option<String> = session.get(USER).await.expect("it is a string");
            Ok(inner::answer(user.as_deref()))
        });
        SessionManagerLayer::new(self.0.clone()).layer(inner)
    }
}
