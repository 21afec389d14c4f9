//! Asks for confirmation before something is destroyed: shows the impact, then asks. A script confirms with `--yes` or
//! `--confirm NAME`. Without a terminal and without these flags, nothing is done.

use super::{error::CliError, invocation::Invocation};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Severity {
    /// Asks y/N.
    Moderate,
    /// Asks the user to type the name of what is destroyed.
    Severe,
}

/// What the user or the script decided.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Decision {
    Proceed,
    /// A dry run: the impact was shown, and nothing else must be done.
    Stop,
}

/// Shows the impact of `action` and asks. When called as `vault` it does not ask, because Vault does not.
pub(crate) fn confirm(
    invocation: &Invocation,
    severity: Severity,
    action: &str,
    name: &str,
    impact: &[String],
) -> Result<Decision, CliError> {
    let globals = &invocation.globals;
    if invocation.persona.is_vault() && !globals.dry_run {
        return Ok(Decision::Proceed);
    }
    invocation.out.hint(&format!("{action} {name}"));
    for line in impact {
        invocation.out.hint(&format!("  - {line}"));
    }
    if globals.dry_run {
        invocation.out.hint("nothing was changed (dry run)");
        return Ok(Decision::Stop);
    }
    if globals.yes {
        return Ok(Decision::Proceed);
    }
    if let Some(confirmed) = &globals.confirm {
        if confirmed.trim_end_matches('/') == name.trim_end_matches('/') {
            return Ok(Decision::Proceed);
        }
        return Err(CliError::usage(format!(
            "--confirm names `{confirmed}`, but this is `{name}`: nothing was changed"
        )));
    }
    let question = match severity {
        Severity::Moderate => "continue? [y/N] ".to_owned(),
        Severity::Severe => format!("type `{name}` to continue: "),
    };
    let Some(answer) = invocation.out.terminal.line(&question)? else {
        return Err(CliError::usage(format!("{action} {name}: not confirmed, nothing was changed"))
            .why("there is no terminal to ask for confirmation")
            .fix(format!("--confirm={name}, or --yes")));
    };
    let agreed = match severity {
        Severity::Moderate => matches!(answer.to_ascii_lowercase().as_str(), "y" | "yes"),
        Severity::Severe => answer.trim_end_matches('/') == name.trim_end_matches('/'),
    };
    if agreed { Ok(Decision::Proceed) } else { Err(CliError::usage("not confirmed, nothing was changed")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{environment::Environment, invocation::Globals, persona::Persona, terminal::Terminal};

    fn decide(globals: Globals, persona: Persona) -> Result<Decision, CliError> {
        let nobody = Terminal { input: false, output: false };
        let invocation = Invocation::open(globals, persona, Environment::default(), nobody).unwrap();
        confirm(&invocation, Severity::Severe, "disable", "secret/", &["12 secrets".to_owned()])
    }

    #[test]
    fn a_script_must_say_yes_or_the_name() {
        let refused = decide(Globals::default(), Persona::Strongroom).unwrap_err();
        assert_eq!(refused.what(), "disable secret/: not confirmed, nothing was changed");
        let yes = Globals { yes: true, ..Globals::default() };
        assert_eq!(decide(yes, Persona::Strongroom).unwrap(), Decision::Proceed);
        let name = Globals { confirm: Some("secret".to_owned()), ..Globals::default() };
        assert_eq!(decide(name, Persona::Strongroom).unwrap(), Decision::Proceed);
        let other = Globals { confirm: Some("kv".to_owned()), ..Globals::default() };
        assert!(decide(other, Persona::Strongroom).is_err());
    }

    #[test]
    fn a_dry_run_stops_and_vault_asks_nothing() {
        let dry = Globals { dry_run: true, yes: true, ..Globals::default() };
        assert_eq!(decide(dry, Persona::Strongroom).unwrap(), Decision::Stop);
        assert_eq!(decide(Globals::default(), Persona::Vault).unwrap(), Decision::Proceed);
    }
}
