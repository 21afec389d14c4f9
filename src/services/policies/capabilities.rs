//! Capabilities: what a rule can grant. A set of them is stored as bits. `deny` overrides all others in the set. An
//! empty set grants nothing, as if there were no rule.

use std::{fmt, ops::BitOr};

/// A set of capabilities.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Capabilities(u16);

/// What a request needs. A write needs `Create` or `Update`, depending on whether the record exists. Whether it exists
/// has been checked by the caller of this module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    Read,
    List,
    Scan,
    Create,
    Update,
    Patch,
    Delete,
}

/// What the path of a request names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lookup {
    /// One record: a rule must match the path as it is.
    Record,
    /// The names in a folder: a rule may match `path/` or `path`.
    Folder,
}

impl Capabilities {
    pub const NONE: Self = Self(0);
    pub const DENY: Self = Self(1);
    pub const CREATE: Self = Self(1 << 1);
    pub const READ: Self = Self(1 << 2);
    pub const UPDATE: Self = Self(1 << 3);
    pub const PATCH: Self = Self(1 << 4);
    pub const DELETE: Self = Self(1 << 5);
    pub const LIST: Self = Self(1 << 6);
    pub const SCAN: Self = Self(1 << 7);
    pub const SUDO: Self = Self(1 << 8);
    /// Everything is allowed. No rule can grant this: only the root token has it.
    pub const ROOT: Self = Self(1 << 9);

    /// The capability with the name `word` in a policy; `None` if there is none. As in Vault, case
    /// matters, and `root` is not a capability.
    pub fn from_word(word: &str) -> Option<Self> {
        WORDS.iter().find(|(known, _)| *known == word).map(|&(_, capability)| capability)
    }

    /// The capabilities that `policy = "word"`, an old form, stands for. `None` if the word is unknown.
    pub fn from_shorthand(word: &str) -> Option<Self> {
        let read = Self::READ | Self::LIST;
        let write = read | Self::CREATE | Self::UPDATE | Self::DELETE;
        match word {
            "deny" => Some(Self::DENY),
            "read" => Some(read),
            "write" => Some(write),
            "sudo" => Some(write | Self::SUDO),
            _ => None,
        }
    }

    /// Whether the set contains all of `others`. Whether it also contains `deny` makes no difference.
    pub const fn has(self, others: Self) -> bool {
        self.0 & others.0 == others.0
    }

    pub const fn is_denied(self) -> bool {
        self.has(Self::DENY)
    }

    /// Whether the set grants anything.
    pub const fn grants_any(self) -> bool {
        !self.is_denied() && self.0 != 0
    }

    /// Whether the set grants `wanted`.
    pub const fn grants(self, wanted: Wanted) -> bool {
        !self.is_denied() && (self.has(Self::ROOT) || self.has(wanted.capability()))
    }

    /// Whether the set grants access to a path that also requires `sudo`.
    pub const fn grants_sudo(self) -> bool {
        !self.is_denied() && (self.has(Self::ROOT) || self.has(Self::SUDO))
    }

    /// The words with which `sys/capabilities-self` answers, in alphabetical order: only `deny` if nothing is granted,
    /// and only `root` for the root token.
    pub fn words(self) -> Vec<&'static str> {
        if self.has(Self::ROOT) {
            return vec!["root"];
        }
        if !self.grants_any() {
            return vec!["deny"];
        }
        WORDS.iter().filter(|&&(_, capability)| self.has(capability)).map(|&(word, _)| word).collect()
    }

    /// The set after `deny` is applied: a set with `deny` contains nothing else.
    pub(super) const fn settled(self) -> Self {
        if self.is_denied() { Self::DENY } else { self }
    }
}

impl Wanted {
    pub const fn capability(self) -> Capabilities {
        match self {
            Self::Read => Capabilities::READ,
            Self::List => Capabilities::LIST,
            Self::Scan => Capabilities::SCAN,
            Self::Create => Capabilities::CREATE,
            Self::Update => Capabilities::UPDATE,
            Self::Patch => Capabilities::PATCH,
            Self::Delete => Capabilities::DELETE,
        }
    }

    pub(super) const fn lookup(self) -> Lookup {
        match self {
            Self::List | Self::Scan => Lookup::Folder,
            Self::Read | Self::Create | Self::Update | Self::Patch | Self::Delete => Lookup::Record,
        }
    }
}

impl BitOr for Capabilities {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl fmt::Debug for Capabilities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.words()).finish()
    }
}

/// Every word that a policy may use, in alphabetical order.
pub(super) const WORDS: [(&str, Capabilities); 9] = [
    ("create", Capabilities::CREATE),
    ("delete", Capabilities::DELETE),
    ("deny", Capabilities::DENY),
    ("list", Capabilities::LIST),
    ("patch", Capabilities::PATCH),
    ("read", Capabilities::READ),
    ("scan", Capabilities::SCAN),
    ("sudo", Capabilities::SUDO),
    ("update", Capabilities::UPDATE),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_stand_in_the_order_of_the_alphabet() {
        let all = WORDS.iter().filter(|(word, _)| *word != "deny").fold(Capabilities::NONE, |set, &(_, one)| set | one);
        assert_eq!(all.words(), ["create", "delete", "list", "patch", "read", "scan", "sudo", "update"]);
        assert_eq!((all | Capabilities::DENY).words(), ["deny"]);
        assert_eq!(Capabilities::NONE.words(), ["deny"]);
        assert_eq!(Capabilities::ROOT.words(), ["root"]);
    }

    #[test]
    fn deny_beside_a_grant_leaves_nothing() {
        let set = Capabilities::DENY | Capabilities::READ | Capabilities::SUDO;
        assert!(!set.grants(Wanted::Read) && !set.grants_sudo() && !set.grants_any());
        assert_eq!(set.settled(), Capabilities::DENY);
        assert!(!(Capabilities::DENY | Capabilities::ROOT).grants(Wanted::Read));
    }

    #[test]
    fn each_operation_needs_its_own_capability() {
        let operations = [Wanted::Read, Wanted::List, Wanted::Scan, Wanted::Create, Wanted::Update, Wanted::Patch];
        for wanted in operations.into_iter().chain([Wanted::Delete]) {
            for (word, capability) in WORDS {
                assert_eq!(capability.grants(wanted), capability == wanted.capability(), "{word} for {wanted:?}");
            }
            assert!(Capabilities::ROOT.grants(wanted) && !Capabilities::NONE.grants(wanted));
        }
        assert!(Capabilities::ROOT.grants_sudo() && Capabilities::SUDO.grants_sudo());
        assert!(!Capabilities::READ.grants_sudo());
    }
}
