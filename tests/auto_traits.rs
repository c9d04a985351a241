//! What travels between threads, and stays so: a field that is not `Send` would change that without a word.

use tower_clerk::{
    Actor, AnswerBody, AnswerFuture, Authenticate, AuthenticateLayer, Authorization, Authorize,
    Claims, ClientId, Clock, ConfigError, Credential, Freshness, Instance, InstanceBuilder, Jwk,
    JwkSet, OrganizationId, OwnedCredential, Policy, PresentedToken, Protocol, PublishableKey,
    Readiness, ReceiveWebhooks, Rejection, RejectionKind, RequireAuthorization, Resolved,
    ResponseBody, ResponseFuture, RevokeAll, RevokeAllError, RevokeAllSessions, RevokeSession,
    SecretKey, Session, SessionActivity, SessionCheck, SessionId, SessionResolver,
    SessionResolverBuilder, SessionStatus, SessionTask, SessionWatch, SessionsClient,
    TokenVerifier, UserId, WebhookSecret, claims, client, extract, token,
};

fn value<T: Send + Sync + Unpin + 'static>() {}
fn sent<T: Send>() {}

#[test]
fn every_public_type_goes_to_another_thread() {
    value::<(Actor, AnswerBody, Authorization, Claims, ClientId, Clock, ConfigError)>();
    value::<(Credential<'static>, OwnedCredential, PresentedToken<'static>)>();
    value::<(Freshness, Instance, InstanceBuilder, Jwk, JwkSet, OrganizationId, Policy, Protocol)>(
    );
    value::<(PublishableKey, Readiness, Rejection, RejectionKind, Resolved, ResponseBody<()>)>();
    value::<(RevokeSession, SecretKey, Session, SessionActivity, SessionCheck, SessionId)>();
    value::<(ReceiveWebhooks, RevokeAll, RevokeAllError, RevokeAllSessions)>();
    value::<(SessionResolver, SessionResolverBuilder, SessionStatus, SessionTask, SessionsClient)>(
    );
    value::<(SessionWatch, TokenVerifier, UserId, WebhookSecret)>();
    value::<(claims::Entitlement, claims::FactorAges, claims::Organization)>();
    value::<(client::Error, client::ApiError, client::Quota, client::SessionsClientBuilder)>();
    value::<(extract::BearerToken, extract::SessionCookie, extract::QueryToken)>();
    value::<(extract::TrustedSessionId, extract::CredentialError)>();
    value::<extract::Or<extract::BearerToken, extract::SessionCookie>>();
    value::<(token::TokenError, token::TokenErrorKind)>();
}

#[test]
fn a_service_and_its_future_are_as_good_at_it_as_the_service_inside() {
    type Inner = tower::util::BoxCloneSyncService<http::Request<()>, http::Response<()>, ()>;

    value::<(AuthenticateLayer, Authenticate<()>, RequireAuthorization, Authorize<()>)>();
    sent::<(Authenticate<Inner>, ResponseFuture<Inner, ()>, AnswerFuture)>();
}
