//! Data on the command line: `key=value`, `key=@file`, `key=-` (standard input), `key:=json`, `-` or `@file` alone for
//! a whole JSON object, and `key` alone to be asked for its value. So no secret needs to be in the arguments.

use std::fs::File;

use super::{
    error::CliError,
    persona::Persona,
    terminal::{Terminal, read_input, read_whole},
};
use crate::client::json::Json;

/// The sources of values that are not in the arguments.
pub(crate) trait Sources {
    fn stdin(&mut self) -> Result<String, CliError>;
    fn file(&mut self, path: &str) -> Result<String, CliError>;
    fn ask(&mut self, key: &str) -> Result<String, CliError>;
}

/// The standard input, files and terminal of this process.
pub(crate) struct ProcessInput {
    terminal: Terminal,
    /// Whether standard input was read already. It can give only one value.
    is_stdin_used: bool,
}

impl ProcessInput {
    pub(crate) const fn new(terminal: Terminal) -> Self {
        Self { terminal, is_stdin_used: false }
    }
}

impl Sources for ProcessInput {
    fn stdin(&mut self) -> Result<String, CliError> {
        if std::mem::replace(&mut self.is_stdin_used, true) {
            return Err(CliError::usage("standard input can give only one value: give the others in another way"));
        }
        let text = read_input()?;
        let text = text.expose();
        Ok(text.clone())
    }

    fn file(&mut self, path: &str) -> Result<String, CliError> {
        let file = File::open(path).map_err(|error| CliError::usage(format!("{path} cannot be read: {error}")))?;
        let bytes = read_whole(file, path)?;
        String::from_utf8(bytes).map_err(|_| {
            CliError::usage(format!("{path} is not text")).fix(format!("store it encoded: base64 {path} | … KEY=-"))
        })
    }

    fn ask(&mut self, key: &str) -> Result<String, CliError> {
        let asked =
            self.terminal.secret(key, &format!("give {key}=- and the value on standard input, or {key}=@FILE"))?;
        let text = asked.expose();
        Ok(text.clone())
    }
}

/// Which empty values are taken. Enter at a hidden prompt, or a command that printed nothing, makes one by mistake, and
/// it would replace what is there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Empty {
    /// All of them.
    Allowed,
    /// Only those that stand in the arguments: `key=`.
    IfWritten,
    /// None.
    Refused,
}

/// Reads the arguments into one object. A key that is given twice becomes a list, as in Vault. When the program is called
/// as `vault`, every empty value is taken.
pub(crate) fn parse(
    args: &[String],
    persona: Persona,
    empty: Empty,
    sources: &mut impl Sources,
) -> Result<Json, CliError> {
    let mut data = Json::Object(Vec::new());
    for arg in args {
        if arg == "-" || (arg.starts_with('@') && !arg.contains('=')) {
            let text = if arg == "-" { sources.stdin()? } else { sources.file(arg.trim_start_matches('@'))? };
            for (key, value) in object(&text, arg)? {
                data.set(&key, value);
            }
            continue;
        }
        let (key, value) = pair(arg, persona, sources)?;
        let is_refused = match empty {
            Empty::Allowed => false,
            Empty::IfWritten => !arg.ends_with('='),
            Empty::Refused => true,
        };
        if is_refused && !persona.is_vault() && value.as_str() == Some("") {
            return Err(CliError::usage(format!("the value of {key} is empty: nothing was sent"))
                .why("an empty value would replace the one that is there")
                .fix("give a value, or -allow-empty if it must be empty"));
        }
        add(&mut data, &key, value);
    }
    Ok(data)
}

fn object(text: &str, arg: &str) -> Result<Vec<(String, Json)>, CliError> {
    let named = if arg == "-" { "standard input" } else { arg };
    match Json::parse(text) {
        Ok(Json::Object(pairs)) => Ok(pairs),
        Ok(_) => Err(CliError::usage(format!("{named} holds JSON that is not an object"))),
        // Only the place of the error is shown: serde's message may contain part of a value.
        Err(error) => Err(CliError::usage(format!(
            "{named} is not a JSON object: it is wrong at line {} column {}",
            error.line(),
            error.column()
        ))),
    }
}

fn pair(arg: &str, persona: Persona, sources: &mut impl Sources) -> Result<(String, Json), CliError> {
    let Some((key, value)) = arg.split_once('=') else {
        if persona.is_vault() {
            let text = format!("Failed to parse K=V data: invalid key/value pair {arg:?}: format must be key=value");
            return Err(CliError::usage(text));
        }
        return Ok((arg.to_owned(), Json::text(sources.ask(arg)?)));
    };
    if key.is_empty() || key == ":" {
        return Err(CliError::usage("a value has no key: write KEY=VALUE"));
    }
    if let Some(key) = key.strip_suffix(':').filter(|_| !persona.is_vault()) {
        let value = Json::parse(value).map_err(|error| {
            CliError::usage(format!("the value of {key} is not JSON (column {})", error.column()))
                .fix(format!("{key}:= takes JSON, {key}= takes text as it is"))
        })?;
        return Ok((key.to_owned(), value));
    }
    let value = match value {
        "-" if persona.is_vault() => sources.stdin()?,
        "-" => without_line_end(sources.stdin()?),
        value => match value.strip_prefix('@') {
            Some(path) => sources.file(path)?,
            None => value.strip_prefix("\\@").map_or_else(|| value.to_owned(), |rest| format!("@{rest}")),
        },
    };
    Ok((key.to_owned(), Json::text(value)))
}

/// Removes the line end that `echo secret | …` adds and that is not part of the secret.
fn without_line_end(mut text: String) -> String {
    if text.ends_with('\n') {
        text.pop();
        if text.ends_with('\r') {
            text.pop();
        }
    }
    text
}

/// Reads `NAME=VALUE` arguments into an object of texts. `what` says in the error what the arguments are.
pub(crate) fn name_values(args: &[String], what: &str) -> Result<Json, CliError> {
    let mut object = Json::Object(Vec::new());
    for arg in args {
        let (name, value) =
            arg.split_once('=').ok_or_else(|| CliError::usage(format!("the {what} `{arg}` is not NAME=VALUE")))?;
        object.set(name, Json::text(value));
    }
    Ok(object)
}

fn add(data: &mut Json, key: &str, value: Json) {
    let value = match data.at(key).cloned() {
        None => value,
        Some(Json::List(mut items)) => {
            items.push(value);
            Json::List(items)
        }
        Some(first) => Json::List(vec![first, value]),
    };
    data.set(key, value);
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fake;

    impl Sources for Fake {
        fn stdin(&mut self) -> Result<String, CliError> {
            Ok("from stdin\n".to_owned())
        }

        fn file(&mut self, path: &str) -> Result<String, CliError> {
            match path {
                "object.json" => Ok(r#"{"n":1.50,"s":"x"}"#.to_owned()),
                "list.json" => Ok("[1]".to_owned()),
                "bad.json" => Ok("{\"password\": \"canary\" x}".to_owned()),
                path => Ok(format!("file {path}\n")),
            }
        }

        fn ask(&mut self, key: &str) -> Result<String, CliError> {
            Ok(format!("typed {key}"))
        }
    }

    fn read(args: &[&str], persona: Persona) -> Result<String, CliError> {
        let args: Vec<String> = args.iter().map(|arg| (*arg).to_owned()).collect();
        parse(&args, persona, Empty::Allowed, &mut Fake).map(|json| json.to_string())
    }

    #[test]
    fn values_come_from_arguments_files_stdin_and_the_terminal() {
        let args = ["a=1", "b=x=y", "c=@key.pem", "d=-", "e:={\"n\":1.50}", "f", "g=\\@literal", "h="];
        assert_eq!(
            read(&args, Persona::Strongroom).unwrap(),
            r#"{"a":"1","b":"x=y","c":"file key.pem\n","d":"from stdin","e":{"n":1.50},"f":"typed f","g":"@literal","h":""}"#
        );
    }

    #[test]
    fn a_whole_object_is_read_and_a_repeated_key_is_a_list() {
        assert_eq!(read(&["@object.json", "s=y"], Persona::Vault).unwrap(), r#"{"n":1.50,"s":["x","y"]}"#);
        assert_eq!(read(&["p=a", "p=b", "p=c"], Persona::Vault).unwrap(), r#"{"p":["a","b","c"]}"#);
    }

    #[test]
    fn as_vault_the_line_end_stays_and_nothing_is_asked() {
        assert_eq!(read(&["d=-", "e:=1"], Persona::Vault).unwrap(), r#"{"d":"from stdin\n","e:":"1"}"#);
        let text = "Failed to parse K=V data: invalid key/value pair \"foo\": format must be key=value";
        assert_eq!(read(&["foo"], Persona::Vault).unwrap_err().what(), text);
    }

    struct Nothing;

    impl Sources for Nothing {
        fn stdin(&mut self) -> Result<String, CliError> {
            Ok("\n".to_owned())
        }

        fn file(&mut self, _: &str) -> Result<String, CliError> {
            Ok(String::new())
        }

        fn ask(&mut self, _: &str) -> Result<String, CliError> {
            Ok(String::new())
        }
    }

    /// U15: Enter at the hidden prompt stored an empty secret in place of the old one.
    #[test]
    fn u15_an_empty_value_is_taken_only_if_it_is_meant() {
        let refuses = |arg: &str, empty, persona| parse(&[arg.to_owned()], persona, empty, &mut Nothing).is_err();
        for (arg, is_written) in [("k", false), ("k=-", false), ("k=@file", false), ("k=", true)] {
            assert!(refuses(arg, Empty::Refused, Persona::Strongroom), "{arg}");
            assert_eq!(refuses(arg, Empty::IfWritten, Persona::Strongroom), !is_written, "{arg}");
            assert!(!refuses(arg, Empty::Allowed, Persona::Strongroom), "{arg}");
            if arg != "k" {
                assert!(!refuses(arg, Empty::Refused, Persona::Vault), "{arg}");
            }
        }
    }

    #[test]
    fn bad_data_is_refused_without_showing_it() {
        for (arg, words) in [
            ("=x", "a value has no key: write KEY=VALUE"),
            ("k:={", "the value of k is not JSON (column 1)"),
            ("@list.json", "@list.json holds JSON that is not an object"),
            ("@bad.json", "@bad.json is not a JSON object: it is wrong at line 1 column 23"),
        ] {
            assert_eq!(read(&[arg], Persona::Strongroom).unwrap_err().what(), words);
        }
    }
}
