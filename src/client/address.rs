//! The address of a server: scheme, host, port and an optional path before `/v1`. The command line keeps tokens and
//! pins under the text form of the address, so two spellings of one origin must give the same text. The parser is our
//! own because it is stricter than `url`, which accepts `https:\\h`, `https:///h` and hosts such as `0x7f.1`.

use std::fmt;

use crate::base::host::is_half_an_ip;

/// The address of a server: its origin, and the path prefix of its API.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Address {
    scheme: Scheme,
    /// The host in lower case. An IPv6 address has no brackets here.
    host: String,
    port: u16,
    /// The path prefix. Empty, or it begins with a slash and does not end with one.
    base: String,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Scheme {
    Http,
    Https,
}

#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub(crate) enum AddressError {
    #[error("an address must begin with https:// or http://")]
    Scheme,
    #[error("an address must name a host: https://HOST:PORT")]
    Host,
    #[error("the port must be a number from 1 to 65535")]
    Port,
    #[error("an address must not hold a user name, a query, a fragment or blanks")]
    Extra,
}

impl Address {
    /// Parses `https://host[:port][/prefix]`. If there is no port, it is that of
    /// the scheme (443 or 80), as in every URL.
    pub(crate) fn parse(text: &str) -> Result<Self, AddressError> {
        let (scheme, rest) = text.trim().split_once("://").ok_or(AddressError::Scheme)?;
        let scheme = match scheme.to_ascii_lowercase().as_str() {
            "https" => Scheme::Https,
            "http" => Scheme::Http,
            _ => return Err(AddressError::Scheme),
        };
        if rest.contains(['?', '#', '@', '\\']) || rest.chars().any(|c| c.is_whitespace() || c.is_control()) {
            return Err(AddressError::Extra);
        }
        let (authority, base) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let (host, port) = split_port(authority)?;
        if host.is_empty() || is_half_an_ip(host) {
            return Err(AddressError::Host);
        }
        let port = match port {
            Some(port) => port.parse().ok().filter(|port| *port != 0).ok_or(AddressError::Port)?,
            None => scheme.port(),
        };
        let base = base.trim_end_matches('/').to_owned();
        Ok(Self { scheme, host: host.to_ascii_lowercase(), port, base })
    }

    pub(crate) const fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The host in the form that a resolver takes: an IPv6 address has no brackets.
    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    /// The text `host:port`, as in the `Host` header.
    pub(crate) fn authority(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }

    /// The same server with the other scheme, for a caller who mixed them up.
    pub(crate) fn with_other_scheme(&self) -> Self {
        let scheme = match self.scheme {
            Scheme::Http => Scheme::Https,
            Scheme::Https => Scheme::Http,
        };
        Self { scheme, ..self.clone() }
    }
}

fn split_port(authority: &str) -> Result<(&str, Option<&str>), AddressError> {
    if let Some(rest) = authority.strip_prefix('[') {
        let (host, after) = rest.split_once(']').ok_or(AddressError::Host)?;
        if host.parse::<std::net::Ipv6Addr>().is_err() {
            return Err(AddressError::Host);
        }
        return match after {
            "" => Ok((host, None)),
            _ => after.strip_prefix(':').map(|port| (host, Some(port))).ok_or(AddressError::Host),
        };
    }
    match authority.split_once(':') {
        Some((_, port)) if port.contains(':') => Err(AddressError::Host),
        Some((host, port)) => Ok((host, Some(port))),
        None => Ok((authority, None)),
    }
}

impl Scheme {
    const fn port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}{}", self.scheme.as_str(), self.authority(), self.base)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_origin_give_one_text() {
        for (text, canonical) in [
            ("https://127.0.0.1:8200", "https://127.0.0.1:8200"),
            ("HTTPS://Vault.Example.COM/", "https://vault.example.com:443"),
            ("http://[::1]:8200/", "http://[::1]:8200"),
            ("http://h", "http://h:80"),
            (" https://h:8200/team/a/ ", "https://h:8200/team/a"),
        ] {
            assert_eq!(Address::parse(text).unwrap().to_string(), canonical, "{text}");
        }
    }

    #[test]
    fn text_that_is_not_an_address_is_refused() {
        for (text, error) in [
            ("127.0.0.1:8200", AddressError::Scheme),
            ("unix:///run/x", AddressError::Scheme),
            ("https://", AddressError::Host),
            ("https://:8200", AddressError::Host),
            ("https://::1:8200", AddressError::Host),
            ("http://18725", AddressError::Host),
            ("http://18725:8200", AddressError::Host),
            ("http://127.1:8200", AddressError::Host),
            ("http://0x7f.0.0.0x1:8200", AddressError::Host),
            ("http://1.2.3.256:8200", AddressError::Host),
            ("https://h:0", AddressError::Port),
            ("https://h:99999", AddressError::Port),
            ("https://user@h", AddressError::Extra),
            ("https://h/?a", AddressError::Extra),
            ("https://h /x", AddressError::Extra),
        ] {
            assert_eq!(Address::parse(text), Err(error), "{text}");
        }
    }
}
