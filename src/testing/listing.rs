//! The parameters of the list.

use super::{answer::Refusal, request::Request, session::SessionRecord};

/// Which sessions are listed.
#[derive(Debug)]
pub(super) struct Filter<'a> {
    client_id: Option<&'a str>,
    user_id: Option<&'a str>,
    status: Option<&'a str>,
    pub(super) paginated: bool,
    pub(super) limit: usize,
    pub(super) offset: usize,
}

impl<'a> Filter<'a> {
    /// In no version of the API can the list be filtered for pending sessions.
    pub(super) fn from_query(request: &'a Request) -> Result<Self, Refusal> {
        const STATUSES: [&str; 7] =
            ["abandoned", "active", "ended", "expired", "removed", "replaced", "revoked"];
        let status = request.query("status");
        if !status.is_none_or(|status| STATUSES.contains(&status)) {
            return Err(Refusal::value("status", "a status of sessions"));
        }
        let paginated = match request.query("paginated") {
            None | Some("false") => false,
            Some("true") => true,
            Some(_) => return Err(Refusal::format("paginated", "true or false")),
        };
        let limit = number(request, "limit", 10)?;
        if !(1..=500).contains(&limit) {
            return Err(Refusal::value("limit", "from 1 to 500"));
        }
        let offset = number(request, "offset", 0)?;
        let (client_id, user_id) = (request.query("client_id"), request.query("user_id"));
        Ok(Self { client_id, user_id, status, paginated, limit, offset })
    }

    pub(super) fn admits(&self, session: &SessionRecord) -> bool {
        self.client_id.is_none_or(|id| session.client_id.as_str() == id)
            && self.user_id.is_none_or(|id| session.user_id.as_str() == id)
            && self.status.is_none_or(|status| session.status == status)
    }
}

fn number(request: &Request, name: &str, default: usize) -> Result<usize, Refusal> {
    let Some(text) = request.query(name) else { return Ok(default) };
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let number = digits.then(|| text.parse().ok()).flatten();
    number.ok_or_else(|| Refusal::format(name, "a whole number, zero or greater"))
}
