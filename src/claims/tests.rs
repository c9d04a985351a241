mod nulls;
mod organizations;
mod reading;
mod refusing;

use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use super::{test_names::CLERKS_CLAIMS, *};
use crate::OrganizationId;

fn base() -> Value {
    json!({ "iss": "https://clerk.example.com", "sub": "user_1", "sid": "sess_1", "exp": 60 })
}

fn with(members: Value) -> Value {
    let mut claims = base();
    let (Value::Object(all), Value::Object(members)) = (&mut claims, members) else {
        panic!("claims are an object")
    };
    all.extend(members);
    claims
}

fn read_text(payload: &str) -> Result<Claims, InvalidClaims> {
    Claims::from_verified(payload.as_bytes().to_vec(), Category::Session, None)
}

fn read(claims: &Value) -> Result<Claims, InvalidClaims> {
    read_text(&claims.to_string())
}

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}
