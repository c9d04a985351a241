//! What Clerk's events say.

use std::time::SystemTime;

use serde_json::{Value, json};

use crate::{
    id::UserId,
    testing::session::{Membership, SessionRecord, millis},
};

/// Something that has happened.
#[derive(Debug)]
pub(in crate::testing) struct Event {
    pub(in crate::testing) kind: &'static str,
    data: Value,
}

impl Event {
    pub(in crate::testing) fn new(kind: &'static str, data: Value) -> Self {
        Self { kind, data }
    }

    /// The whole payload.
    pub(in crate::testing) fn payload(self, instance_id: &str, now: SystemTime) -> Value {
        json!({
            "object": "event",
            "type": self.kind,
            "timestamp": millis(now),
            "instance_id": instance_id,
            "event_attributes": {
                "http_request": { "client_ip": "127.0.0.1", "user_agent": "tower-clerk" },
            },
            "data": self.data,
        })
    }
}

/// The session, and whose it is.
pub(in crate::testing) fn session(session: &SessionRecord, user: Value) -> Value {
    let mut data = session.latest_body();
    data["user"] = user;
    data
}

pub(in crate::testing) fn user(id: &UserId, banned: bool, now: SystemTime) -> Value {
    json!({
        "object": "user",
        "id": id,
        "username": null,
        "first_name": null,
        "last_name": null,
        "image_url": "",
        "has_image": false,
        "primary_email_address_id": null,
        "primary_phone_number_id": null,
        "primary_web3_wallet_id": null,
        "password_enabled": false,
        "two_factor_enabled": false,
        "totp_enabled": false,
        "backup_code_enabled": false,
        "email_addresses": [],
        "phone_numbers": [],
        "web3_wallets": [],
        "external_accounts": [],
        "enterprise_accounts": [],
        "public_metadata": {},
        "private_metadata": {},
        "unsafe_metadata": {},
        "external_id": null,
        "last_sign_in_at": null,
        "banned": banned,
        "locked": false,
        "created_at": millis(now),
        "updated_at": millis(now),
    })
}

pub(in crate::testing) fn user_is_gone(id: &UserId) -> Value {
    json!({ "object": "user", "id": id, "deleted": true })
}

pub(in crate::testing) fn membership(member: &Membership, user: &UserId, now: SystemTime) -> Value {
    let organization = &member.organization_id;
    let own = format!("orgmem_{}_{}", organization.as_str(), user.as_str());
    json!({
        "object": "organization_membership",
        "id": own,
        "role": member.role,
        "permissions": member.permissions,
        "public_metadata": {},
        "created_at": millis(now),
        "updated_at": millis(now),
        "organization": {
            "object": "organization", "id": organization, "slug": member.slug, "name": member.slug,
        },
        "public_user_data": {
            "user_id": user, "identifier": "", "first_name": null, "last_name": null, "image_url": "",
            "has_image": false,
        },
    })
}
