//! How long a token may live. Whatever is asked for, it ends no later than its creation plus the maximum. For a
//! periodic token only an explicit maximum counts. All arithmetic saturates.

use crate::base::{time::Time, ttl::Ttl};

/// The limits of a lease.
#[derive(Clone, Copy, Debug, Default)]
pub struct LeaseTerms {
    /// The lease that the mount or the system grants if none is asked for.
    pub default_ttl: Ttl,
    /// The maximum of the mount or of the system, counted from the token's creation.
    pub max_ttl: Ttl,
    /// The maximum of the role. Zero: none.
    pub role_max_ttl: Ttl,
    /// A maximum that also holds for periodic tokens. Zero: none.
    pub explicit_max_ttl: Ttl,
    /// The period of a periodic token. Zero: the token is not periodic.
    pub period: Ttl,
    /// The lease that the caller asks for. Zero: the caller asks for none.
    pub asked: Ttl,
}

/// The granted lease, counted from now, and the warnings for the caller.
#[derive(Debug, PartialEq, Eq)]
pub struct Lease {
    pub ttl: Ttl,
    pub warnings: Vec<String>,
}

/// The lease, from `now` on, of a token that was issued at `issued`. Zero if the token's time is over.
pub fn lease(terms: &LeaseTerms, issued: Time, now: Time) -> Lease {
    let mut warnings = Vec::new();
    let cap = if terms.role_max_ttl.is_zero() { terms.max_ttl } else { terms.role_max_ttl.min(terms.max_ttl) };
    let wanted = if terms.period.is_zero() { terms.asked.or(terms.default_ttl) } else { terms.period };
    let mut ttl = wanted;
    if terms.period.is_zero() {
        ttl = ttl.min(left(issued, cap, now));
    } else {
        ttl = ttl.min(terms.max_ttl);
    }
    if !terms.explicit_max_ttl.is_zero() {
        ttl = ttl.min(left(issued, terms.explicit_max_ttl, now));
    }
    if ttl < wanted {
        warnings.push(format!(
            "TTL of {} exceeded the effective max_ttl of {}; TTL value is capped accordingly",
            quoted(wanted),
            quoted(ttl)
        ));
    }
    Lease { ttl, warnings }
}

fn left(issued: Time, max: Ttl, now: Time) -> Ttl {
    let end = issued.plus(max).unix_secs().saturating_sub(now.unix_secs());
    Ttl::from_secs(u64::try_from(end).unwrap_or_default())
}

/// A duration as Vault writes it: without the units that are zero.
fn quoted(ttl: Ttl) -> String {
    let text = ttl.go_format();
    let text = text.strip_suffix("m0s").map_or(text.clone(), |text| format!("{text}m"));
    let text = text.strip_suffix("h0m").map_or(text.clone(), |text| format!("{text}h"));
    format!("\"{text}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        /// TOK-05: whatever is asked and whenever, a token ends no later than its issue plus its maximum.
        #[test]
        fn no_lease_outlives_its_maximum(
            asked in 0..u64::MAX, max in 1..10_000_000_u64, role_max in 0..10_000_000_u64, explicit in 0..10_000_000_u64,
            period in 0..10_000_000_u64, issued in 0..4_000_000_000_i64, later in 0..20_000_000_i64,
        ) {
            let terms = LeaseTerms {
                default_ttl: Ttl::from_secs(2_764_800), max_ttl: Ttl::from_secs(max), role_max_ttl: Ttl::from_secs(role_max),
                explicit_max_ttl: Ttl::from_secs(explicit), period: Ttl::from_secs(period), asked: Ttl::from_secs(asked),
            };
            let (issued, now) = (Time::from_unix_secs(issued), Time::from_unix_secs(issued + later));
            let end = now.plus(lease(&terms, issued, now).ttl);
            if period == 0 {
                proptest::prop_assert!(end <= issued.plus(Ttl::from_secs(max)).max(now));
                if role_max > 0 {
                    proptest::prop_assert!(end <= issued.plus(Ttl::from_secs(role_max)).max(now));
                }
            } else {
                proptest::prop_assert!(end <= now.plus(Ttl::from_secs(period.min(max))));
            }
            if explicit > 0 {
                proptest::prop_assert!(end <= issued.plus(Ttl::from_secs(explicit)).max(now));
            }
        }
    }

    /// TOK-05, after CVE-2021-32923: a renewal within the last second must not lift the bound.
    #[test]
    fn a_renewal_at_the_bound_gives_nothing() {
        let terms =
            LeaseTerms { default_ttl: Ttl::from_secs(60), max_ttl: Ttl::from_secs(100), ..LeaseTerms::default() };
        let issued = Time::from_unix_secs(1_000);
        for (at, left) in [(0, 60), (50, 50), (99, 1), (100, 0), (101, 0), (10_000, 0)] {
            let now = Time::from_unix_secs(1_000 + at);
            assert_eq!(lease(&terms, issued, now).ttl, Ttl::from_secs(left), "at {at}");
        }
    }
}
