//! Shamir's sharing of a 32-byte key in GF(2^8) with the polynomial 0x11b. A share is 32 bytes y and one byte x, as in
//! Vault and OpenBao. Multiplication uses no tables and no branches on its operands (a table was CVE-2023-25000). A
//! share carries no check: the caller must verify the key that comes out.
//!
//! The arithmetic is our own, because vsss-rs puts x first, numbers shares from one and hands them out in plain
//! vectors; wrapping it would be longer than this file.

use zeroize::Zeroizing;

use super::error::CryptoError;
use crate::base::{random::Random, secret::Secret};

/// Bytes of a share: one byte y for each byte of the secret, and the byte x.
pub(crate) const SHARE_BYTES: usize = 33;

/// Cuts `secret` into `shares` shares. Any `threshold` of them give it back, and fewer tell nothing about it. A
/// threshold of one is only for a single share, which is the secret followed by an x. Each x is random, unique and not
/// zero. Other numbers are refused.
pub(crate) fn split(
    secret: &Secret<[u8; 32]>,
    shares: u8,
    threshold: u8,
    random: &Random,
) -> Result<Vec<Secret<[u8; SHARE_BYTES]>>, CryptoError> {
    if threshold == 0 || threshold > shares || (threshold == 1 && shares > 1) {
        return Err(CryptoError::Shape);
    }
    // Every coefficient is uniform, zero included. Without zero, the shares would reveal something about the secret
    // (RUSTSEC-2024-0398).
    let mut coefficients = Zeroizing::new(vec![[0_u8; 32]; usize::from(threshold) - 1]);
    coefficients.iter_mut().for_each(|row| random.fill(row));
    let share = |x: u8| {
        let mut share = Secret::new([0; SHARE_BYTES]);
        if let Some((last, y)) = share.expose_mut().split_last_mut() {
            *last = x;
            // Horner's scheme, from the highest power down to the secret, which is the value at zero.
            for row in coefficients.iter().rev().chain([secret.expose()]) {
                y.iter_mut().zip(row).for_each(|(y, coefficient)| *y = multiply(*y, x) ^ coefficient);
            }
        }
        share
    };
    Ok(places(shares, random).into_iter().map(share).collect())
}

/// Restores the secret from at least as many shares as the threshold. Fewer shares, or shares of different sets, give a
/// wrong secret without an error. A repeated x, or an x of zero, is refused.
pub(crate) fn combine(shares: &[&[u8; SHARE_BYTES]]) -> Result<Secret<[u8; 32]>, CryptoError> {
    let points: Vec<(u8, &[u8])> = shares.iter().filter_map(|share| share.split_last().map(|(x, y)| (*x, y))).collect();
    let mut seen = [false; 256];
    for (x, _) in &points {
        let fresh = seen.get_mut(usize::from(*x)).is_some_and(|seen| !std::mem::replace(seen, true));
        if *x == 0 || !fresh {
            return Err(CryptoError::Shape);
        }
    }
    if points.is_empty() {
        return Err(CryptoError::Shape);
    }
    let mut secret = Secret::new([0; 32]);
    for (x, y) in &points {
        let weight = weight(*x, points.iter().map(|(other, _)| *other));
        secret.expose_mut().iter_mut().zip(*y).for_each(|(sum, y)| *sum ^= multiply(*y, weight));
    }
    Ok(secret)
}

/// Lagrange's basis polynomial of `x` among `all`, at zero: the product of other / (other - x). In this field, minus is
/// the same as plus.
fn weight(x: u8, all: impl Iterator<Item = u8>) -> u8 {
    let (above, below) = all
        .filter(|other| *other != x)
        .fold((1, 1), |(above, below), other| (multiply(above, other), multiply(below, other ^ x)));
    multiply(above, invert(below))
}

/// `count` different x, drawn uniformly from 1 to 255: the start of a Fisher-Yates shuffle.
fn places(count: u8, random: &Random) -> Vec<u8> {
    let mut places: Vec<u8> = (1..=255).collect();
    for at in 0..count {
        let pick = at + below(255 - at, random);
        places.swap(usize::from(at), usize::from(pick));
    }
    places.truncate(usize::from(count));
    places
}

/// A uniform number below `bound`. Bytes above the greatest multiple of `bound` are drawn again, to avoid bias.
fn below(bound: u8, random: &Random) -> u8 {
    let fair = 255 - 255 % bound;
    loop {
        let [byte] = random.bytes();
        if byte < fair {
            return byte % bound;
        }
    }
}

/// The product in GF(2^8) modulo x^8 + x^4 + x^3 + x + 1. Takes the same steps whatever the operands are.
const fn multiply(mut a: u8, b: u8) -> u8 {
    let (mut product, mut bit) = (0, 0);
    while bit < 8 {
        product ^= a & ((b >> bit) & 1).wrapping_neg();
        a = (a << 1) ^ (0x1b & (a >> 7).wrapping_neg());
        bit += 1;
    }
    product
}

/// 1 / `a`, as a^254 (Fermat; the group has 255 elements). Zero gives zero.
const fn invert(a: u8) -> u8 {
    // 254 = 2 + 4 + 8 + 16 + 32 + 64 + 128.
    let (mut power, mut inverse, mut step) = (a, 1, 0);
    while step < 7 {
        power = multiply(power, power);
        inverse = multiply(inverse, power);
        step += 1;
    }
    inverse
}

#[cfg(test)]
mod tests;
