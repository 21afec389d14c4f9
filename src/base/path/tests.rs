//! What is a path and what is refused, and that no text makes the reader panic or two paths one.

use proptest::prelude::*;

use super::*;

fn segments_of(path: &CanonicalPath) -> impl Iterator<Item = &str> {
    (0..).map_while(|index| path.segment(index))
}
use crate::base::fuzz;

fn segments(target: &str) -> Vec<String> {
    segments_of(&CanonicalPath::parse(target).unwrap()).map(str::to_owned).collect()
}

#[test]
fn a_path_is_its_segments() {
    let path = CanonicalPath::parse("/v1/secret/data/db%20main/Pa%C3%9F?version=2").unwrap();
    assert_eq!(path.joined(), "v1/secret/data/db main/Paß");
    assert_eq!(segments_of(&path).count(), 5);
    assert_eq!(segments_of(&path).last(), Some("Paß"));
    assert_eq!((path.segment(0), path.segment(3), path.segment(5)), (Some("v1"), Some("db main"), None));
    assert_eq!((path.tail(0), path.tail(3), path.tail(5)), ("v1/secret/data/db main/Paß", "db main/Paß", ""));
    assert!(!path.is_slashed());

    let below = path.strip("v1").unwrap();
    assert_eq!(below, CanonicalPath::parse("/secret/data/db%20main/Pa%c3%9f").unwrap());
    assert_eq!((below.segment(0), below.segment(3), below.strip("v1")), (Some("secret"), Some("Paß"), None));
    assert_eq!(format!("{below:?}"), "secret/data/db main/Paß");
}

#[test]
fn a_trailing_slash_is_a_flag() {
    let path = CanonicalPath::parse("/v1/secret/").unwrap();
    assert!(path.is_slashed() && path.joined() == "v1/secret" && path.strip("v1").unwrap().is_slashed());
    let below = CanonicalPath::parse("/v1/").unwrap().strip("v1").unwrap();
    assert!(below.is_empty() && below.is_slashed() && below.joined().is_empty());
    let root = CanonicalPath::parse("/").unwrap();
    assert!(root.is_empty() && root.is_slashed() && root.strip("v1").is_none());
}

#[test]
fn odd_names_are_names() {
    for (target, expected) in [
        ("/...", "..."),
        ("/a..b", "a..b"),
        ("/.x", ".x"),
        ("/100%25", "100%"),
        ("/%25zz", "%zz"),
        ("/%23%3F+*", "#?+*"),
        ("/%61", "a"),
        ("/a:b@c", "a:b@c"),
        ("/%E6%97%A5", "日"),
    ] {
        assert_eq!(segments(target), [expected], "{target}");
    }
}

/// Each rule of security.md, "Names and paths", 1 to 3.
#[test]
fn what_breaks_a_rule_is_refused_by_that_rule() {
    use PathError::*;
    for (target, error) in [
        ("", Origin),
        ("*", Origin),
        ("v1/sys", Origin),
        ("http://other.example/v1/sys", Origin),
        ("other.example:443", Origin),
        ("/a#b", Byte),
        ("/a\tb", Byte),
        ("/a b", Byte),
        ("/a\0", Byte),
        ("/a\u{7f}", Byte),
        ("/é", Byte),
        ("/a\\b", Byte),
        ("//", Empty),
        ("//a", Empty),
        ("/a//b", Empty),
        ("/a//", Empty),
        ("///", Empty),
        ("/.", Relative),
        ("/a/..", Relative),
        ("/a/../b", Relative),
        ("/%2e%2E/b", Relative),
        ("/a/%2e/", Relative),
        ("/a%2Fb", Hidden),
        ("/a%2fb", Hidden),
        ("/a%5Cb", Hidden),
        ("/a%00", Hidden),
        ("/a%0a", Hidden),
        ("/a%7F", Hidden),
        ("/a%C2%85", Hidden),
        ("/ro%E2%80%8Bot", Hidden),
        ("/a%E2%80%A8", Hidden),
        ("/a%E2%80%AEb", Hidden),
        ("/a%252Fb", Twice),
        ("/%2541", Twice),
        ("/a%", Escape),
        ("/a%2", Escape),
        ("/a%2/b", Escape),
        ("/a%zz", Escape),
        ("/a%+1", Escape),
        ("/%C3", Utf8),
        ("/%C0%AF", Utf8),
        ("/%ED%A0%80", Utf8),
        ("/e%CC%81", Form),
        ("/%E2%84%AB", Form),
    ] {
        assert_eq!(CanonicalPath::parse(target).map(|path| path.joined), Err(error), "{target}");
    }
}

#[test]
fn limits_hold_at_their_edges() {
    let segment = "a".repeat(SEGMENT_BYTES_MAX);
    assert_eq!(segments(&format!("/{segment}")), [segment.as_str()]);
    assert_eq!(CanonicalPath::parse(&format!("/{segment}a")), Err(PathError::SegmentLength));
    let encoded = "%61".repeat(SEGMENT_BYTES_MAX);
    assert_eq!(segments(&format!("/{encoded}")), [segment.as_str()]);
    assert_eq!(segments(&"/a".repeat(PATH_SEGMENTS_MAX)).len(), PATH_SEGMENTS_MAX);
    assert_eq!(CanonicalPath::parse(&"/a".repeat(PATH_SEGMENTS_MAX + 1)), Err(PathError::Segments));
    let long = format!("/{}", format!("{}/", "a".repeat(511)).repeat(8));
    assert_eq!(CanonicalPath::parse(&long), Err(PathError::Length));
    assert!(CanonicalPath::parse(&long[..PATH_BYTES_MAX]).is_ok());
}

#[test]
fn idents_are_lowered_and_names_are_kept() {
    assert_eq!(ident("App-1_x@Example.org"), Ok("app-1_x@example.org".to_owned()));
    assert_eq!(name("App-1"), Ok("App-1"));
    assert_eq!(name(&"a".repeat(NAME_BYTES_MAX)).map(str::len), Ok(NAME_BYTES_MAX));
    for text in ["", &"a".repeat(NAME_BYTES_MAX + 1)] {
        assert_eq!(name(text), Err(PathError::NameLength));
    }
    for text in ["-a", ".a", "_a", "@a", "a b", "a/b", "é", "a\n", "*", "a+"] {
        assert_eq!(ident(text), Err(PathError::NameLetter), "{text}");
    }
}

#[test]
fn nothing_that_looks_like_root_names_a_policy() {
    for text in
        ["root", "Root", "ROOT", " root", "root ", "root\t", "root\n", "ro\u{200b}ot", "rооt", "ｒoot", "root\0"]
    {
        assert!(policy_name(text).is_err(), "{text:?}");
    }
    assert_eq!(policy_name("rooted"), Ok("rooted".to_owned()));
    assert_eq!(policy_name_or_root("root"), Ok("root".to_owned()));
    assert!(policy_name_or_root("Root").is_err() && policy_name_or_root("root ").is_err());
}

fn encode(segment: &str) -> String {
    segment.bytes().fold(String::new(), |out, b| {
        if b.is_ascii_alphanumeric() {
            out + char::from(b).encode_utf8(&mut [0; 4])
        } else {
            out + &format!("%{b:02X}")
        }
    })
}

proptest! {
    #![proptest_config(fuzz::config())]

    #[test]
    fn no_target_makes_the_reader_panic(target in ".{0,80}", tail in "(/|%[0-9a-f]{0,2}|[a-z.]){0,20}") {
        let _ = CanonicalPath::parse(&target);
        let _ = CanonicalPath::parse(&format!("/{tail}"));
        let _ = (ident(&target), policy_name_or_root(&target));
    }

    /// What is accepted reads back from its own segments, so two targets with the same segments are one path.
    #[test]
    fn an_accepted_path_is_its_segments_and_nothing_else(target in "(/|%(25|2[ef]|c3%a9|41|f)|[a-c.]|%){0,24}") {
        if let Ok(path) = CanonicalPath::parse(&format!("/{target}")) {
            let listed: Vec<&str> = segments_of(&path).collect();
            prop_assert_eq!(listed.join("/"), path.joined());
            prop_assert!(listed.iter().all(|s| !s.is_empty() && !s.contains('/') && *s != "." && *s != ".."));
            for from in 0..=listed.len() {
                prop_assert_eq!(listed[from..].join("/"), path.tail(from));
            }
            let mut again = listed.iter().fold(String::new(), |out, s| out + "/" + &encode(s));
            if path.is_slashed() { again.push('/'); }
            prop_assert_eq!(CanonicalPath::parse(&again), Ok(path));
        }
    }

    #[test]
    fn different_segments_make_different_paths(
        a in proptest::collection::vec("[a-c. %~é]{1,4}", 1..4),
        b in proptest::collection::vec("[a-c. %~é]{1,4}", 1..4),
    ) {
        let read = |list: &[String]| CanonicalPath::parse(&list.iter().fold(String::new(), |out, s| out + "/" + &encode(s)));
        if let (Ok(left), Ok(right)) = (read(&a), read(&b)) {
            prop_assert_eq!(segments_of(&left).collect::<Vec<_>>(), a.iter().map(String::as_str).collect::<Vec<_>>());
            prop_assert_eq!(a == b, left == right);
            prop_assert_eq!(a == b, left.joined() == right.joined());
        }
    }
}
