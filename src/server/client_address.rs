//! The client's address, as limits count it.

use std::net::IpAddr;

/// A client's address. An IPv6 address counts by its /64 prefix, because one customer usually has a whole /64.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum ClientAddress {
    V4([u8; 4]),
    V6([u16; 4]),
}

impl From<IpAddr> for ClientAddress {
    fn from(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(v4) => Self::V4(v4.octets()),
            IpAddr::V6(v6) => {
                let [a, b, c, d, ..] = v6.segments();
                Self::V6([a, b, c, d])
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_network_of_ipv6_is_one_address_and_mapped_ipv4_is_ipv4() {
        let of = |text: &str| ClientAddress::from(text.parse::<IpAddr>().unwrap());
        assert!(of("2001:db8::1") == of("2001:db8::ffff:1") && of("2001:db8::1") != of("2001:db8:0:1::1"));
        assert!(of("::ffff:10.0.0.1") == of("10.0.0.1"));
    }
}
