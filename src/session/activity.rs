//! What a session says about the device it lives on, and about what is left to do.

use serde::{Deserialize, Serialize};

/// The device and place that a session was last seen on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionActivity {
    object: Box<str>,
    id: Box<str>,
    is_mobile: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    device_type: Option<Box<str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    browser_name: Option<Box<str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    browser_version: Option<Box<str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ip_address: Option<Box<str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    city: Option<Box<str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    country: Option<Box<str>>,
}

impl SessionActivity {
    /// What Clerk calls the object: `session_activity`.
    #[must_use]
    pub fn object(&self) -> &str {
        &self.object
    }

    /// The activity's identifier.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Whether the device is a mobile one.
    #[must_use]
    pub fn is_mobile(&self) -> bool {
        self.is_mobile
    }

    /// The kind of device, such as `Macintosh`.
    #[must_use]
    pub fn device_type(&self) -> Option<&str> {
        self.device_type.as_deref()
    }

    /// The browser's name.
    #[must_use]
    pub fn browser_name(&self) -> Option<&str> {
        self.browser_name.as_deref()
    }

    /// The browser's version.
    #[must_use]
    pub fn browser_version(&self) -> Option<&str> {
        self.browser_version.as_deref()
    }

    /// The address that the device was seen at.
    #[must_use]
    pub fn ip_address(&self) -> Option<&str> {
        self.ip_address.as_deref()
    }

    /// The city of that address.
    #[must_use]
    pub fn city(&self) -> Option<&str> {
        self.city.as_deref()
    }

    /// The country of that address.
    #[must_use]
    pub fn country(&self) -> Option<&str> {
        self.country.as_deref()
    }
}

/// Something a user has to do before a pending session becomes active.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionTask {
    key: Box<str>,
}

impl SessionTask {
    /// What is to be done, such as `choose-organization`.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }
}
