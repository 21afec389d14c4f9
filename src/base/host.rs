//! Names of hosts that resolvers read in their own way.

/// Whether a host looks like an IPv4 address and is none. A resolver reads `18725` as 0.0.73.37, so a port typed in the
/// place of a host would lead to another machine.
pub fn is_half_an_ip(host: &str) -> bool {
    // An IPv6 address may end in an IPv4 one.
    if host.contains(':') {
        return false;
    }
    let last = host.rsplit('.').next().unwrap_or_default();
    let is_number = last.starts_with(|c: char| c.is_ascii_digit())
        && (last.bytes().all(|byte| byte.is_ascii_digit()) || last.starts_with("0x") || last.starts_with("0X"));
    is_number && !is_dotted(host)
}

fn is_dotted(host: &str) -> bool {
    let is_byte = |part: &str| (part.len() == 1 || !part.starts_with('0')) && part.parse::<u8>().is_ok();
    host.split('.').count() == 4 && host.split('.').all(is_byte)
}
