//! Listings and their pages, against the plain names in a sorted set.

use std::{collections::BTreeSet, sync::Arc};

use super::{BarrierError, Keyring, Keys, Name, Page, Table, Unit};
use crate::{
    base::{
        random::Random,
        time::{Clock, Time},
    },
    store::Store,
};

const MOUNT: [u8; 16] = [3; 16];
const TABLE: Table<u8> = Table::sealed(1);

/// A fresh unit over a store that holds a record under each of the paths.
fn unit_over(paths: impl IntoIterator<Item = String>) -> Unit {
    let random = Random::seeded(1);
    let keys = Arc::new(Keys::new([1; 16], &Keyring::generate(&random, Time::EPOCH), random));
    let store = Store::memory(Clock::manual(Time::EPOCH));
    let unit = Unit::new(Arc::clone(&keys), store.clone(), [0; 16]);
    for path in paths {
        unit.put(&MOUNT, &TABLE, &path, &0).unwrap();
    }
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(unit.commit(Vec::new())).unwrap();
    Unit::new(keys, store, [1; 16])
}

/// Names, folders that hold more records than one slice, and names that are both.
fn paths() -> Vec<String> {
    let flat = (0..600).map(|number| format!("n{}", number * 7_919 % 10_007));
    let deep = (0..700).map(|number| format!("deep/{}/{number}", number % 3));
    let both = ["n1/a", "n1-b", "n1", "é/x"].map(str::to_owned);
    flat.chain(deep).chain(both).collect()
}

fn listed(names: Vec<Name>) -> Vec<String> {
    names.into_iter().map(Name::listed).collect()
}

#[test]
fn a_folder_lists_each_name_once_in_the_order_of_names() {
    let unit = unit_over(paths());
    let expected: BTreeSet<String> =
        paths().iter().map(|path| path.split_once('/').map_or(path.clone(), |(head, _)| format!("{head}/"))).collect();
    assert_eq!(
        listed(unit.names(&MOUNT, &TABLE, &[], Page::default()).unwrap()),
        expected.into_iter().collect::<Vec<_>>()
    );
    assert_eq!(listed(unit.names(&MOUNT, &TABLE, &["deep"], Page::default()).unwrap()), ["0/", "1/", "2/"]);
    assert_eq!(unit.names(&MOUNT, &TABLE, &["deep", "0"], Page::default()).unwrap().len(), 234);
    assert!(unit.names(&MOUNT, &TABLE, &["none"], Page::default()).unwrap().is_empty());
}

#[test]
fn a_page_is_that_part_of_the_whole_listing() {
    let unit = unit_over(paths());
    let all = listed(unit.names(&MOUNT, &TABLE, &[], Page::default()).unwrap());
    for after in [None, Some(""), Some("deep/"), Some("n1"), Some("n1-b"), Some("n5"), Some("z"), Some("ü")] {
        for limit in [0, 1, 2, 100, 599, 10_000] {
            let page =
                listed(unit.names(&MOUNT, &TABLE, &[], Page { after, limit: Some(limit), awaited: None }).unwrap());
            let rest = all.iter().filter(|name| after.is_none_or(|after| name.as_str() > after));
            assert_eq!(page, rest.take(limit).cloned().collect::<Vec<_>>(), "{after:?} {limit}");
        }
    }
}

#[test]
fn a_listing_of_a_sealed_store_says_that_it_is_sealed() {
    let unit = unit_over(paths());
    unit.keys().wipe();
    assert!(matches!(unit.names(&MOUNT, &TABLE, &[], Page::default()), Err(BarrierError::Sealed)));
}
