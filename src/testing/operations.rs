//! What each operation does.

use std::time::{Duration, SystemTime};

use http::StatusCode;
use serde_json::{Map, Value, json};

use super::{
    answer::Refusal,
    api_version::ApiVersion,
    listing::Filter,
    operation::Operation,
    parameters::{only, optional, required},
    request::Request,
    session::{Membership, SessionRecord},
    state::State,
    token::TokenPlan,
};
use crate::id::UserId;

/// One call of an operation by someone who has the key.
#[derive(Debug)]
pub(super) struct Call<'a> {
    pub(super) request: &'a Request,
    pub(super) version: ApiVersion,
    pub(super) session_id: &'a str,
    pub(super) template: &'a str,
    pub(super) now: SystemTime,
}

impl Call<'_> {
    pub(super) fn perform(
        &self,
        operation: Operation,
        state: &mut State,
    ) -> Result<Value, Refusal> {
        match operation {
            Operation::List => self.list(state),
            Operation::Get => self.get(state),
            Operation::Create => self.create(state),
            Operation::Revoke => self.revoke(state),
            Operation::Verify => self.verify(state),
            Operation::CreateToken => self.create_token(state),
            Operation::CreateTokenFromTemplate => self.create_token_from_template(state),
            Operation::Refresh => self.refresh(state),
            Operation::Jwks | Operation::PublicJwks => Ok(json!(state.keys.jwk_set())),
        }
    }

    fn list(&self, state: &mut State) -> Result<Value, Refusal> {
        let filter = Filter::from_query(self.request)?;
        let found: Vec<&SessionRecord> = state
            .sessions(self.now)
            .into_iter()
            .filter(|session| session.is_visible_in(self.version) && filter.admits(session))
            .collect();
        let page = found.iter().skip(filter.offset).take(filter.limit);
        let data: Vec<Value> = page.map(|session| session.body(self.version)).collect();
        Ok(match filter.paginated {
            true => json!({ "data": data, "total_count": found.len() }),
            false => Value::from(data),
        })
    }

    fn get(&self, state: &mut State) -> Result<Value, Refusal> {
        Ok(self.session(state)?.body(self.version))
    }

    fn create(&self, state: &mut State) -> Result<Value, Refusal> {
        if !state.instance.is_development() {
            return Err(Refusal::wrong_environment());
        }
        let parameters = self.request.object()?;
        let user_id = required(&parameters, "user_id")?;
        let organization = match optional(&parameters, "active_organization_id")? {
            None => None,
            Some(id) => Some(Membership::new(id.parse().map_err(|_| {
                Refusal::format("active_organization_id", "the ID of an organization")
            })?)),
        };
        let known = UserId::try_from(user_id).ok().filter(|user_id| state.users.contains(user_id));
        let user_id = known
            .ok_or_else(|| Refusal::not_found(format!("No user was found with id {user_id}")))?;
        let change = |session: &mut SessionRecord| session.organization = organization;
        Ok(state.begin_session(user_id, change, self.now).body(self.version))
    }

    /// Whatever the session was, it is revoked now. Revoking it again changes nothing.
    fn revoke(&self, state: &mut State) -> Result<Value, Refusal> {
        let session = self.stored(state)?;
        if session.status != "revoked" {
            let id = session.id.clone();
            state.set_status(&id, "revoked", self.now);
        }
        Ok(self.stored(state)?.body(self.version))
    }

    fn verify(&self, state: &mut State) -> Result<Value, Refusal> {
        if !self.version.has_verify() {
            return Err(Refusal::endpoint_gone());
        }
        let in_body = |refusal: Refusal| refusal.with_status(StatusCode::BAD_REQUEST);
        let parameters = self.request.object()?;
        only(&parameters, &["token"]).map_err(in_body)?;
        let token = optional(&parameters, "token").map_err(in_body)?;
        let body = self.active(state)?.body(self.version);
        if token.is_some_and(|token| !self.is_for_session(state, token)) {
            return Err(in_body(Refusal::format("token", "a token of this session")));
        }
        Ok(body)
    }

    fn create_token(&self, state: &mut State) -> Result<Value, Refusal> {
        self.issue(state, TokenPlan::session(self.now))
    }

    fn create_token_from_template(&self, state: &mut State) -> Result<Value, Refusal> {
        if !state.templates.contains(self.template) {
            let name = self.template;
            return Err(Refusal::not_found(format!("No JWT template was found with name {name}")));
        }
        self.issue(state, TokenPlan::template(self.now))
    }

    fn issue(&self, state: &mut State, plan: TokenPlan) -> Result<Value, Refusal> {
        let lifetime = match self.request.object()?.get("expires_in_seconds") {
            None | Some(Value::Null) => plan.lifetime,
            Some(seconds) => match seconds.as_u64() {
                Some(seconds @ 30..=315_360_000) => Duration::from_secs(seconds),
                Some(_) => {
                    return Err(Refusal::value("expires_in_seconds", "from 30 to 315360000"));
                }
                None => return Err(Refusal::format("expires_in_seconds", "a whole number")),
            },
        };
        let session = self.active(state)?.clone();
        Ok(token(&state.sign(&TokenPlan { lifetime, ..plan }, &session)))
    }

    /// Everything that is wrong with the tokens is a 401, on which Clerk's SDKs fall back to a handshake.
    fn refresh(&self, state: &mut State) -> Result<Value, Refusal> {
        let parameters = self.request.object()?;
        let Refresh { expired_token, refresh_token, request_origin, as_cookies } =
            Refresh::from_parameters(&parameters)
                .map_err(|refusal| refusal.with_status(StatusCode::BAD_REQUEST))?;
        let session = self
            .active(state)
            .cloned()
            .map_err(|_| Refusal::refresh("The session does not exist or is not active"))?;
        if !self.is_for_session(state, expired_token) {
            return Err(Refusal::refresh("The expired token is not of this session"));
        }
        if !state.refresh_token_is_for(refresh_token, &session.id) {
            return Err(Refusal::refresh("The refresh token is not of this session"));
        }
        let plan = TokenPlan {
            authorized_party: Some(request_origin.to_owned()),
            ..TokenPlan::session(self.now)
        };
        let jwt = state.sign(&plan, &session);
        if !as_cookies {
            return Ok(token(&jwt));
        }
        let attributes = "Path=/; Max-Age=31536000; Secure; SameSite=Lax";
        let mut cookies = vec![format!("__session={jwt}; {attributes}")];
        if self.request.query("suffixed_cookies") == Some("true") {
            let suffix = state.instance.cookie_suffix();
            cookies.push(format!("__session_{suffix}={jwt}; {attributes}"));
        }
        Ok(json!({ "object": "cookies", "cookies": cookies }))
    }

    fn stored<'s>(&self, state: &'s mut State) -> Result<&'s mut SessionRecord, Refusal> {
        state.session(self.session_id, self.now).ok_or_else(|| Refusal::no_session(self.session_id))
    }

    fn session<'s>(&self, state: &'s mut State) -> Result<&'s mut SessionRecord, Refusal> {
        let session = self.stored(state)?;
        match session.is_visible_in(self.version) {
            true => Ok(session),
            false => Err(Refusal::no_session(self.session_id)),
        }
    }

    /// The session if it is authenticated. To those who need one that is, any other does not exist.
    fn active<'s>(&self, state: &'s mut State) -> Result<&'s mut SessionRecord, Refusal> {
        let session = self.stored(state)?;
        match session.is_active() {
            true => Ok(session),
            false => Err(Refusal::no_session(self.session_id)),
        }
    }

    /// Whether the instance issued this token for this session. It may have expired.
    fn is_for_session(&self, state: &State, token: &str) -> bool {
        let read = state.keys.read(token);
        read.is_some_and(|token| token.claims.get("sid") == Some(&Value::from(self.session_id)))
    }
}

/// What a refresh needs.
#[derive(Debug)]
struct Refresh<'a> {
    expired_token: &'a str,
    refresh_token: &'a str,
    request_origin: &'a str,
    as_cookies: bool,
}

impl<'a> Refresh<'a> {
    fn from_parameters(parameters: &'a Map<String, Value>) -> Result<Self, Refusal> {
        const KNOWN: [&str; 6] = [
            "expired_token",
            "refresh_token",
            "request_origin",
            "request_headers",
            "format",
            "request_originating_ip",
        ];
        only(parameters, &KNOWN)?;
        optional(parameters, "request_originating_ip")?;
        if parameters.get("request_headers").is_some_and(|it| !it.is_object() && !it.is_null()) {
            return Err(Refusal::format("request_headers", "an object"));
        }
        let as_cookies = match optional(parameters, "format")? {
            None | Some("token") => false,
            Some("cookie") => true,
            Some(_) => return Err(Refusal::value("format", "token or cookie")),
        };
        Ok(Self {
            expired_token: required(parameters, "expired_token")?,
            refresh_token: required(parameters, "refresh_token")?,
            request_origin: required(parameters, "request_origin")?,
            as_cookies,
        })
    }
}

/// A token as the API hands it out.
fn token(jwt: &str) -> Value {
    json!({ "object": "token", "jwt": jwt })
}
