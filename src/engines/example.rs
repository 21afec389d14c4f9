//! An example engine: memos, each a line of text under a name.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::contract::{
    Answer, Api, Call, Error, Host, ListPage, Result, RoleName, SecretsEngine, Table, delete, list, read, row::Nothing,
    waits, write,
};

/// The engine. It has no state outside its records.
struct Memos;

/// The stored record. Its fields are numbered, so that a later version can add a field and still read old records.
#[derive(minicbor::Encode, minicbor::Decode, Serialize)]
struct Memo {
    #[n(0)]
    text: String,
}

/// Memos by name. A sealed table hides its names on disk.
const MEMOS: Table<Memo> = Table::sealed(1);

/// The parsed `{name}` of a path. An invalid name is refused before a handler runs.
#[derive(Deserialize, JsonSchema)]
struct At {
    /// The name of the memo.
    name: RoleName,
}

/// The input of a write. The comment on a field is its help text.
#[derive(Deserialize, JsonSchema)]
struct Input {
    /// The line to keep, of at most 1,024 bytes.
    #[schemars(extend("needed" = true))]
    text: Option<String>,
}

impl SecretsEngine for Memos {
    const KIND: &'static str = "memos";

    fn api() -> Api<Self> {
        Api::new(
            "Memos: keep a line of text under a name.",
            [
                list("memos", waits(names), "List the names."),
                read("memos/{name}", show, "Show a memo."),
                write("memos/{name}", keep, "Keep a memo, in place of the one that was there.").exists(exists),
                delete("memos/{name}", drop_memo, "Delete a memo."),
            ],
        )
    }

    async fn open(_: Host) -> Result<Self> {
        Ok(Self)
    }
}

async fn names(call: Call<Memos>, _: Nothing, page: ListPage) -> Result<Answer> {
    call.list(&MEMOS, "", page).await
}

fn exists(call: Call<Memos>, at: At) -> Result<bool> {
    call.store.has(&MEMOS, &at.name.0)
}

fn show(call: Call<Memos>, at: At, _: Nothing) -> Result<Answer> {
    let memo = call.store.get(&MEMOS, &at.name.0)?.ok_or_else(Error::missing)?;
    Answer::data(&memo)
}

fn keep(call: Call<Memos>, at: At, input: Input) -> Result<Answer> {
    let text = input.text.filter(|text| !text.is_empty()).ok_or_else(|| Error::invalid("missing text"))?;
    if text.len() > 1024 {
        return Err(Error::invalid("text: at most 1,024 bytes"));
    }
    call.store.put(&MEMOS, &at.name.0, &Memo { text })?;
    Ok(Answer::done())
}

fn drop_memo(call: Call<Memos>, at: At, _: Nothing) -> Result<Answer> {
    call.store.delete(&MEMOS, &at.name.0)?;
    Ok(Answer::done())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::contract::bench::{Bench, conformance};

    #[tokio::test]
    async fn it_passes_the_conformance_suite() {
        let bench = Bench::engine::<Memos>().await;
        assert_eq!(conformance(&bench).await, Vec::<String>::new());
    }

    #[tokio::test]
    async fn a_memo_is_kept_until_it_is_deleted() {
        let bench = Bench::engine::<Memos>().await;
        bench.write("memos/lunch", json!({ "text": "at noon" })).await.unwrap();
        assert_eq!(bench.read("memos/lunch").await.unwrap(), json!({ "text": "at noon" }));
        assert_eq!(bench.list("memos").await.unwrap(), json!({ "keys": ["lunch"] }));
        bench.delete("memos/lunch").await.unwrap();
        assert!(bench.read("memos/lunch").await.is_err());
    }
}
