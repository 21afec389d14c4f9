//! `checkpoint_reader PUBLIC_KEY FILE`: whether every checkpoint in an audit log is signed by the key and names the size
//! and the root of the tree of all lines before it. Prints their number and how many of them say `final`; ends with 1
//! and the line of the first that is wrong.

use std::process::ExitCode;

use base64::Engine as _;
use signed_note::{Note, StandardVerifier, VerifierList, new_ed25519_verifier_key};
use tlog_tiles::{Checkpoint, Hash, HashReader, stored_hashes, tree_hash};

/// The hashes that tlog_tiles wants to be stored, in its order.
#[derive(Default)]
struct Stored(Vec<Hash>);

impl HashReader for Stored {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<Hash>, tlog_tiles::Error> {
        Ok(indexes.iter().map(|at| self.0[*at as usize]).collect())
    }
}

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [key, path] = words.as_slice() else { panic!("checkpoint_reader PUBLIC_KEY FILE") };
    let key = base64::prelude::BASE64_STANDARD.decode(key).expect("a key in base64");
    let key = ed25519_dalek::VerifyingKey::from_bytes(&key.try_into().expect("32 bytes")).expect("an Ed25519 key");
    let log = std::fs::read(path).expect("a file that can be read");

    let (mut stored, mut size, mut checkpoints, mut finals) = (Stored::default(), 0_u64, 0, 0);
    for line in log.split(|&byte| byte == b'\n').filter(|line| !line.is_empty()) {
        let members: serde_json::Value = serde_json::from_slice(line).unwrap_or_default();
        if members["type"] == "checkpoint" {
            match judge(members["checkpoint"].as_str().unwrap_or(""), &key, size, &stored) {
                Ok(extension) => (checkpoints, finals) = (checkpoints + 1, finals + usize::from(extension == "final\n")),
                Err(problem) => {
                    eprintln!("line {}: {problem}", size + 1);
                    return ExitCode::FAILURE;
                }
            }
        }
        let more = stored_hashes(size, line, &stored).expect("hashes that were stored");
        stored.0.extend(more);
        size += 1;
    }
    println!("{checkpoints} checkpoints, {finals} of them final");
    ExitCode::SUCCESS
}

/// The extension lines of the checkpoint, if everything about it is right.
fn judge(text: &str, key: &ed25519_dalek::VerifyingKey, size: u64, stored: &Stored) -> Result<String, String> {
    let note = Note::from_bytes(text.as_bytes()).map_err(|error| format!("not a signed note: {error}"))?;
    let head = Checkpoint::from_bytes(note.text()).map_err(|_| "not a checkpoint")?;
    let verifier = StandardVerifier::new(&new_ed25519_verifier_key(head.origin(), key)).map_err(|_| "a name no key can have")?;
    note.verify(&VerifierList::new(vec![Box::new(verifier)])).map_err(|error| error.to_string())?;
    let root = tree_hash(size, stored).map_err(|error| error.to_string())?;
    if head.size() != size || head.hash().0 != root.0 {
        return Err(String::from("names another tree"));
    }
    Ok(head.extension().to_owned())
}
