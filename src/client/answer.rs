//! Reading what Clerk answers, and no more than is reasonable.

use std::time::SystemTime;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, header::CONTENT_TYPE};
use reqwest::Response;
use serde::de::DeserializeOwned;

use super::{api_error::Refusal, error::Error, operation::Operation, retry_after::retry_after};
use crate::printable::printable;

/// The JSON of an answer that says yes.
#[derive(Debug)]
pub(super) struct Answer {
    operation: Operation,
    json: Bytes,
}

/// The longest error answer that is read, in bytes.
const LONGEST_REFUSAL: usize = 64 << 10;

impl Answer {
    /// Judges the status first, then the content type, then reads the body.
    pub(super) async fn read(operation: Operation, response: Response) -> Result<Self, Error> {
        if !operation.is_answered_by(response.status()) {
            return Err(refused(operation, response).await);
        }
        if !is_json(response.headers()) {
            let why = "the content type is not application/json";
            return Err(Error::invalid_response(operation, why));
        }
        let json = body(operation, response, operation.longest_answer()).await?;
        Ok(Self { operation, json })
    }

    pub(super) fn json<T: DeserializeOwned>(&self) -> Result<T, Error> {
        serde_json::from_slice(&self.json).map_err(|error| {
            // The parser may quote what it read.
            let told = printable(&error.to_string(), 200);
            Error::invalid_json(self.operation, String::from(told))
        })
    }

    /// As [`json`](Self::json), with nothing of the answer in the error.
    pub(super) fn secret_json<T: DeserializeOwned>(&self) -> Result<T, Error> {
        serde_json::from_slice(&self.json).map_err(|error| {
            let place = format!("at line {} column {}", error.line(), error.column());
            Error::invalid_json(self.operation, place)
        })
    }

    pub(super) fn invalid(&self, why: &'static str) -> Error {
        Error::invalid_response(self.operation, why)
    }
}

async fn refused(operation: Operation, response: Response) -> Error {
    let status = response.status();
    let wait = retry_after(response.headers(), SystemTime::now());
    let refusal = if is_json(response.headers()) {
        match body(operation, response, LONGEST_REFUSAL).await {
            Ok(body) => Refusal::read(status, &body),
            Err(_) => Refusal::bare(status),
        }
    } else {
        Refusal::bare(status)
    };
    Error::refused(operation, refusal, wait)
}

async fn body(operation: Operation, mut response: Response, max: usize) -> Result<Bytes, Error> {
    let too_long = || Error::invalid_response(operation, "the body is too long");
    let announced = response.content_length().unwrap_or(0);
    if usize::try_from(announced).map_or(true, |announced| announced > max) {
        return Err(too_long());
    }
    let mut body = BytesMut::new();
    while let Some(chunk) =
        response.chunk().await.map_err(|error| Error::transport(operation, error))?
    {
        if body.len() + chunk.len() > max {
            return Err(too_long());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

/// Whether the one content type is `application/json`, parameters aside.
fn is_json(headers: &HeaderMap) -> bool {
    let mut types = headers.get_all(CONTENT_TYPE).iter();
    let (Some(only), None) = (types.next(), types.next()) else { return false };
    let Ok(text) = only.to_str() else { return false };
    let essence = text.split_once(';').map_or(text, |(essence, _)| essence);
    essence.trim().eq_ignore_ascii_case("application/json")
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn json_is_told_by_its_media_type() {
        let told = |values: &[&'static str]| {
            let values = values.iter().map(|v| (CONTENT_TYPE, HeaderValue::from_static(v)));
            let mut headers = HeaderMap::new();
            headers.extend(values);
            is_json(&headers)
        };
        for good in ["application/json", "Application/JSON; charset=utf-8", "application/json;x"] {
            assert!(told(&[good]), "{good}");
        }
        for bad in ["", "text/html", "application/jsonp", "application/problem+json", "json"] {
            assert!(!told(&[bad]), "{bad}");
        }
        assert!(!told(&[]));
        assert!(!told(&["application/json", "text/html"]));
    }
}
