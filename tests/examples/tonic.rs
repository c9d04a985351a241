use tonic::{Code, Request, Status, transport::Channel};
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};

use crate::process::Server;

#[rustfmt::skip]
#[expect(unreachable_pub, clippy::allow_attributes, reason = "generated code")]
#[path = "../../examples/proto/identity.rs"]
mod identity;

use identity::{
    ReadRequest, SignOutRequest, WhoAmIReply, WhoAmIRequest, identity_client::IdentityClient,
    reports_client::ReportsClient,
};

// The client hangs up when the server says goodbye, which takes a thread that is not waiting for the server.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_has_the_token_is_admitted_until_it_signs_out() {
    let app = Server::start("tonic");
    let token = app.process.line_after("token: ");
    let mut caller = Caller::of(&app).await;
    caller.is_admitted_until_it_signs_out(&token, "user_ada").await;
    drop(caller);
    app.stops_when_asked_to();
}

#[tokio::test]
async fn reports_are_for_those_who_have_the_permission() {
    let app = Server::start("tonic");
    let token = app.process.line_after("token: ");
    let outsider = app.process.line_after("outsider: ");
    let mut reports = ReportsClient::new(connect(&app).await);
    let read = reports.read(with_token(ReadRequest {}, Some(&token))).await.unwrap();
    assert_eq!(read.into_inner().text, "all is well, user_ada");
    for (token, code) in [(Some(&*outsider), Code::PermissionDenied), (None, Code::Unauthenticated)]
    {
        let refused = reports.read(with_token(ReadRequest {}, token)).await.unwrap_err();
        assert_eq!(refused.code(), code);
    }
}

pub(crate) async fn read_report(server: &Server, token: Option<&str>) -> Result<String, Status> {
    let mut reports = ReportsClient::new(connect(server).await);
    let read = reports.read(with_token(ReadRequest {}, token)).await;
    read.map(|reply| reply.into_inner().text)
}

#[tokio::test]
async fn the_health_of_the_service_is_told_without_a_token() {
    let app = Server::start("tonic");
    let mut health = HealthClient::new(connect(&app).await);
    let service = "tower_clerk.example.v1.Identity".to_owned();
    let answer = health.check(HealthCheckRequest { service }).await.unwrap().into_inner();
    assert_eq!(answer.status(), ServingStatus::Serving);
}

pub(crate) struct Caller(IdentityClient<Channel>);

impl Caller {
    pub(crate) async fn of(server: &Server) -> Self {
        Self(IdentityClient::new(connect(server).await))
    }

    pub(crate) async fn is_admitted_until_it_signs_out(&mut self, token: &str, user: &str) {
        let refused = self.who_am_i(None).await.unwrap_err();
        assert_eq!(refused.code(), Code::Unauthenticated);
        assert_eq!(refused.message(), "a session token is required");
        assert_eq!(refused.metadata().get("www-authenticate").unwrap(), "Bearer");

        let me = self.who_am_i(Some(token)).await.unwrap();
        assert_eq!((me.user_id.as_str(), me.status.as_str()), (user, "active"));
        assert!(me.session_id.starts_with("sess_"));

        self.0.sign_out(with_token(SignOutRequest {}, Some(token))).await.unwrap();
        for _ in 0..3 {
            let refused = self.who_am_i(Some(token)).await.unwrap_err();
            assert_eq!(refused.code(), Code::Unauthenticated);
            assert_eq!(refused.message(), "the session is not active");
        }
    }

    async fn who_am_i(&mut self, token: Option<&str>) -> Result<WhoAmIReply, Status> {
        let request = with_token(WhoAmIRequest {}, token);
        self.0.who_am_i(request).await.map(tonic::Response::into_inner)
    }
}

fn with_token<T>(message: T, token: Option<&str>) -> Request<T> {
    let mut request = Request::new(message);
    if let Some(token) = token {
        let credential = format!("Bearer {token}").parse().unwrap();
        request.metadata_mut().insert("authorization", credential);
    }
    request
}

async fn connect(server: &Server) -> Channel {
    Channel::from_shared(server.url.clone()).unwrap().connect().await.unwrap()
}
