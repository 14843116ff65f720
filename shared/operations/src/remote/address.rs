//! Which hosts are public.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use url::Host;

/// False for loopback, private, link-local (cloud metadata), shared and reserved addresses, and for names
/// that can only mean this machine or network. Names are not resolved here: the egress rules of the
/// sandbox are the second line.
pub fn is_public(host: &Host<&str>) -> bool {
    match host {
        Host::Ipv4(ip) => is_public_v4(*ip),
        Host::Ipv6(ip) => is_public_v6(*ip),
        Host::Domain(name) => is_public_name(name),
    }
}

fn is_public_name(name: &str) -> bool {
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    let local = [".localhost", ".local", ".internal", ".lan", ".home.arpa", ".intranet", ".corp"];
    name.contains('.') && !local.iter().any(|end| name.ends_with(end)) && name.parse::<IpAddr>().is_err()
}

fn is_public_v4(ip: Ipv4Addr) -> bool {
    let [a, b, ..] = ip.octets();
    let shared = a == 100 && (64..128).contains(&b);
    let benchmark = a == 198 && (b == 18 || b == 19);
    !(a == 0
        || a >= 224
        || shared
        || benchmark
        || ip.is_loopback()
        || ip.is_private()
        || ip.is_link_local()
        || ip.is_documentation()
        || ip.octets()[..3] == [192, 0, 0])
}

fn is_public_v6(ip: Ipv6Addr) -> bool {
    if let Some(v4) = ip.to_ipv4() {
        return is_public_v4(v4);
    }
    let [first, second, ..] = ip.segments();
    // Only global unicast, and of that neither documentation (2001:db8::) nor what is set aside for protocols
    // (2001::/23), nor 6to4: Teredo, 6to4 and NAT64 carry an IPv4 address.
    (first & 0xe000) == 0x2000
        && first != 0x2002
        && !(first == 0x2001 && (second == 0x0db8 || second < 0x0200))
}
