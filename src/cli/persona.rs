//! The command line that the program behaves as: its own, or Vault's if it is called through a link named `vault` or
//! `bao`. Scripts written for Vault then get the exit codes and texts that they expect.

use std::{ffi::OsStr, path::Path};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Persona {
    Strongroom,
    Vault,
}

impl Persona {
    /// Decides by the name under which the program was called.
    pub(crate) fn of(program: &OsStr) -> Self {
        match Path::new(program).file_name().and_then(OsStr::to_str) {
            Some("vault" | "bao") => Self::Vault,
            _ => Self::Strongroom,
        }
    }

    pub(crate) fn is_vault(self) -> bool {
        self == Self::Vault
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_named_vault_or_bao_behaves_as_vault() {
        for (program, persona) in [
            ("/usr/bin/vault", Persona::Vault),
            ("bao", Persona::Vault),
            ("./strongroom", Persona::Strongroom),
            ("vaults", Persona::Strongroom),
        ] {
            assert_eq!(Persona::of(OsStr::new(program)), persona);
        }
    }
}
