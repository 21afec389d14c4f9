//! Whose manners the command line has: its own, or Vault's when it is called through a link named `vault` or `bao`,
//! so that scripts written for those see the exit codes and texts they know.

use std::{ffi::OsStr, path::Path};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Persona {
    Strongroom,
    Vault,
}

impl Persona {
    /// Decides by the name the program was called with.
    pub fn of(program: &OsStr) -> Self {
        match Path::new(program).file_name().and_then(OsStr::to_str) {
            Some("vault" | "bao") => Self::Vault,
            _ => Self::Strongroom,
        }
    }

    pub fn is_vault(self) -> bool {
        self == Self::Vault
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_named_vault_or_bao_has_vaults_manners() {
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
