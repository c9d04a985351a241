//! What a session says about the device it lives on.

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

/// The device and place that a session was last seen on, as far as it is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SessionActivity {
    #[serde(skip_serializing_if = "Option::is_none")]
    object: Option<Box<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<Box<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    is_mobile: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    device_type: Option<Box<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    browser_name: Option<Box<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    browser_version: Option<Box<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ip_address: Option<Box<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    city: Option<Box<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    country: Option<Box<str>>,
}

impl SessionActivity {
    /// What Clerk calls the object: `session_activity`.
    #[must_use]
    pub fn object(&self) -> Option<&str> {
        self.object.as_deref()
    }

    /// The activity's identifier.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// Whether the device is a mobile one.
    #[must_use]
    pub fn is_mobile(&self) -> Option<bool> {
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

/// Any object is one, since nothing depends on what it says.
impl<'de> Deserialize<'de> for SessionActivity {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let members = Map::<String, Value>::deserialize(deserializer)?;
        let text = |name| members.get(name).and_then(Value::as_str).map(Box::from);
        Ok(Self {
            object: text("object"),
            id: text("id"),
            is_mobile: members.get("is_mobile").and_then(Value::as_bool),
            device_type: text("device_type"),
            browser_name: text("browser_name"),
            browser_version: text("browser_version"),
            ip_address: text("ip_address"),
            city: text("city"),
            country: text("country"),
        })
    }
}
