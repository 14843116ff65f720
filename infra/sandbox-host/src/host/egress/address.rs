//! Addresses: which are the machine's own surroundings, and blocks of them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The address meant: one of version 4 may be wrapped in one of version 6.
pub(super) fn unwrapped(address: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = address else { return address };
    let parts = v6.segments();
    let low = || {
        let [a, b] = parts[6].to_be_bytes();
        let [c, d] = parts[7].to_be_bytes();
        IpAddr::V4(Ipv4Addr::new(a, b, c, d))
    };
    match parts {
        // Mapped, compatible (but not :: and ::1), translated by NAT64.
        [0, 0, 0, 0, 0, 0xffff, ..] | [0x64, 0xff9b, 0, 0, 0, 0, ..] => low(),
        [0, 0, 0, 0, 0, 0, high, _] if high != 0 => low(),
        // 6to4.
        [0x2002, one, two, ..] => {
            let ([a, b], [c, d]) = (one.to_be_bytes(), two.to_be_bytes());
            IpAddr::V4(Ipv4Addr::new(a, b, c, d))
        }
        _ => address,
    }
}

/// Whether an address is anything but one of the public internet's.
pub(super) fn is_private(address: IpAddr) -> bool {
    match unwrapped(address) {
        IpAddr::V4(v4) => is_private_v4(v4),
        IpAddr::V6(v6) => is_private_v6(v6),
    }
}

fn is_private_v4(v4: Ipv4Addr) -> bool {
    let [a, b, c, _] = v4.octets();
    v4.is_loopback()
        || v4.is_private()
        || v4.is_link_local()
        || v4.is_multicast()
        || v4.is_documentation()
        || a == 0
        || a >= 240
        || (a == 100 && (64..128).contains(&b))
        || (a == 198 && (18..20).contains(&b))
        || (a, b, c) == (192, 0, 0)
}

fn is_private_v6(v6: Ipv6Addr) -> bool {
    let first = v6.segments()[0];
    // All that is public begins with 001; of that, the part for documents and for Teredo is not.
    first & 0xe000 != 0x2000 || (first == 0x2001 && matches!(v6.segments()[1], 0 | 0xdb8))
}

/// A block of addresses: an address and how many of its bits count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Block {
    address: IpAddr,
    bits: u32,
}

impl Block {
    /// `10.0.0.0/8`, or one address alone.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (address, bits) = text.split_once('/').map_or((text, None), |(one, two)| (one, Some(two)));
        let address: IpAddr = address.parse().ok()?;
        let all = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.map_or(Some(all), |bits| bits.parse().ok().filter(|bits| *bits <= all))?;
        Some(Self { address, bits })
    }

    pub(super) fn contains(self, other: IpAddr) -> bool {
        match (self.address, unwrapped(other)) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                let mask = u32::MAX.checked_shl(32 - self.bits).unwrap_or(0);
                own.to_bits() & mask == other.to_bits() & mask
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => {
                let mask = u128::MAX.checked_shl(128 - self.bits).unwrap_or(0);
                own.to_bits() & mask == other.to_bits() & mask
            }
            // `0.0.0.0/0` means everything, as clients use it.
            (own, _) => self.bits == 0 && own.is_unspecified(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machines_surroundings_are_private_however_they_are_written() {
        for private in [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "224.0.0.1",
            "255.255.255.255",
            "198.18.0.1",
            "192.0.0.1",
            "::1",
            "::",
            "fe80::1",
            "fd00::1",
            "ff02::1",
            "::ffff:127.0.0.1",
            "64:ff9b::7f00:1",
            "2002:7f00:1::",
            "::127.0.0.1",
            "2001:db8::1",
        ] {
            assert!(is_private(private.parse().unwrap()), "{private}");
        }
        for public in ["140.82.112.3", "8.8.8.8", "100.128.0.1", "172.32.0.1", "2606:4700::1111"] {
            assert!(!is_private(public.parse().unwrap()), "{public}");
        }
    }

    #[test]
    fn a_block_holds_what_its_bits_say() {
        let holds =
            |block: &str, address: &str| Block::parse(block).unwrap().contains(address.parse().unwrap());
        assert!(holds("10.0.0.0/8", "10.255.0.1") && !holds("10.0.0.0/8", "11.0.0.1"));
        assert!(holds("1.2.3.4", "1.2.3.4") && !holds("1.2.3.4", "1.2.3.5"));
        assert!(holds("0.0.0.0/0", "1.2.3.4") && holds("0.0.0.0/0", "2606:4700::1111"));
        assert!(holds("2606:4700::/32", "2606:4700::1111") && !holds("2606:4700::/32", "2607::1"));
        for bad in ["10.0.0.0/33", "x", "10.0.0/8", "/8"] {
            assert_eq!(Block::parse(bad), None, "{bad}");
        }
    }
}
