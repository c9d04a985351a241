/// A feature or a plan, and who has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entitlement {
    pub(crate) name: String,
    pub(crate) of_organization: bool,
    pub(crate) of_user: bool,
}

impl Entitlement {
    /// Its key at Clerk, such as `reports`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether the active organization has it.
    #[must_use]
    pub fn is_of_organization(&self) -> bool {
        self.of_organization
    }

    /// Whether the user has it.
    #[must_use]
    pub fn is_of_user(&self) -> bool {
        self.of_user
    }

    /// Reads `scope:name,scope:name`, leaving out what is malformed.
    pub(super) fn list(claim: Option<&str>) -> Vec<Self> {
        claim.into_iter().flat_map(entries).filter_map(Self::read).collect()
    }

    fn read(entry: &str) -> Option<Self> {
        let (scope, name) = entry.split_once(':')?;
        let (of_organization, of_user) = match scope {
            "o" => (true, false),
            "u" => (false, true),
            "uo" | "ou" => (true, true),
            _ => return None,
        };
        let well_formed = !name.is_empty() && !name.contains(':');
        well_formed.then(|| Self { name: name.to_owned(), of_organization, of_user })
    }

    /// Each organization feature in its place; `None` where one is malformed.
    ///
    /// What matters to the place is that the scope contains an `o`. A malformed entry keeps its
    /// place, so that the masks of those behind it stay theirs.
    pub(super) fn organization_features(claim: &str) -> impl Iterator<Item = Option<String>> {
        entries(claim)
            .filter(|entry| entry.split(':').next().is_some_and(|scope| scope.contains('o')))
            .map(|entry| Some(Self::read(entry)?.name))
    }
}

fn entries(claim: &str) -> impl Iterator<Item = &str> {
    claim.split(',').map(str::trim)
}
