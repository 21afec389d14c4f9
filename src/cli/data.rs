//! Data on the command line: `key=value`, `key=@file`, `key=-` (standard input), `key:=json`, a bare `-` or `@file` for
//! a whole JSON object, and a bare `key` to be asked for without echo. So no secret ever has to stand in the arguments.

use std::{fs::File, io::Read as _};

use super::{
    fault::Fault,
    persona::Persona,
    terminal::{Terminal, read_input},
};
use crate::client::json::Json;

/// Bytes of a file given with `@`.
const FILE_BYTES_MAX: u64 = 32 << 20;

/// Where the parts that are not in the arguments come from.
pub trait Sources {
    fn input(&mut self) -> Result<String, Fault>;
    fn file(&mut self, path: &str) -> Result<String, Fault>;
    fn ask(&mut self, key: &str) -> Result<String, Fault>;
}

/// The process's own standard input, files and terminal.
pub struct Outside {
    pub terminal: Terminal,
    input_used: bool,
}

impl Outside {
    pub const fn new(terminal: Terminal) -> Self {
        Self { terminal, input_used: false }
    }
}

impl Sources for Outside {
    fn input(&mut self) -> Result<String, Fault> {
        if std::mem::replace(&mut self.input_used, true) {
            return Err(Fault::usage("standard input can be read for one value only"));
        }
        let text = read_input()?;
        let text = text.expose();
        Ok(text.clone())
    }

    fn file(&mut self, path: &str) -> Result<String, Fault> {
        let mut bytes = Vec::new();
        File::open(path)
            .and_then(|file| file.take(FILE_BYTES_MAX).read_to_end(&mut bytes))
            .map_err(|error| Fault::usage(format!("{path} cannot be read: {error}")))?;
        String::from_utf8(bytes).map_err(|_| {
            Fault::usage(format!("{path} is not text")).fix(format!("store it encoded: base64 {path} | … KEY=-"))
        })
    }

    fn ask(&mut self, key: &str) -> Result<String, Fault> {
        let asked =
            self.terminal.secret(key, &format!("give {key}=- and the value on standard input, or {key}=@FILE"))?;
        let text = asked.expose();
        Ok(text.clone())
    }
}

/// Reads the arguments into one object. A key given twice becomes a list, as in Vault.
pub fn parse(args: &[String], persona: Persona, sources: &mut impl Sources) -> Result<Json, Fault> {
    let mut data = Json::Object(Vec::new());
    for arg in args {
        if arg == "-" || (arg.starts_with('@') && !arg.contains('=')) {
            let text = if arg == "-" { sources.input()? } else { sources.file(arg.trim_start_matches('@'))? };
            for (key, value) in object(&text, arg)? {
                data.set(&key, value);
            }
            continue;
        }
        let (key, value) = pair(arg, persona, sources)?;
        add(&mut data, &key, value);
    }
    Ok(data)
}

fn object(text: &str, arg: &str) -> Result<Vec<(String, Json)>, Fault> {
    let named = if arg == "-" { "standard input" } else { arg };
    match Json::parse(text) {
        Ok(Json::Object(pairs)) => Ok(pairs),
        Ok(_) => Err(Fault::usage(format!("{named} holds JSON, but no object"))),
        // Where it stands, not what: serde's words may echo a value.
        Err(error) => Err(Fault::usage(format!(
            "{named} is no JSON object: it breaks off at line {} column {}",
            error.line(),
            error.column()
        ))),
    }
}

fn pair(arg: &str, persona: Persona, sources: &mut impl Sources) -> Result<(String, Json), Fault> {
    let Some((key, value)) = arg.split_once('=') else {
        if persona.is_vault() {
            let text = format!("Failed to parse K=V data: invalid key/value pair {arg:?}: format must be key=value");
            return Err(Fault::usage(text));
        }
        return Ok((arg.to_owned(), Json::text(sources.ask(arg)?)));
    };
    if key.is_empty() || key == ":" {
        return Err(Fault::usage("a value has no key: write KEY=VALUE"));
    }
    if let Some(key) = key.strip_suffix(':').filter(|_| !persona.is_vault()) {
        let value = Json::parse(value).map_err(|error| {
            Fault::usage(format!("the value of {key} is no JSON (column {})", error.column()))
                .fix(format!("{key}:= takes JSON, {key}= takes text as it is"))
        })?;
        return Ok((key.to_owned(), value));
    }
    let value = match value {
        "-" if persona.is_vault() => sources.input()?,
        "-" => without_line_end(sources.input()?),
        value => match value.strip_prefix('@') {
            Some(path) => sources.file(path)?,
            None => value.strip_prefix("\\@").map_or_else(|| value.to_owned(), |rest| format!("@{rest}")),
        },
    };
    Ok((key.to_owned(), Json::text(value)))
}

/// `echo secret | …` means the secret, not the line end.
fn without_line_end(mut text: String) -> String {
    if text.ends_with('\n') {
        text.pop();
        if text.ends_with('\r') {
            text.pop();
        }
    }
    text
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
        fn input(&mut self) -> Result<String, Fault> {
            Ok("from stdin\n".to_owned())
        }

        fn file(&mut self, path: &str) -> Result<String, Fault> {
            match path {
                "object.json" => Ok(r#"{"n":1.50,"s":"x"}"#.to_owned()),
                "list.json" => Ok("[1]".to_owned()),
                "bad.json" => Ok("{\"password\": \"canary\" x}".to_owned()),
                path => Ok(format!("file {path}\n")),
            }
        }

        fn ask(&mut self, key: &str) -> Result<String, Fault> {
            Ok(format!("typed {key}"))
        }
    }

    fn read(args: &[&str], persona: Persona) -> Result<String, Fault> {
        let args: Vec<String> = args.iter().map(|arg| (*arg).to_owned()).collect();
        parse(&args, persona, &mut Fake).map(|json| json.to_string())
    }

    #[test]
    fn values_come_from_the_argument_a_file_standard_input_or_the_terminal() {
        let args = ["a=1", "b=x=y", "c=@key.pem", "d=-", "e:={\"n\":1.50}", "f", "g=\\@literal", "h="];
        assert_eq!(
            read(&args, Persona::Strongroom).unwrap(),
            r#"{"a":"1","b":"x=y","c":"file key.pem\n","d":"from stdin","e":{"n":1.50},"f":"typed f","g":"@literal","h":""}"#
        );
    }

    #[test]
    fn an_object_comes_whole_and_a_key_given_twice_is_a_list() {
        assert_eq!(read(&["@object.json", "s=y"], Persona::Vault).unwrap(), r#"{"n":1.50,"s":["x","y"]}"#);
        assert_eq!(read(&["p=a", "p=b", "p=c"], Persona::Vault).unwrap(), r#"{"p":["a","b","c"]}"#);
    }

    #[test]
    fn as_vault_it_keeps_the_line_end_and_asks_nothing() {
        assert_eq!(read(&["d=-", "e:=1"], Persona::Vault).unwrap(), r#"{"d":"from stdin\n","e:":"1"}"#);
        let text = "Failed to parse K=V data: invalid key/value pair \"foo\": format must be key=value";
        assert_eq!(read(&["foo"], Persona::Vault).unwrap_err().what(), text);
    }

    #[test]
    fn bad_data_is_refused_without_showing_it() {
        for (arg, words) in [
            ("=x", "a value has no key: write KEY=VALUE"),
            ("k:={", "the value of k is no JSON (column 1)"),
            ("@list.json", "@list.json holds JSON, but no object"),
            ("@bad.json", "@bad.json is no JSON object: it breaks off at line 1 column 23"),
        ] {
            assert_eq!(read(&[arg], Persona::Strongroom).unwrap_err().what(), words);
        }
    }
}
