use reqwest::{
    Client, Method, Response, StatusCode,
    header::{ALLOW, CONTENT_TYPE, HOST, HeaderName, WWW_AUTHENTICATE},
};
use serde_json::Value;

use crate::process::Server;

/// A browser, so to say.
pub(crate) struct Caller<'a> {
    server: &'a Server,
    http: Client,
}

impl<'a> Caller<'a> {
    pub(crate) fn of(server: &'a Server) -> Self {
        Self { server, http: Client::builder().no_proxy().build().unwrap() }
    }

    pub(crate) async fn send(&self, method: Method, path: &str, token: Option<&str>) -> Response {
        let request = self.http.request(method, format!("{}{path}", self.server.url));
        let request = match token {
            Some(token) => request.bearer_auth(token),
            None => request,
        };
        request.send().await.unwrap()
    }

    pub(crate) async fn get(&self, path: &str, token: Option<&str>) -> Response {
        self.send(Method::GET, path, token).await
    }

    /// What is asked of this host, whose server it is.
    pub(crate) async fn get_from(&self, host: &str, path: &str, token: &str) -> Response {
        let request = self.http.get(format!("{}{path}", self.server.url)).header(HOST, host);
        request.bearer_auth(token).send().await.unwrap()
    }

    pub(crate) async fn post(&self, path: &str, token: Option<&str>) -> Response {
        self.send(Method::POST, path, token).await
    }

    /// From a stranger to a member and back: what every example over HTTP does.
    pub(crate) async fn is_admitted_until_it_signs_out(&self, token: &str, user: &str) {
        assert_refused(self.get("/me", None).await, "Bearer", "session-token-missing").await;

        let me = self.get("/me", Some(token)).await;
        assert_eq!(me.status(), StatusCode::OK);
        assert_eq!(header(&me, &CONTENT_TYPE), "application/json");
        let me: Value = me.json().await.unwrap();
        assert_eq!(me["session"]["object"], "session");
        assert_eq!(me["session"]["status"], "active");
        assert_eq!(me["session"]["user_id"], user);
        assert_eq!(me["claims"]["sub"], user);
        assert_eq!(me["claims"]["sid"], me["session"]["id"]);

        let wrong_method = self.get("/sign-out", Some(token)).await;
        assert_eq!(wrong_method.status(), StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(header(&wrong_method, &ALLOW), "POST");
        assert_eq!(self.get("/me", Some(token)).await.status(), StatusCode::OK);

        let signed_out = self.post("/sign-out", Some(token)).await;
        assert_eq!(signed_out.status(), StatusCode::NO_CONTENT);
        for _ in 0..3 {
            let refused = self.get("/me", Some(token)).await;
            let challenge =
                r#"Bearer error="invalid_token", error_description="the session is not active""#;
            assert_refused(refused, challenge, "session-revoked").await;
        }
        assert_eq!(self.post("/sign-out", None).await.status(), StatusCode::UNAUTHORIZED);
    }
}

async fn assert_refused(response: Response, challenge: &str, reason: &str) {
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(header(&response, &WWW_AUTHENTICATE), challenge);
    assert_eq!(header(&response, &CONTENT_TYPE), "application/problem+json");
    let problem: Value = response.json().await.unwrap();
    assert_eq!(problem["reason"], reason);
    assert_eq!(problem["status"], 401);
}

pub(crate) fn header<'a>(response: &'a Response, name: &HeaderName) -> &'a str {
    let value = response.headers().get(name).unwrap_or_else(|| panic!("no {name}"));
    value.to_str().unwrap()
}
