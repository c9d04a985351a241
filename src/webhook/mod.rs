//! What Clerk tells a service of its own accord: verified webhooks.
//!
//! [`ReceiveWebhooks`](crate::ReceiveWebhooks) is a ready service that ends here what ends at Clerk, and hands each
//! event on. This module is what it is made of, for handlers of your own.
//!
//! Clerk sends an event as an HTTP POST, signed with the secret of the endpoint that is set up in its
//! dashboard. [`WebhookVerifier`] says whether a request is one, and what it tells. It wants the body
//! exactly as it was received: verify first, then parse.
//!
//! ```
//! use http::HeaderMap;
//! use tower_clerk::webhook::{EventKind, WebhookError, WebhookSecret, WebhookVerifier};
//!
//! fn handle(verifier: &WebhookVerifier, headers: &HeaderMap, body: &[u8]) -> Result<(), WebhookError> {
//!     let event = verifier.verify(headers, body)?;
//!     if *event.kind() == EventKind::UserDeleted {
//!         println!("{:?} is gone", event.user_id());
//!     }
//!     Ok(())
//! }
//!
//! let secret: WebhookSecret = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX".parse()?;
//! let verifier = WebhookVerifier::new(secret);
//! assert!(handle(&verifier, &HeaderMap::new(), b"{}").is_err(), "nobody has signed it");
//! # Ok::<(), tower_clerk::ConfigError>(())
//! ```
//!
//! The signature is that of [Standard Webhooks][spec], in the headers `svix-id`, `svix-timestamp` and
//! `svix-signature`, or in `webhook-id` and its companions.
//!
//! # With a transaction of your own
//!
//! What your database keeps of users had better change once per event, and that an event was dealt with had better be in
//! the same transaction. A plain handler of axum's, as `examples/webhooks.rs` is one:
//!
//! ```
//! use axum::{Router, body::Bytes, extract::{DefaultBodyLimit, State}, routing::post};
//! use http::{HeaderMap, StatusCode};
//! use tower_clerk::{SessionResolver, webhook::{EventKind, WebhookEvent, WebhookVerifier}};
//!
//! #[derive(Clone)]
//! struct App {
//!     verifier: WebhookVerifier,
//!     resolver: SessionResolver,
//!     database: Database,
//! }
//!
//! async fn receive(State(app): State<App>, headers: HeaderMap, body: Bytes) -> StatusCode {
//!     let Ok(event) = app.verifier.verify(&headers, &body) else { return StatusCode::BAD_REQUEST };
//!     // In force here from now on, whatever becomes of the rest.
//!     let others_know = app.resolver.apply(&event).await;
//!     match app.database.record(&event).await {
//!         Ok(()) if others_know => StatusCode::NO_CONTENT,
//!         // Clerk sends it again.
//!         Ok(()) => StatusCode::SERVICE_UNAVAILABLE,
//!         Err(_) => StatusCode::INTERNAL_SERVER_ERROR,
//!     }
//! }
//!
//! impl Database {
//!     async fn record(&self, event: &WebhookEvent) -> Result<(), DatabaseError> {
//!         let mut transaction = self.begin().await?;
//!         // A table with a unique column: an event that was there before changes nothing again.
//!         if transaction.insert_once("clerk_events", event.id()).await?
//!             && *event.kind() == EventKind::UserDeleted
//!             && let Some(user) = event.user_id()
//!         {
//!             transaction.delete_all_of(user).await?;
//!         }
//!         transaction.commit().await
//!     }
//! }
//! # use std::{collections::HashSet, sync::{Arc, Mutex}};
//! # use tower_clerk::UserId;
//! # #[derive(Debug)]
//! # struct DatabaseError;
//! # #[derive(Clone, Default)]
//! # struct Database(Arc<Mutex<(HashSet<String>, Vec<String>)>>);
//! # struct Transaction(Database, Vec<String>, Vec<String>);
//! # impl Database {
//! #     async fn begin(&self) -> Result<Transaction, DatabaseError> { Ok(Transaction(self.clone(), vec![], vec![])) }
//! # }
//! # impl Transaction {
//! #     async fn insert_once(&mut self, _: &str, id: &str) -> Result<bool, DatabaseError> {
//! #         self.1.push(id.to_owned());
//! #         Ok(!self.0.0.lock().unwrap().0.contains(id))
//! #     }
//! #     async fn delete_all_of(&mut self, user: &UserId) -> Result<(), DatabaseError> {
//! #         self.2.push(user.to_string());
//! #         Ok(())
//! #     }
//! #     async fn commit(self) -> Result<(), DatabaseError> {
//! #         let mut database = self.0.0.lock().unwrap();
//! #         database.0.extend(self.1);
//! #         database.1.extend(self.2);
//! #         Ok(())
//! #     }
//! # }
//!
//! # tokio::runtime::Runtime::new()?.block_on(async {
//! # use tower::ServiceExt;
//! # let clerk = tower_clerk::testing::SessionsApi::start().await;
//! # let secret: tower_clerk::WebhookSecret = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX".parse()?;
//! # let database = Database::default();
//! # let verifier = WebhookVerifier::new(secret.clone());
//! # let app = App { verifier, resolver: clerk.resolver(), database: database.clone() };
//! // Outside of the `AuthenticateLayer`: Clerk has a signature and no session.
//! let app: Router = Router::new()
//!     .route("/webhooks/clerk", post(receive))
//!     .layer(DefaultBodyLimit::max(256 << 10))
//!     .with_state(app);
//! # for _ in 0..2 {
//! #     let body = r#"{"type": "user.deleted", "data": {"id": "user_1"}}"#;
//! #     let now = std::time::SystemTime::now();
//! #     let mut request = http::Request::post("/webhooks/clerk").body(axum::body::Body::from(body))?;
//! #     *request.headers_mut() = tower_clerk::testing::sign_webhook(&secret, "msg_1", now, body.as_bytes());
//! #     assert_eq!(app.clone().oneshot(request).await?.status(), StatusCode::NO_CONTENT);
//! # }
//! # assert_eq!(database.0.lock().unwrap().1, ["user_1"], "once");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What an event proves
//!
//! That Clerk sent it, at some time within the last five minutes. It may come late, twice, out of order, or not
//! at all: [`id`](WebhookEvent::id) is the same each time that one event is sent, and
//! [`timestamp`](WebhookEvent::timestamp) says when it happened.
//!
//! [spec]: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md

mod error;
mod event;
mod kind;
mod payload;
mod secret;
mod signature;
mod verifier;

#[cfg(any(feature = "testing", fuzzing, test))]
pub(crate) use self::signature::sign;
pub use self::{
    error::{WebhookError, WebhookErrorKind},
    event::WebhookEvent,
    kind::EventKind,
    secret::WebhookSecret,
    verifier::WebhookVerifier,
};
