//! Before something is destroyed: what it will cost, and a question. A script answers with `--yes` or `--confirm NAME`;
//! without a terminal and without those, nothing is done.

use super::{fault::Fault, session::Session};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Severity {
    /// Asks y/N.
    Moderate,
    /// Asks for the name to be typed.
    Severe,
}

/// What the person, or the script, decided.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Decision {
    Go,
    /// A dry run: the impact is shown, and that is all.
    Stop,
}

/// Shows what `action` costs and asks. Called as `vault` it asks nothing, as Vault does not.
pub fn confirm(
    session: &Session,
    severity: Severity,
    action: &str,
    name: &str,
    impact: &[String],
) -> Result<Decision, Fault> {
    let globals = &session.globals;
    if session.persona.is_vault() && !globals.dry_run {
        return Ok(Decision::Go);
    }
    session.out.hint(&format!("{action} {name}"));
    for line in impact {
        session.out.hint(&format!("  - {line}"));
    }
    if globals.dry_run {
        session.out.hint("nothing was changed (dry run)");
        return Ok(Decision::Stop);
    }
    if globals.yes {
        return Ok(Decision::Go);
    }
    if let Some(confirmed) = &globals.confirm {
        if confirmed.trim_end_matches('/') == name.trim_end_matches('/') {
            return Ok(Decision::Go);
        }
        return Err(Fault::usage(format!("--confirm says `{confirmed}`, but this is `{name}`: nothing was changed")));
    }
    let question = match severity {
        Severity::Moderate => "go on? [y/N] ".to_owned(),
        Severity::Severe => format!("type `{name}` to go on: "),
    };
    let Some(answer) = session.out.terminal.line(&question)? else {
        return Err(Fault::usage(format!("{action} {name}: not confirmed, nothing was changed"))
            .why("there is no terminal to ask on")
            .fix(format!("--confirm={name}, or --yes")));
    };
    let agreed = match severity {
        Severity::Moderate => matches!(answer.to_ascii_lowercase().as_str(), "y" | "yes"),
        Severity::Severe => answer.trim_end_matches('/') == name.trim_end_matches('/'),
    };
    if agreed { Ok(Decision::Go) } else { Err(Fault::usage("not confirmed, nothing was changed")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{environment::Environment, persona::Persona, session::Globals, terminal::Terminal};

    fn decide(globals: Globals, persona: Persona) -> Result<Decision, Fault> {
        let nobody = Terminal { input: false, output: false, errors: false };
        let session = Session::open(globals, persona, Environment::default(), nobody).unwrap();
        confirm(&session, Severity::Severe, "disable", "secret/", &["12 secrets".to_owned()])
    }

    #[test]
    fn a_script_must_say_yes_or_the_name() {
        let refused = decide(Globals::default(), Persona::Strongroom).unwrap_err();
        assert_eq!(refused.what(), "disable secret/: not confirmed, nothing was changed");
        let yes = Globals { yes: true, ..Globals::default() };
        assert_eq!(decide(yes, Persona::Strongroom).unwrap(), Decision::Go);
        let name = Globals { confirm: Some("secret".to_owned()), ..Globals::default() };
        assert_eq!(decide(name, Persona::Strongroom).unwrap(), Decision::Go);
        let other = Globals { confirm: Some("kv".to_owned()), ..Globals::default() };
        assert!(decide(other, Persona::Strongroom).is_err());
    }

    #[test]
    fn a_dry_run_stops_and_vaults_manners_go_on() {
        let dry = Globals { dry_run: true, yes: true, ..Globals::default() };
        assert_eq!(decide(dry, Persona::Strongroom).unwrap(), Decision::Stop);
        assert_eq!(decide(Globals::default(), Persona::Vault).unwrap(), Decision::Go);
    }
}
