//! The second opinion is the schoolbook: logarithm tables over the generator 3 and Lagrange's formula, byte by byte.

use proptest::prelude::*;

use super::*;
use crate::base::fuzz;

/// Logarithms and powers of 3, which generates the field's group (FIPS 197 §4.2).
struct Tables {
    log: [u8; 256],
    power: [u8; 255],
}

fn tables() -> Tables {
    let mut tables = Tables { log: [0; 256], power: [0; 255] };
    let mut value = 1_u16;
    for exponent in 0..255_u8 {
        tables.power[usize::from(exponent)] = value as u8;
        tables.log[usize::from(value)] = exponent;
        value ^= value << 1;
        if value > 255 {
            value ^= 0x11b;
        }
    }
    tables
}

impl Tables {
    fn multiply(&self, a: u8, b: u8) -> u8 {
        if a == 0 || b == 0 {
            return 0;
        }
        let exponent = usize::from(self.log[usize::from(a)]) + usize::from(self.log[usize::from(b)]);
        self.power[exponent % 255]
    }

    fn divide(&self, a: u8, b: u8) -> u8 {
        if a == 0 {
            return 0;
        }
        let exponent = 255 + usize::from(self.log[usize::from(a)]) - usize::from(self.log[usize::from(b)]);
        self.power[exponent % 255]
    }

    /// The value at zero of the polynomial through `shares`, by the textbook.
    fn interpolate(&self, shares: &[&[u8; 33]]) -> [u8; 32] {
        std::array::from_fn(|at| {
            shares.iter().enumerate().fold(0, |sum, (i, share)| {
                let term = shares.iter().enumerate().filter(|(j, _)| *j != i).fold(share[at], |term, (_, other)| {
                    self.divide(self.multiply(term, other[32]), other[32] ^ share[32])
                });
                sum ^ term
            })
        })
    }
}

fn secret(seed: u64) -> Secret<[u8; 32]> {
    Random::seeded(seed).secret()
}

#[test]
fn the_field_is_that_of_the_tables() {
    let tables = tables();
    for (a, b) in (0..=255).flat_map(|a| (0..=255).map(move |b| (a, b))) {
        assert_eq!(multiply(a, b), tables.multiply(a, b), "{a} {b}");
    }
    assert_eq!(invert(0), 0);
    for a in 1..=255 {
        assert_eq!(invert(a), tables.divide(1, a), "{a}");
    }
    // FIPS 197 §4.2: {57} • {83} = {c1}, {57} • {13} = {fe}.
    assert_eq!((multiply(0x57, 0x83), multiply(0x57, 0x13)), (0xc1, 0xfe));
}

#[test]
fn any_threshold_of_shares_gives_the_secret_back() {
    let (random, tables) = (Random::seeded(1), tables());
    for shares in 1..=6_u8 {
        for threshold in (1..=shares).filter(|t| *t > 1 || shares == 1) {
            let secret = secret(u64::from(shares) << 8 | u64::from(threshold));
            let split = split(&secret, shares, threshold, &random).unwrap();
            for subset in 1_u32..1 << shares {
                let chosen: Vec<&[u8; 33]> =
                    split.iter().enumerate().filter(|(i, _)| subset >> i & 1 == 1).map(|(_, s)| s.expose()).collect();
                let combined = combine(&chosen).unwrap();
                assert_eq!(*combined.expose(), tables.interpolate(&chosen));
                assert_eq!(combined.same(secret.expose()), chosen.len() >= usize::from(threshold));
            }
        }
    }
}

#[test]
fn the_largest_sets_hold() {
    let secret = secret(9);
    let all = split(&secret, 255, 255, &Random::seeded(2)).unwrap();
    let mut xs: Vec<u8> = all.iter().map(|share| share.expose()[32]).collect();
    xs.sort_unstable();
    assert_eq!(xs, (1..=255).collect::<Vec<u8>>());
    let shares: Vec<&[u8; 33]> = all.iter().map(Secret::expose).collect();
    assert!(combine(&shares).unwrap().same(secret.expose()));
    assert!(!combine(&shares[1..]).unwrap().same(secret.expose()));
}

#[test]
fn a_single_share_is_the_secret_with_an_x() {
    let secret = secret(3);
    let shares = split(&secret, 1, 1, &Random::seeded(4)).unwrap();
    assert_eq!(shares.len(), 1);
    assert_eq!(shares[0].expose()[..32], secret.expose()[..]);
    assert_ne!(shares[0].expose()[32], 0);
}

/// Points of the polynomials s + 7x + 9x² and s + 0x + 1x², s = 0, 1, 2 …, computed by the tables above.
#[test]
fn fixed_shares_combine_as_the_schoolbook_says() {
    let tables = tables();
    let share = |x: u8, one: u8, two: u8| -> [u8; 33] {
        std::array::from_fn(|at| {
            if at == 32 { x } else { at as u8 ^ tables.multiply(one, x) ^ tables.multiply(two, tables.multiply(x, x)) }
        })
    };
    let expected: [u8; 32] = std::array::from_fn(|at| at as u8);
    for (one, two) in [(7, 9), (0, 1), (0, 0), (255, 255)] {
        let shares = [share(3, one, two), share(200, one, two), share(255, one, two)];
        assert_eq!(*combine(&shares.each_ref()).unwrap().expose(), expected);
    }
    // By hand: s = 0x41, one coefficient 0x02: y(1) = 0x43, y(2) = 0x45, y(0x80) = 0x41 ^ 0x1b = 0x5a.
    let hand = |x: u8, y: u8| -> [u8; 33] { std::array::from_fn(|at| if at == 32 { x } else { y }) };
    let shares = [hand(1, 0x43), hand(2, 0x45), hand(0x80, 0x5a)];
    for pair in [[0, 1], [0, 2], [1, 2], [2, 0]] {
        assert_eq!(*combine(&pair.map(|i| &shares[i])).unwrap().expose(), [0x41; 32]);
    }
}

#[test]
fn impossible_sets_are_refused() {
    let random = Random::seeded(5);
    for (shares, threshold) in [(0, 0), (1, 0), (0, 1), (2, 1), (255, 1), (2, 3), (254, 255)] {
        assert_eq!(
            split(&secret(1), shares, threshold, &random).err(),
            Some(CryptoError::Shape),
            "{shares}/{threshold}"
        );
    }
}

#[test]
fn a_doubled_or_a_zero_x_is_refused() {
    let shares = split(&secret(1), 3, 2, &Random::seeded(6)).unwrap();
    let [one, two] = [*shares[0].expose(), *shares[1].expose()];
    let mut zero = two;
    zero[32] = 0;
    let mut forged = two;
    forged[32] = one[32];
    for set in [&[&one, &one][..], &[&one, &two, &one], &[&one, &forged], &[&one, &zero], &[&zero], &[]] {
        assert_eq!(combine(set).err(), Some(CryptoError::Shape));
    }
}

/// How far counts are from equal ones.
fn chi_square(counts: &[u32]) -> f64 {
    let expected = f64::from(counts.iter().sum::<u32>()) / counts.len() as f64;
    counts.iter().map(|count| (f64::from(*count) - expected).powi(2) / expected).sum()
}

/// 200 does not divide 256: without drawing again the first 56 numbers would come up twice as often. 270 is exceeded by
/// chance once in 1,000 seeds; the seed is fixed.
#[test]
fn every_place_is_equally_likely() {
    let (random, mut counts) = (Random::seeded(8), [0; 200]);
    (0..100_000).for_each(|_| counts[usize::from(below(200, &random))] += 1);
    assert!(chi_square(&counts) < 270.0, "{}", chi_square(&counts));
}

/// Below the threshold every value of a share is equally likely, the secret's own included: chi-square of one byte of a
/// share over its 256 values, and of x over its 255. 340 and 339 are exceeded by chance once in 3,000 seeds; the seed
/// is fixed.
#[test]
fn fewer_shares_than_the_threshold_say_nothing() {
    let (random, secret) = (Random::seeded(7), Secret::new([0x5a; 32]));
    let (mut single, mut pair, mut x) = ([0_u32; 256], [0_u32; 256], [0_u32; 256]);
    let rounds = 50_000;
    for _ in 0..rounds {
        let shares = split(&secret, 2, 2, &random).unwrap();
        single[usize::from(shares[0].expose()[0])] += 1;
        x[usize::from(shares[0].expose()[32])] += 1;
        // Two of three: what they would combine to must not lean towards the secret.
        let shares = split(&secret, 3, 3, &random).unwrap();
        pair[usize::from(combine(&[shares[0].expose(), shares[2].expose()]).unwrap().expose()[0])] += 1;
    }
    assert!(chi_square(&single) < 340.0, "{}", chi_square(&single));
    assert!(chi_square(&pair) < 340.0, "{}", chi_square(&pair));
    assert!(x[0] == 0 && chi_square(&x[1..]) < 339.0, "{}", chi_square(&x[1..]));
}

proptest! {
    #![proptest_config(fuzz::config())]

    #[test]
    fn any_order_of_any_shares_recovers(bytes: [u8; 32], seed: u64, shares in 2..40_u8, at: prop::sample::Index) {
        let threshold = 2 + at.index(usize::from(shares) - 1) as u8;
        let secret = Secret::new(bytes);
        let mut all = split(&secret, shares, threshold, &Random::seeded(seed)).unwrap();
        all.rotate_left(at.index(usize::from(shares)));
        let chosen: Vec<&[u8; 33]> = all.iter().rev().take(usize::from(threshold)).map(Secret::expose).collect();
        prop_assert!(combine(&chosen).unwrap().same(&bytes));
    }

    #[test]
    fn combining_agrees_with_the_schoolbook_on_anything(
        ys in prop::collection::vec(any::<[u8; 32]>(), 1..12), seed: u64,
    ) {
        let xs = places(ys.len() as u8, &Random::seeded(seed));
        let shares: Vec<[u8; 33]> = ys.iter().zip(xs).map(|(y, x)| {
            let mut share = [x; 33];
            share[..32].copy_from_slice(y);
            share
        }).collect();
        let shares: Vec<&[u8; 33]> = shares.iter().collect();
        prop_assert_eq!(*combine(&shares).unwrap().expose(), tables().interpolate(&shares));
    }
}
