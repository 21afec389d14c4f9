//! Logs for other verifiers. `AUDIT_FIXTURES=DIR cargo test --lib the_fixtures` leaves them in `DIR`, one folder for each
//! case. `scripts/verify_audit.py --fixtures DIR` must judge each as its name says, as `verify` does here.

use std::path::{Path, PathBuf};

use super::{bench::*, verify::verify, *};

/// A folder with the files of one case.
struct Case {
    dir: PathBuf,
    kept: Option<String>,
}

impl Case {
    fn new(under: &Path, name: &str, kept: Option<String>) -> Self {
        let dir = under.join(name);
        std::fs::create_dir_all(&dir).unwrap();
        std::fs::write(dir.join("key"), public().to_base64()).unwrap();
        if let Some(kept) = &kept {
            std::fs::write(dir.join("kept"), kept).unwrap();
        }
        Self { dir, kept }
    }

    /// Writes the files, and checks that our own verifier judges them as the name says.
    fn judge(&self, files: &[&[u8]]) {
        let name = self.dir.file_name().unwrap().to_str().unwrap();
        let paths: Vec<PathBuf> = (0..files.len()).map(|n| self.dir.join(format!("{n}.log"))).collect();
        for (path, bytes) in paths.iter().zip(files) {
            std::fs::write(path, bytes).unwrap();
        }
        let report = verify(&paths, &public(), self.kept.as_deref().as_slice()).unwrap();
        assert_eq!(report.first_problem.is_none(), name.starts_with("good"), "{name}: {report:?}");
    }
}

fn log() -> (Bench, Vec<String>) {
    let bench = Bench::unsealed();
    for n in 0..6 {
        bench.request(&format!("r-{n}")).unwrap();
        bench.tick(11);
    }
    let lines = bench.text().lines().map(str::to_owned).collect();
    (bench, lines)
}

fn text(lines: &[String]) -> Vec<u8> {
    lines.iter().flat_map(|line| [line.as_bytes(), b"\n"].concat()).collect()
}

#[test]
fn the_fixtures_are_judged_as_they_are_named() {
    let own = tempfile::tempdir().unwrap();
    let under = std::env::var_os("AUDIT_FIXTURES").map_or_else(|| own.path().to_owned(), PathBuf::from);
    let (mut bench, lines) = log();
    let kept = bench.newest_checkpoint();
    let case = |name| Case::new(&under, name, kept.clone());
    case("good-whole").judge(&[&text(&lines)]);

    let mut edited = lines.clone();
    edited[8] = edited[8].replace("web/key", "web/kex");
    case("bad-edited").judge(&[&text(&edited)]);
    let mut removed = lines.clone();
    removed.remove(8);
    case("bad-removed").judge(&[&text(&removed)]);
    let mut put_in = lines.clone();
    put_in.insert(8, lines[8].replace("web/key", "web/kex"));
    case("bad-put-in").judge(&[&text(&put_in)]);
    let mut moved = lines.clone();
    moved.swap(8, 12);
    case("bad-moved").judge(&[&text(&moved)]);
    let mut doubled = lines.clone();
    doubled.insert(9, lines[8].clone());
    case("bad-doubled").judge(&[&text(&doubled)]);
    case("bad-cut").judge(&[&text(&lines[..lines.len() - 3])]);
    let (_other, others) = log();
    let spliced = [&lines[..12], &others[12..]].concat();
    case("bad-spliced").judge(&[&text(&spliced)]);
    let mut signed = lines.clone();
    super::proofs::remake(&mut signed, 0, |origin, size, root| {
        Some(Checkpoint::sign(origin, size, root, &signing(2)).text())
    });
    Case::new(&under, "bad-signed-by-another", None).judge(&[&text(&signed)]);

    // A torn line, a restart, a move, and a new log after an older copy of the file was restored.
    let torn = bench.text().into_bytes();
    std::fs::write(bench.path("file"), &torn[..torn.len() - 40]).unwrap();
    bench.restart();
    bench.unseal();
    Case::new(&under, "good-torn", kept.clone()).judge(&[bench.text().as_bytes()]);
    let first = bench.dir.path().join("first");
    std::fs::rename(bench.path("file"), &first).unwrap();
    bench.request("moved").unwrap();
    bench.tick(11);
    let first = std::fs::read(first).unwrap();
    Case::new(&under, "good-moved", bench.newest_checkpoint()).judge(&[&first, bench.text().as_bytes()]);
    Case::new(&under, "good-second-file", None).judge(&[bench.text().as_bytes()]);
    std::fs::write(bench.path("file"), &first).unwrap();
    bench.restart();
    bench.unseal();
    assert!(bench.text().contains("behind its own checkpoint"));
    Case::new(&under, "bad-begun-anew", bench.newest_checkpoint()).judge(&[bench.text().as_bytes()]);

    after_the_keys(&under);
}

/// What stands behind a final checkpoint, and what a server found that it had not written.
fn after_the_keys(under: &Path) {
    let forged =
        "\"type\":\"response\",\"request\":{\"id\":\"f\",\"path\":\"secret/data/db\"},\"response\":{\"status\":200}";
    let whole = |bench: &Bench| bench.text().into_bytes();
    let (mut bench, _) = log();
    let receipt = bench.ask("under way").unwrap();
    bench.audit.seal_blocking();
    bench.answer(receipt, "under way", None).unwrap();
    for status in [400, 503] {
        let path = if status == 503 { "secret/data/db" } else { "sys/unseal" };
        let time = bench.clock.now().plus(crate::base::ttl::Ttl::from_secs(600));
        bench.audit.record_plain(PlainFacts { is_response: true, status, path, time, ..PlainFacts::default() });
    }
    Case::new(under, "good-sealed", bench.newest_checkpoint()).judge(&[&whole(&bench)]);
    let sealed = whole(&bench);
    super::foreign::append(&bench, &[forged]);
    Case::new(under, "bad-after-the-final-head", None).judge(&[&whole(&bench)]);
    std::fs::write(bench.path("file"), &sealed).unwrap();
    bench.restart();
    bench.unseal();
    bench.request("goes on").unwrap();
    bench.tick(11);
    Case::new(under, "good-unsealed-again", bench.newest_checkpoint()).judge(&[&whole(&bench)]);
    super::foreign::append(&bench, &[forged]);
    bench.restart();
    bench.unseal();
    Case::new(under, "bad-lines-of-others", None).judge(&[&whole(&bench)]);
}
