//! A request as the emulator reads it: decoded, and taken as leniently as Clerk takes its SDKs'.

use bytes::Bytes;
use http::{HeaderMap, Method, header};
use serde_json::{Map, Value};

use super::answer::Refusal;

/// A request that was received whole.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) method: Method,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    pub(super) raw_path: String,
    pub(super) raw_query: Option<String>,
    segments: Vec<String>,
    parameters: Vec<(String, String)>,
}

impl Request {
    pub(super) fn new(request: http::Request<Bytes>) -> Self {
        let (parts, body) = request.into_parts();
        let raw_path = parts.uri.path().to_owned();
        let raw_query = parts.uri.query().map(str::to_owned);
        let segments = raw_path.split('/').skip(1).map(decode).collect();
        let parameters = raw_query
            .iter()
            .flat_map(|query| query.split('&'))
            .filter(|pair| !pair.is_empty())
            .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
            .map(|(name, value)| (decode(name), decode(&value.replace('+', " "))))
            .collect();
        Self {
            method: parts.method,
            headers: parts.headers,
            body,
            raw_path,
            raw_query,
            segments,
            parameters,
        }
    }

    /// The decoded segments of the path.
    pub(super) fn segments(&self) -> Vec<&str> {
        self.segments.iter().map(String::as_str).collect()
    }

    /// A parameter of the query: the last one of that name, and none when it is empty.
    pub(super) fn query(&self, name: &str) -> Option<&str> {
        let last = self.parameters.iter().rev().find(|(found, _)| found == name);
        last.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }

    /// The body as a JSON object.
    ///
    /// Clerk's SDKs send nothing, `{}` or `null` where there is nothing to send, under any content
    /// type: all of these are the empty object.
    pub(super) fn object(&self) -> Result<Map<String, Value>, Refusal> {
        if !self.is_empty() && !self.claims_json() {
            return Err(Refusal::content_type());
        }
        self.object_of_any_type()
    }

    /// The body as a JSON object whatever content type it bears: `curl -d` says it is a form.
    pub(super) fn object_of_any_type(&self) -> Result<Map<String, Value>, Refusal> {
        if self.is_empty() {
            return Ok(Map::new());
        }
        match serde_json::from_slice(&self.body) {
            Ok(Value::Object(object)) => Ok(object),
            Ok(Value::Null) => Ok(Map::new()),
            _ => Err(Refusal::malformed_body()),
        }
    }

    fn is_empty(&self) -> bool {
        self.body.trim_ascii().is_empty()
    }

    fn claims_json(&self) -> bool {
        let Some(value) = self.headers.get(header::CONTENT_TYPE) else { return true };
        let essence = value.to_str().unwrap_or("?").split(';').next().unwrap_or_default().trim();
        essence.is_empty() || essence.eq_ignore_ascii_case("application/json")
    }
}

/// Undoes percent-encoding. What is no encoding stands for itself.
fn decode(text: &str) -> String {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let octet = match (first, tail) {
            (b'%', [high, low, ..]) => hex(*high).zip(hex(*low)).map(|(high, low)| high << 4 | low),
            _ => None,
        };
        decoded.push(octet.unwrap_or(*first));
        rest = if octet.is_some() { &tail[2..] } else { tail };
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(uri: &str, content_type: &str, body: &'static [u8]) -> Request {
        let request = http::Request::post(uri).header("content-type", content_type);
        Request::new(request.body(Bytes::from_static(body)).unwrap())
    }

    #[test]
    fn a_path_is_split_before_it_is_decoded() {
        let request = request("/v1/sessions/sess%5Fa%2Fb%/x%zz", "", b"");
        assert_eq!(request.segments(), ["v1", "sessions", "sess_a/b%", "x%zz"]);
    }

    #[test]
    fn of_two_parameters_the_last_one_counts_and_an_empty_one_is_none() {
        let request = request("/v1/sessions?limit=1&limit=2&user_id=&status=a%20b+c", "", b"");
        assert_eq!(request.query("limit"), Some("2"));
        assert_eq!(request.query("user_id"), None);
        assert_eq!(request.query("status"), Some("a b c"));
    }

    #[test]
    fn every_empty_body_an_sdk_sends_is_the_empty_object() {
        for (content_type, body) in [
            ("application/json", &b""[..]),
            ("application/json", b"{}"),
            ("application/json; charset=utf-8", b"null"),
            ("application/x-www-form-urlencoded", b""),
            ("", b""),
            ("", b" {} "),
        ] {
            assert!(
                request("/", content_type, body).object().unwrap().is_empty(),
                "{content_type}"
            );
        }
    }

    #[test]
    fn other_bodies_are_refused() {
        for (content_type, body, code) in [
            ("application/json", &b"{"[..], "request_body_invalid"),
            ("application/json", b"[]", "request_body_invalid"),
            ("application/json", b"\xff", "request_body_invalid"),
            ("text/plain", b"{}", "unsupported_content_type"),
            ("application/x-www-form-urlencoded", b"a=b", "unsupported_content_type"),
        ] {
            let refusal = request("/", content_type, body).object().unwrap_err();
            assert_eq!(refusal.code(), code);
        }
    }
}
