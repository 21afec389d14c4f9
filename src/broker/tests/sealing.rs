//! Init, unseal and seal, by the wire.

use std::sync::Arc;

use serde_json::json;

use super::{Rig, request};
use crate::{
    base::ttl::Ttl,
    store::{Boot, Files, files::faulty::Loss},
};

/// INVARIANT 30, on one server.
#[tokio::test]
async fn a_store_opens_with_its_shares_and_no_others() {
    let mut rig = Rig::empty();
    assert_eq!(rig.send("", "GET", "sys/health", json!(null)).await.status, 501);
    let made = rig.send("", "PUT", "sys/init", json!({"secret_shares": 3, "secret_threshold": 2})).await;
    assert_eq!(made.status, 200, "{made:?}");
    assert_eq!(made.body["keys"][0].as_str().unwrap().len(), 66);
    assert_eq!(made.body["keys_base64"][0].as_str().unwrap().len(), 44);
    rig.root = made.body["root_token"].as_str().unwrap().into();
    assert_eq!(
        rig.send("", "PUT", "sys/init", json!({"secret_shares": 1, "secret_threshold": 1})).await.error(),
        "Vault is already initialized"
    );
    assert_eq!(rig.send("", "GET", "sys/health", json!(null)).await.status, 503);
    assert_eq!(rig.root("GET", "sys/mounts", json!(null)).await.error(), "Vault is sealed");

    // UNS-02: whatever is no share of this store is refused alone, and progress stays.
    let share = |n: usize| made.body["keys"][n].clone();
    assert_eq!(rig.send("", "PUT", "sys/unseal", json!({"key": share(0)})).await.body["progress"], 1);
    assert_eq!(rig.send("", "PUT", "sys/unseal", json!({"key": share(0)})).await.body["progress"], 1);
    for bad in ["", "zz", "00", &"00".repeat(32), &"00".repeat(33), &"ab".repeat(33), &"ab".repeat(34)] {
        assert_eq!(rig.send("", "PUT", "sys/unseal", json!({"key": bad})).await.status, 400, "{bad}");
        assert_eq!(rig.send("", "GET", "sys/seal-status", json!(null)).await.body["progress"], 1);
    }
    let opened = rig.send("", "PUT", "sys/unseal", json!({"key": made.body["keys_base64"][2]})).await;
    assert_eq!(opened.body["sealed"], false, "{opened:?}");
    assert_eq!(rig.root("GET", "sys/mounts", json!(null)).await.status, 200);
    assert_eq!(rig.send("", "GET", "sys/health", json!(null)).await.status, 200);
}

#[tokio::test]
async fn a_sealed_server_answers_nothing_and_opens_again() {
    let mut rig = Rig::empty();
    let made = rig.send("", "PUT", "sys/init", json!({"secret_shares": 1, "secret_threshold": 1})).await;
    rig.root = made.body["root_token"].as_str().unwrap().into();
    let key = made.body["keys"][0].clone();
    assert_eq!(key.as_str().unwrap().len(), 64);
    rig.send("", "PUT", "sys/unseal", json!({ "key": key })).await;
    assert_eq!(rig.send("", "PUT", "sys/seal", json!({})).await.status, 403);
    assert_eq!(rig.root("PUT", "sys/seal", json!({})).await.status, 204);
    assert_eq!(rig.root("GET", "auth/token/lookup-self", json!(null)).await.status, 503);
    rig.send("", "PUT", "sys/unseal", json!({ "key": key })).await;
    assert_eq!(rig.root("GET", "auth/token/lookup-self", json!(null)).await.status, 200);
}

#[tokio::test]
async fn a_wrong_plan_of_shares_makes_nothing() {
    let rig = Rig::empty();
    for (body, text) in [
        (json!({}), "invalid seal configuration: shares must be at least one"),
        (json!({"secret_shares": 1}), "invalid seal configuration: threshold must be at least one"),
        (
            json!({"secret_shares": 3, "secret_threshold": 1}),
            "invalid seal configuration: threshold must be greater than one for multiple shares",
        ),
        (
            json!({"secret_shares": 2, "secret_threshold": 3}),
            "invalid seal configuration: threshold cannot be larger than shares",
        ),
        (
            json!({"secret_shares": 1, "secret_threshold": 1, "pgp_keys": ["a"]}),
            "pgp_keys is not supported: leave it out",
        ),
    ] {
        assert_eq!(rig.send("", "PUT", "sys/init", body).await.error(), text);
    }
    assert_eq!(rig.send("", "GET", "sys/init", json!(null)).await.body["initialized"], false);
}

/// `seal "static"`: the configuration's key opens the store, another one does not, and no share is asked for.
#[tokio::test]
async fn a_store_sealed_by_the_configurations_key_opens_with_it_alone() {
    let rig = Rig::sealed_by([5; 32]);
    let made = rig.send("", "PUT", "sys/init", json!({})).await;
    assert_eq!((made.status, &made.body["keys"]), (200, &json!([])));
    let status = rig.send("", "GET", "sys/seal-status", json!(null)).await;
    assert_eq!((&status.body["type"], &status.body["sealed"]), (&json!("static"), &json!(false)));
    let root = made.body["root_token"].as_str().unwrap();
    assert_eq!(rig.send(root, "GET", "sys/mounts", json!(null)).await.status, 200);
    assert_eq!(rig.send("", "PUT", "sys/unseal", json!({"key": "00".repeat(33)})).await.status, 200);
    rig.send(root, "PUT", "sys/seal", json!({})).await;
    assert_eq!(rig.send("", "PUT", "sys/unseal", json!({"key": "00".repeat(33)})).await.status, 400);
    assert!(rig.broker.open_static().await.unwrap());
}

/// C4: after its init a store with `seal "static"` stayed sealed until a restart, and before it the status said shamir.
#[tokio::test]
async fn c4_a_store_with_a_static_seal_is_open_after_its_init() {
    for plan in [json!({}), json!({"recovery_shares": 0}), json!({"secret_shares": 3, "secret_threshold": 2})] {
        let rig = Rig::sealed_by([5; 32]);
        let before = rig.send("", "GET", "sys/seal-status", json!(null)).await.body;
        assert_eq!((&before["type"], &before["initialized"]), (&json!("static"), &json!(false)));
        let made = rig.send("", "PUT", "sys/init", plan.clone()).await;
        assert_eq!(made.status, 200, "{plan}: {made:?}");
        let after = rig.send("", "GET", "sys/seal-status", json!(null)).await.body;
        assert_eq!((&after["type"], &after["sealed"]), (&json!("static"), &json!(false)), "{plan}");
        let root = made.body["root_token"].as_str().unwrap();
        assert_eq!(rig.send(root, "GET", "auth/token/lookup-self", json!(null)).await.status, 200, "{plan}");
        assert_eq!(rig.send("", "PUT", "sys/init", plan).await.error(), "Vault is already initialized");
        rig.send(root, "PUT", "sys/seal", json!({})).await;
        assert!(rig.broker.open_static().await.unwrap());
    }
}

/// C4: with a static seal, the shares that an init was asked for open the store without the configuration's key.
#[tokio::test]
async fn c4_shares_open_a_store_with_a_static_seal_too() {
    let rig = Rig::sealed_by([5; 32]);
    let made = rig.send("", "PUT", "sys/init", json!({"secret_shares": 2, "secret_threshold": 2})).await.body;
    let root = made["root_token"].as_str().unwrap();
    rig.send(root, "PUT", "sys/seal", json!({})).await;
    for number in 0..2 {
        let given = rig.send("", "PUT", "sys/unseal", json!({"key": made["keys_base64"][number]})).await;
        assert_eq!(given.body["sealed"], number == 0, "{given:?}");
    }
}

/// C4: recovery shares are refused by name, with the reason, and nothing is made.
#[tokio::test]
async fn c4_recovery_shares_are_refused_with_the_reason() {
    for rig in [Rig::sealed_by([5; 32]), Rig::empty()] {
        for (field, value) in
            [("recovery_shares", json!(1)), ("recovery_shares", json!("5")), ("recovery_threshold", json!(3))]
        {
            let mut plan = json!({"secret_shares": 1, "secret_threshold": 1});
            plan[field] = value;
            let refused = rig.send("", "PUT", "sys/init", plan).await;
            let said = refused.error();
            assert!(refused.status == 400 && said.starts_with(field) && said.contains("would authorise"), "{said}");
        }
        assert_eq!(rig.send("", "GET", "sys/init", json!(null)).await.body["initialized"], false);
    }
}

/// A server on which one share of three is given, with the three shares.
async fn under_way() -> (Rig, Vec<serde_json::Value>) {
    let rig = Rig::empty();
    let made = rig.send("", "PUT", "sys/init", json!({"secret_shares": 3, "secret_threshold": 3})).await;
    let shares = made.body["keys"].as_array().unwrap().clone();
    assert_eq!(rig.send("", "PUT", "sys/unseal", json!({"key": shares[0]})).await.body["progress"], 1);
    (rig, shares)
}

/// S8: a stranger sent `{"reset": true}` twenty times a second, and an unseal with three shares never ended.
#[tokio::test]
async fn s8_a_stranger_cannot_forget_the_shares_of_others() {
    let (rig, shares) = under_way().await;
    for reset in [json!(true), json!("true"), json!(1)] {
        for key in [None, Some(json!("")), Some(json!("ab".repeat(33))), Some(json!("zz"))] {
            let mut body = json!({ "reset": reset });
            if let Some(key) = key {
                body["key"] = key;
            }
            let refused = rig.send("", "PUT", "sys/unseal", body).await;
            assert_eq!(refused.status, 400, "{refused:?}");
        }
    }
    let refused = rig.send("", "PUT", "sys/unseal", json!({"reset": true})).await;
    let words = "an unseal is under way: give one share of this store as `key` together with `reset`, or wait until \
                 no share has been given for 10 minutes";
    assert_eq!(refused.error(), words);
    assert_eq!(rig.send("", "GET", "sys/seal-status", json!(null)).await.body["progress"], 1);
    for share in &shares[1..] {
        rig.send("", "PUT", "sys/unseal", json!({ "key": share })).await;
        rig.send("", "PUT", "sys/unseal", json!({"reset": true})).await;
    }
    assert_eq!(rig.send("", "GET", "sys/seal-status", json!(null)).await.body["sealed"], false);
}

#[tokio::test]
async fn s8_a_share_or_ten_minutes_of_silence_reset_an_unseal() {
    let (rig, shares) = under_way().await;
    let reset = rig.send("", "PUT", "sys/unseal", json!({"reset": true, "key": shares[2]})).await;
    assert_eq!((reset.status, &reset.body["progress"]), (200, &json!(0)), "{reset:?}");

    rig.send("", "PUT", "sys/unseal", json!({"key": shares[0]})).await;
    rig.clock.advance(Ttl::from_secs(599));
    rig.send("", "PUT", "sys/unseal", json!({"key": shares[1]})).await;
    rig.clock.advance(Ttl::from_secs(599));
    assert_eq!(rig.send("", "PUT", "sys/unseal", json!({"reset": true})).await.status, 400, "the last share counts");
    rig.clock.advance(Ttl::from_secs(1));
    let reset = rig.send("", "PUT", "sys/unseal", json!({"reset": true})).await;
    assert_eq!((reset.status, &reset.body["progress"]), (200, &json!(0)), "{reset:?}");
    let reset = rig.send("", "PUT", "sys/unseal", json!({"reset": true})).await;
    assert_eq!(reset.status, 200, "there is nothing to forget: {reset:?}");
}

#[tokio::test]
async fn s8_a_reset_stands_in_the_audit_log_as_such() {
    let (rig, shares) = under_way().await;
    rig.send("", "PUT", "sys/unseal", json!({"reset": true})).await;
    rig.send("", "PUT", "sys/unseal", json!({"reset": "1", "key": shares[0]})).await;
    rig.send("", "PUT", "sys/unseal", json!({"reset": false, "key": shares[0]})).await;
    let lines: Vec<_> = rig.audit_lines().into_iter().filter(|line| line["request"]["path"] == "sys/unseal").collect();
    let of = |word: &str| lines.iter().filter(|line| line["request"]["operation"] == word).collect::<Vec<_>>();
    let resets = of("reset");
    let statuses: Vec<_> =
        resets.iter().filter(|line| line["type"] == "response").map(|line| &line["response"]).collect();
    assert_eq!((resets.len(), of("update").len()), (4, 4), "{lines:#?}");
    assert_eq!((&statuses[0]["status"], &statuses[1]["status"]), (&json!(400), &json!(200)), "{lines:#?}");
}

/// INVARIANT 29, for an init: the machine stops at each file call of it, and loses any part of what is not synced. What
/// was answered opens with the shares that were shown; what was not is no init, and can be made anew.
#[tokio::test]
async fn an_init_that_was_not_answered_is_none() {
    let plan = json!({"secret_shares": 1, "secret_threshold": 1});
    let (mut answered, mut lost) = (0, 0);
    for at in 1..60 {
        for loss in [Loss::Nothing, Loss::Everything, Loss::Some(at)] {
            let directory = tempfile::tempdir().unwrap();
            let (files, faults) = Files::faulty();
            let boot = Boot::open(directory.path(), files).unwrap();
            faults.crash_at(faults.calls() + at);
            let made = Rig::over(boot).send("", "PUT", "sys/init", plan.clone()).await;
            faults.power_cut(loss);
            *(if made.status == 200 { &mut answered } else { &mut lost }) += 1;

            let rig = Rig::over(Boot::open(directory.path(), Files::real()).unwrap());
            let shown = if made.status == 200 { made } else { rig.send("", "PUT", "sys/init", plan.clone()).await };
            assert_eq!(shown.status, 200, "call {at}, {loss:?}: {shown:?}");
            let opened = rig.send("", "PUT", "sys/unseal", json!({"key": shown.body["keys_base64"][0]})).await;
            assert_eq!(opened.body["sealed"], false, "call {at}, {loss:?}: {opened:?}");
            let root = shown.body["root_token"].as_str().unwrap();
            assert_eq!(rig.send(root, "GET", "auth/token/lookup-self", json!(null)).await.status, 200);
            let again = rig.send("", "PUT", "sys/init", plan.clone()).await;
            assert_eq!(again.error(), "Vault is already initialized");
        }
    }
    assert!(answered > 20 && lost > 10, "{answered} answered, {lost} lost");
}

/// S9: of parallel inits two were answered with different shares, and only one set of them opened the store.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn s9_of_parallel_inits_one_succeeds() {
    for _ in 0..8 {
        let rig = Arc::new(Rig::empty());
        let mut inits = tokio::task::JoinSet::new();
        for _ in 0..8 {
            let rig = Arc::clone(&rig);
            let plan = json!({"secret_shares": 1, "secret_threshold": 1});
            inits.spawn(async move { rig.send("", "PUT", "sys/init", plan).await });
        }
        let (made, refused): (Vec<_>, Vec<_>) = inits.join_all().await.into_iter().partition(|made| made.status == 200);
        assert_eq!((made.len(), refused.len()), (1, 7), "{made:?}");
        assert!(refused.iter().all(|refused| refused.error() == "Vault is already initialized"), "{refused:?}");
        let opened = rig.send("", "PUT", "sys/unseal", json!({"key": made[0].body["keys"][0]})).await;
        assert_eq!(opened.body["sealed"], false, "{opened:?}");
    }
}

/// S9: a stranger's init could replace one that was answered, within a second and after each restart before the first
/// unseal.
#[tokio::test]
async fn s9_an_answered_init_outlives_a_restart() {
    let plan = json!({"secret_shares": 1, "secret_threshold": 1});
    let directory = tempfile::tempdir().unwrap();
    let boot = || Boot::open(directory.path(), Files::real()).unwrap();
    let made = Rig::over(boot()).send("", "PUT", "sys/init", plan.clone()).await;
    for _ in 0..2 {
        let rig = Rig::over(boot());
        assert_eq!(rig.send("", "GET", "sys/init", json!(null)).await.body["initialized"], true);
        assert_eq!(rig.send("", "GET", "sys/seal-status", json!(null)).await.body["initialized"], true);
        assert_eq!(rig.send("", "PUT", "sys/init", plan.clone()).await.error(), "Vault is already initialized");
    }
    let opened = Rig::over(boot()).send("", "PUT", "sys/unseal", json!({"key": made.body["keys"][0]})).await;
    assert_eq!(opened.body["sealed"], false, "{opened:?}");
}

/// The client hangs up before the answer leaves: nobody has the shares, so the init can be made again, now and after a
/// restart.
#[tokio::test]
async fn s9_an_init_whose_answer_was_lost_can_be_repeated() {
    let plan = json!({"secret_shares": 1, "secret_threshold": 1});
    let directory = tempfile::tempdir().unwrap();
    let boot = || Boot::open(directory.path(), Files::real()).unwrap();
    let lost = |rig: Rig| async move {
        drop(
            rig.broker.handle(request("", "PUT", "sys/init", json!({"secret_shares": 1, "secret_threshold": 1}))).await,
        );
        rig
    };
    let rig = lost(lost(Rig::over(boot())).await).await;
    assert_eq!(rig.send("", "GET", "sys/init", json!(null)).await.body["initialized"], false);
    drop(rig);
    let rig = Rig::over(boot());
    let made = rig.send("", "PUT", "sys/init", plan).await;
    let opened = rig.send("", "PUT", "sys/unseal", json!({"key": made.body["keys"][0]})).await;
    assert_eq!(opened.body["sealed"], false, "{opened:?}");
}
