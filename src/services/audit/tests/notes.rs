//! What stands in lines, and what does not.

use super::{bench::*, *};

#[test]
fn a_request_leaves_two_lines_with_vaults_names() {
    let bench = Bench::unsealed();
    bench.request("r-1").unwrap();
    let lines = bench.lines();
    let [.., ask, answer] = lines.as_slice() else { panic!("too few lines") };
    assert_eq!((ask["type"].as_str(), answer["type"].as_str()), (Some("request"), Some("response")));
    for line in [ask, answer] {
        assert_eq!(line["request"]["id"], "r-1");
        assert_eq!(line["request"]["path"], "secret/data/web/key");
        assert_eq!(line["auth"]["display_name"], "approle-web");
        assert_eq!(line["auth"]["policies"][1], "web");
        assert_eq!(line["decision"]["policy"], "web");
        assert_eq!(line["decision"]["line"], 3);
        assert_eq!(line["auth"]["client_token"], bench.audit.hash("file", TOKEN).unwrap());
        assert_eq!(line["request"]["client_token"], line["auth"]["client_token"]);
    }
    assert_eq!(answer["response"]["data"]["metadata"]["version"], 3);
    println!("{}", bench.text());
}
