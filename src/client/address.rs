//! Where a server is: scheme, host, port and an optional path before `/v1`. Its text form is the key under which the
//! command line keeps tokens and pins, so two spellings of one origin must come out the same.

use std::fmt;

/// An origin and the prefix its API stands under.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Address {
    scheme: Scheme,
    /// Lower case; an IPv6 literal without brackets.
    host: String,
    port: u16,
    /// Empty, or begins with a slash and ends without one.
    base: String,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Scheme {
    Http,
    Https,
}

#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum AddressError {
    #[error("an address begins with https:// or http://")]
    Scheme,
    #[error("an address names a host: https://HOST:PORT")]
    Host,
    #[error("the port is a number from 1 to 65535")]
    Port,
    #[error("an address holds no user, query or fragment")]
    Extra,
}

impl Address {
    /// Reads `https://host[:port][/prefix]`. A missing port is the scheme's own (443, 80), as for every URL.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
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
        if host.is_empty() {
            return Err(AddressError::Host);
        }
        let port = match port {
            Some(port) => port.parse().ok().filter(|port| *port != 0).ok_or(AddressError::Port)?,
            None => scheme.port(),
        };
        let base = base.trim_end_matches('/').to_owned();
        Ok(Self { scheme, host: host.to_ascii_lowercase(), port, base })
    }

    pub const fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The host as a resolver wants it: an IPv6 literal without brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    pub const fn port(&self) -> u16 {
        self.port
    }

    pub fn base(&self) -> &str {
        &self.base
    }

    /// `host:port` as the `Host` header has it.
    pub fn authority(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }

    /// The same server under the other scheme: what a caller who mixed them up meant.
    pub fn swapped(&self) -> Self {
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

    pub const fn as_str(self) -> &'static str {
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
    fn spellings_of_one_origin_come_out_the_same() {
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
    fn what_is_no_address_is_refused() {
        for (text, error) in [
            ("127.0.0.1:8200", AddressError::Scheme),
            ("unix:///run/x", AddressError::Scheme),
            ("https://", AddressError::Host),
            ("https://:8200", AddressError::Host),
            ("https://::1:8200", AddressError::Host),
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
