//! The reader of the JSON form. It builds a body from the events of base/json.rs with a stack instead of recursion.
//! Unlike a request body, the text may repeat a key, as configurations do for `listener`.

use super::model::{HclBody, HclError, Item, Pos, Value};
use crate::base::{
    json::{self, Event, JsonError},
    limits::{HCL_DEPTH_MAX, HCL_ITEMS_MAX},
};

pub(super) fn parse(text: &str) -> Result<HclBody, HclError> {
    let mut builder =
        Builder { text, at: 0, line: 1, line_start: 0, open: Vec::new(), items: 0, body: HclBody::default() };
    match json::run(text, |event, at| builder.take(event, at)) {
        Ok(()) => Ok(builder.body),
        Err(Refusal::Hcl(error)) => Err(error),
        Err(Refusal::Json(error)) => {
            let at = offset(error).unwrap_or(text.len());
            Err(HclError::new(builder.pos(at), error.to_string()))
        }
    }
}

enum Refusal {
    Json(JsonError),
    Hcl(HclError),
}

impl From<JsonError> for Refusal {
    fn from(error: JsonError) -> Self {
        Self::Json(error)
    }
}

fn offset(error: JsonError) -> Option<usize> {
    match error {
        JsonError::Syntax { at }
        | JsonError::Text { at }
        | JsonError::Number { at }
        | JsonError::Trailing { at }
        | JsonError::Depth { at }
        | JsonError::KeyTwice { at } => Some(at),
        JsonError::Utf8 | JsonError::Early | JsonError::Tokens => None,
    }
}

struct Builder<'a> {
    text: &'a str,
    /// The byte up to which line ends have been counted.
    at: usize,
    line: u32,
    line_start: usize,
    open: Vec<Open>,
    items: usize,
    /// The content of the outermost object. Empty until that object is closed.
    body: HclBody,
}

enum Open {
    Object { body: HclBody, key: Option<(String, Pos)> },
    List(Vec<Value>),
}

impl Builder<'_> {
    fn take(&mut self, event: Event<'_>, at: usize) -> Result<(), Refusal> {
        let value = match event {
            Event::Key(raw) => {
                let named = (json::unescape(raw).into_owned(), self.pos(at));
                if let Some(Open::Object { key, .. }) = self.open.last_mut() {
                    *key = Some(named);
                }
                return Ok(());
            }
            Event::ObjectStart => return self.descend(Open::Object { body: HclBody::default(), key: None }, at),
            Event::ArrayStart => return self.descend(Open::List(Vec::new()), at),
            Event::ObjectEnd | Event::ArrayEnd => match self.open.pop() {
                Some(Open::Object { body, .. }) => Value::Object(body),
                Some(Open::List(values)) => Value::List(values),
                None => return Ok(()),
            },
            Event::String(raw) => Value::String(json::unescape(raw).into_owned()),
            Event::Number(raw) => Value::Number(raw.to_owned()),
            Event::Bool(value) => Value::Bool(value),
            Event::Null => Value::Null,
        };
        self.place(value, at)
    }

    fn descend(&mut self, open: Open, at: usize) -> Result<(), Refusal> {
        if self.open.len() > HCL_DEPTH_MAX {
            return Err(self.refuse(at, format!("nested too deeply: at most {HCL_DEPTH_MAX} levels")));
        }
        self.open.push(open);
        Ok(())
    }

    fn place(&mut self, value: Value, at: usize) -> Result<(), Refusal> {
        self.items += 1;
        if self.items > HCL_ITEMS_MAX {
            return Err(self.refuse(at, format!("too many items: at most {HCL_ITEMS_MAX}")));
        }
        match self.open.last_mut() {
            Some(Open::Object { body, key }) => {
                let (key, pos) = key.take().unwrap_or_default();
                body.items.push(Item { key, pos, labels: Vec::new(), value });
            }
            Some(Open::List(values)) => values.push(value),
            None => {
                if let Value::Object(body) = value {
                    self.body = body;
                }
            }
        }
        Ok(())
    }

    fn refuse(&mut self, at: usize, message: String) -> Refusal {
        Refusal::Hcl(HclError::new(self.pos(at), message))
    }

    /// Line and column of byte `at`. `at` must not be smaller than in the call before, because line ends are counted
    /// once.
    fn pos(&mut self, at: usize) -> Pos {
        let passed = self.text.as_bytes().get(self.at..at).unwrap_or(&[]);
        for (index, _) in passed.iter().enumerate().filter(|&(_, &byte)| byte == b'\n') {
            self.line += 1;
            self.line_start = self.at + index + 1;
        }
        self.at = self.at.max(at);
        let column = at.saturating_sub(self.line_start) + 1;
        Pos { line: self.line, column: u32::try_from(column).unwrap_or(u32::MAX) }
    }
}
