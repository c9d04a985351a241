//! Webhooks in: what ends at Clerk ends here.

mod and_then;
mod body;

use std::{
    convert::Infallible,
    fmt,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use http_body::Body;
use tokio::{runtime::Handle, time::Instant};
use tower::{BoxError, Service};

use self::{and_then::AndThen, body::Unread};
use super::{
    AnswerBody, AnswerFuture,
    answer::{answer, only_post_is_allowed},
};
use crate::{
    ConfigError, SessionResolver,
    once_per_second::OncePerSecond,
    webhook::{WebhookEvent, WebhookSecret, WebhookVerifier},
};

/// Takes Clerk's webhooks, so that what ends at Clerk ends here: sessions that somebody signed out of, that were revoked
/// in the dashboard, that belong to users who are banned or deleted, or to members who are no longer what they were.
///
/// It is a service for the URL of an endpoint that is set up in Clerk's dashboard, and stands *outside* of the
/// [`AuthenticateLayer`](super::AuthenticateLayer): Clerk has a signature and no session. What it does upon which event
/// is told at [`SessionResolver::apply`]; in the dashboard tick `session.*`, `user.deleted`, `user.updated`,
/// `organizationMembership.deleted` and `organizationMembership.updated`. Processes that share a
/// [log](crate::fleet) may share one endpoint: what one takes, all act upon.
///
/// ```
/// # use tower_clerk::{Instance, WebhookSecret};
/// use axum::{Router, routing::get};
/// use tower_clerk::{AuthenticateLayer, ReceiveWebhooks, Session, SessionResolver};
///
/// # let secret_key = "sk_test_TheKeyFromClerksDashboard".parse()?;
/// # let resolver = SessionResolver::new(&Instance::builder().secret_key(secret_key).build()?)?;
/// # let secret: WebhookSecret = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX".parse()?;
/// // Or, with the secret in `CLERK_WEBHOOK_SIGNING_SECRET`: `ReceiveWebhooks::from_env(resolver.clone())?`.
/// let webhooks = ReceiveWebhooks::new(resolver.clone(), secret).and_then(async |event| {
///     println!("{} is known of by now: {:?}", event.kind(), event.user_id());
///     Ok::<_, std::io::Error>(())
/// });
/// let app: Router = Router::new()
///     .route("/me", get(async |session: Session| session.user_id().to_string()))
///     .layer(AuthenticateLayer::new(resolver)?)
///     .route_service("/webhooks/clerk", webhooks);
/// # Ok::<(), tower_clerk::ConfigError>(())
/// ```
///
/// # Answers
///
/// | Status | Where |
/// | --- | --- |
/// | 204 | it was acted upon, or there was nothing to do |
/// | 400 | it is none of Clerk's, is more than five minutes old, or cannot be read; the same to all, since who forges one must not learn what is missing |
/// | 405 | it is no POST |
/// | 408 | its body was not there within ten seconds |
/// | 413 | its body is longer than 256 KiB, which is found out while it is read |
/// | 500 | [`and_then`](ReceiveWebhooks::and_then) has failed |
/// | 503, with `Retry-After` | it is in force here, and the log has not acknowledged it: Clerk sends it again |
///
/// Whatever is not answered with a 2xx Clerk sends again, for a day or so; it switches off an endpoint that fails for days. So where
/// the log has been down for more than ten minutes, the answer is 204 all the same.
///
/// # Security
///
/// A webhook can only deny. One that is repeated or comes late or out of order brings nobody back, and one that never
/// comes leaves things as they are without webhooks, the bound on how late an ending is noticed included: see
/// [`SessionCheck`](crate::SessionCheck). Nothing is done upon a message that was not signed with the secret.
#[derive(Clone)]
#[must_use]
pub struct ReceiveWebhooks {
    resolver: SessionResolver,
    verifier: WebhookVerifier,
    and_then: Option<AndThen>,
    notices: Arc<Notices>,
}

/// Anybody can send anything: what is wrong with it is said once a second at most.
#[derive(Default)]
struct Notices {
    refused: OncePerSecond,
    not_acknowledged: OncePerSecond,
}

/// How long a body may take. Clerk's sender gives up after 15 s.
const BODY_WITHIN: Duration = Duration::from_secs(10);

/// When a message that the log did not acknowledge had better be sent again.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("5");

/// A log that is down for longer is no reason to have an endpoint switched off.
const LOG_IS_WAITED_FOR: Duration = Duration::from_secs(10 * 60);

impl ReceiveWebhooks {
    /// Takes what is signed with this secret, on account of this resolver, which must be the layers', and by its clock.
    pub fn new(resolver: SessionResolver, secret: WebhookSecret) -> Self {
        let verifier = WebhookVerifier::new(secret).clock(resolver.clock());
        Self { resolver, verifier, and_then: None, notices: Arc::default() }
    }

    /// The same with the secret in `CLERK_WEBHOOK_SIGNING_SECRET`.
    ///
    /// # Errors
    ///
    /// When the variable is missing or holds no secret.
    pub fn from_env(resolver: SessionResolver) -> Result<Self, ConfigError> {
        WebhookSecret::from_env().map(|secret| Self::new(resolver, secret))
    }

    /// Takes what is signed with this secret too: of another endpoint, say.
    pub fn also(self, secret: WebhookSecret) -> Self {
        Self { verifier: self.verifier.also(secret), ..self }
    }

    /// Hands each event on, of whatever kind, once it is in force here: for what the application itself keeps of users. Of
    /// several of these the last one counts.
    ///
    /// Clerk may send an event again, and does so where this fails or takes longer than 15 s, so it runs at least once per event:
    /// [`id`](WebhookEvent::id) tells whether it ran before. Servers drop it where the sender hangs up: what takes long is better
    /// spawned, or queued. It runs also where the log has not acknowledged the event. A
    /// failure is logged, as is that it has panicked, and answered 500; what was ended here stays ended.
    pub fn and_then<F, Fut, E>(self, and_then: F) -> Self
    where
        F: Fn(WebhookEvent) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), E>> + Send + 'static,
        E: Into<BoxError>,
    {
        Self { and_then: Some(AndThen::new(and_then)), ..self }
    }

    async fn receive<B: Body>(&self, headers: &HeaderMap, body: B) -> Response<AnswerBody> {
        if Handle::try_current().is_err() {
            tracing::error!("webhooks are received within a tokio runtime: serve requests in one");
            return told(StatusCode::INTERNAL_SERVER_ERROR);
        }
        let body = match body::read(body, Instant::now() + BODY_WITHIN).await {
            Ok(body) => body,
            Err(Unread::TooLong) => return told(StatusCode::PAYLOAD_TOO_LARGE),
            Err(Unread::TooSlow) => return told(StatusCode::REQUEST_TIMEOUT),
            Err(Unread::Broken) => return told(StatusCode::BAD_REQUEST),
        };
        match self.verifier.verify(headers, &body) {
            Ok(event) => self.act_upon(event).await,
            Err(error) => {
                if self.notices.refused.is_due(Instant::now()) {
                    tracing::warn!(%error, "a webhook was refused");
                }
                told(StatusCode::BAD_REQUEST)
            }
        }
    }

    async fn act_upon(&self, event: WebhookEvent) -> Response<AnswerBody> {
        let (id, kind) = (event.id(), event.kind());
        tracing::debug!(id, %kind, "a webhook was received");
        let is_acknowledged = self.resolver.apply(&event).await;
        if let Some(and_then) = &self.and_then
            && let Err(error) = and_then.run(event.clone()).await
        {
            tracing::error!(id, %kind, %error, "what follows a webhook has failed; it is sent again");
            return told(StatusCode::INTERNAL_SERVER_ERROR);
        }
        if is_acknowledged || self.resolver.log_is_down_for() > LOG_IS_WAITED_FOR {
            return answer(StatusCode::NO_CONTENT);
        }
        if self.notices.not_acknowledged.is_due(Instant::now()) {
            tracing::warn!("the log has not acknowledged what a webhook told; it is sent again");
        }
        let mut response = told(StatusCode::SERVICE_UNAVAILABLE);
        response.headers_mut().insert(header::RETRY_AFTER, RETRY_AFTER);
        response
    }
}

impl<B> Service<Request<B>> for ReceiveWebhooks
where
    B: Body + Send + 'static,
{
    type Response = Response<AnswerBody>;
    type Error = Infallible;
    type Future = AnswerFuture;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> AnswerFuture {
        let (request, body) = request.into_parts();
        if request.method != Method::POST {
            return AnswerFuture::answered(only_post_is_allowed());
        }
        let webhooks = self.clone();
        AnswerFuture::answering(async move { webhooks.receive(&request.headers, body).await })
    }
}

impl fmt::Debug for ReceiveWebhooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReceiveWebhooks")
            .field("resolver", &self.resolver)
            .field("verifier", &self.verifier)
            .field("and_then", &self.and_then.is_some())
            .finish_non_exhaustive()
    }
}

/// Problem details ([RFC 9457](https://www.rfc-editor.org/rfc/rfc9457)) that are the same for whatever has this status.
fn told(status: StatusCode) -> Response<AnswerBody> {
    let problem = match status {
        StatusCode::BAD_REQUEST => {
            r#"{"title":"Bad Request","status":400,"detail":"this is no webhook of this endpoint"}"#
        }
        StatusCode::REQUEST_TIMEOUT => {
            r#"{"title":"Request Timeout","status":408,"detail":"the body took too long"}"#
        }
        StatusCode::PAYLOAD_TOO_LARGE => {
            r#"{"title":"Payload Too Large","status":413,"detail":"the body is longer than 256 KiB"}"#
        }
        StatusCode::SERVICE_UNAVAILABLE => {
            r#"{"title":"Service Unavailable","status":503,"detail":"others could not be told yet: send it again"}"#
        }
        _ => {
            r#"{"title":"Internal Server Error","status":500,"detail":"it could not be dealt with: send it again"}"#
        }
    };
    let mut response = answer(status);
    *response.body_mut() = AnswerBody::new(problem.into());
    let problem_details = HeaderValue::from_static("application/problem+json");
    response.headers_mut().insert(header::CONTENT_TYPE, problem_details);
    response
}
