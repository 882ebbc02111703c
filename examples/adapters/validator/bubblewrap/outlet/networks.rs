//! Which addresses are of this machine, and of the networks that it is in.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, UdpSocket};
use std::str::FromStr;

/// Addresses that share their first bits.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Network {
    address: IpAddr,
    bits: u32,
}

impl Network {
    pub(super) fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address) {
            (IpAddr::V4(one), IpAddr::V4(other)) => {
                (one.to_bits() ^ other.to_bits()).checked_shr(32_u32.saturating_sub(self.bits)).unwrap_or(0) == 0
            }
            (IpAddr::V6(one), IpAddr::V6(other)) => {
                (one.to_bits() ^ other.to_bits()).checked_shr(128_u32.saturating_sub(self.bits)).unwrap_or(0) == 0
            }
            _ => false,
        }
    }
}

impl FromStr for Network {
    type Err = ();

    /// `10.0.0.0/8`, or an address.
    fn from_str(text: &str) -> Result<Self, ()> {
        let (address, bits) = text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
        let address: IpAddr = address.parse().map_err(drop)?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.map_or(Ok(most), str::parse).map_err(drop)?;
        if bits <= most { Ok(Self { address, bits }) } else { Err(()) }
    }
}

/// Those of no machine elsewhere, or where services trust whoever reaches them: loopback, private, shared, link-local
/// (where clouds give out credentials), reserved ones, those of many, and the one that Azure's machines trust.
const LOCAL: [&str; 20] = [
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "168.63.129.16",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "224.0.0.0/4",
    "240.0.0.0/4",
    "::",
    "::1",
    "64:ff9b:1::/48",
    "100::/64",
    "fc00::/7",
    "fe80::/10",
    "fec0::/10",
    "ff00::/8",
];

/// Whether an address, by whatever notation, is of this machine or of a network that it is in.
pub(super) fn is_local(address: IpAddr) -> bool {
    let real = embedded(address).map_or(address, IpAddr::V4);
    LOCAL.iter().filter_map(|network| network.parse().ok()).any(|network: Network| network.contains(real))
        || is_own(real)
        || attached().iter().any(|network| network.contains(real))
}

/// Whether the kernel would go there from there. Nothing is sent.
fn is_own(address: IpAddr) -> bool {
    let any: IpAddr = if address.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let from = UdpSocket::bind((any, 0)).and_then(|socket| {
        socket.connect((address, 9))?;
        socket.local_addr()
    });
    from.is_ok_and(|from| from.ip() == address)
}

/// The one of version 4 that one of version 6 stands for: mapped, compatible, translated, tunnelled.
fn embedded(address: IpAddr) -> Option<Ipv4Addr> {
    let IpAddr::V6(address) = address else { return None };
    let [first, second, third, fourth, fifth, sixth, seventh, eighth] = address.segments();
    let of = |high: u16, low: u16| Some(Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low)));
    match (first, second) {
        (0, 0) if (third, fourth, fifth) == (0, 0, 0) && (sixth == 0 && seventh != 0 || sixth == 0xffff) => {
            of(seventh, eighth)
        }
        (0x64, 0xff9b) if third == 0 => of(seventh, eighth),
        (0x2002, _) => of(second, third),
        _ => None,
    }
}

/// The networks that need no gateway, as the kernel lists them now.
fn attached() -> Vec<Network> {
    let read = |file: &str| fs::read_to_string(file).unwrap_or_default();
    let mut networks: Vec<_> = read("/proc/net/route").lines().filter_map(route_v4).collect();
    networks.extend(read("/proc/net/ipv6_route").lines().filter_map(route_v6));
    networks
}

/// `eth0 000200C0 00000000 0001 0 0 0 00FFFFFF 0 0 0`: as numbers of this machine.
fn route_v4(line: &str) -> Option<Network> {
    let columns: Vec<&str> = line.split_whitespace().collect();
    let [_, destination, gateway, _, _, _, _, mask, ..] = columns.as_slice() else { return None };
    let number = |text: &str| u32::from_str_radix(text, 16).ok();
    let bits = number(mask)?.count_ones();
    let address = Ipv4Addr::from(number(destination)?.to_ne_bytes());
    (number(gateway)? == 0 && bits > 0).then_some(Network { address: address.into(), bits })
}

/// `20010db8000000000000000000000000 40 000… 00 000… 00000400 … eth0`
fn route_v6(line: &str) -> Option<Network> {
    let columns: Vec<&str> = line.split_whitespace().collect();
    let [destination, bits, _, _, gateway, ..] = columns.as_slice() else { return None };
    let number = |text: &str| u128::from_str_radix(text, 16).ok();
    let bits = u32::from_str_radix(bits, 16).ok()?;
    let address = Ipv6Addr::from_bits(number(destination)?);
    (number(gateway)? == 0 && bits > 0).then_some(Network { address: address.into(), bits })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn local_addresses_are_known_by_whatever_name() {
        for local in [
            "127.0.0.1",
            "127.9.9.9",
            "10.1.2.3",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "100.127.255.255",
            "0.0.0.0",
            "0.1.2.3",
            "255.255.255.255",
            "224.0.0.1",
            "240.0.0.1",
            "192.0.0.192",
            "198.19.0.1",
            "168.63.129.16",
            "::",
            "::1",
            "::ffff:10.0.0.1",
            "::ffff:127.0.0.1",
            "::10.0.0.1",
            "64:ff9b::a00:1",
            "64:ff9b:1::1",
            "2002:7f00:1::",
            "fe80::1",
            "febf::1",
            "fc00::1",
            "fdff::1",
            "fec0::1",
            "ff02::1",
            "::ffff:a83f:8110",
        ] {
            assert!(is_local(local.parse().unwrap()), "{local}");
        }
        for elsewhere in [
            "1.1.1.1",
            "172.15.0.1",
            "172.32.0.1",
            "192.167.0.1",
            "100.63.0.1",
            "100.128.0.1",
            "203.0.113.80",
            "11.0.0.1",
            "168.63.129.17",
            "2606:4700::1111",
            "::ffff:1.1.1.1",
            "64:ff9b::101:101",
            "2002:101:101::",
        ] {
            assert!(!is_local(elsewhere.parse().unwrap()), "{elsewhere}");
        }
        assert!(LOCAL.iter().all(|network| network.parse::<Network>().is_ok()));
    }

    /// Whatever its addresses are: those that it has, and their neighbours.
    #[test]
    fn the_networks_of_this_machine_are_local() {
        let networks = attached();
        let routes: Vec<_> = fs::read_to_string("/proc/net/route").unwrap().lines().filter_map(route_v4).collect();
        assert!(routes.iter().all(|route| networks.contains(route)));
        for network in networks {
            assert!(is_local(network.address), "{network:?}");
        }
        // The one that it would be seen with elsewhere, if it has any.
        let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
        if socket.connect("203.0.113.1:9").is_ok() {
            assert!(is_own(socket.local_addr().unwrap().ip()));
        }
        assert!(!is_own("203.0.113.1".parse().unwrap()));
    }

    #[test]
    fn routes_without_a_gateway_are_read() {
        let head = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT";
        assert_eq!(route_v4(head), None);
        let number = |text: &str| u32::from_ne_bytes(text.parse::<Ipv4Addr>().unwrap().octets());
        let line = |to: &str, by: &str, mask: &str| {
            format!("eth0\t{:08X}\t{:08X}\t0001\t0\t0\t0\t{:08X}\t0\t0\t0", number(to), number(by), number(mask))
        };
        assert_eq!(route_v4(&line("192.0.2.0", "0.0.0.0", "255.255.255.0")), "192.0.2.0/24".parse().ok());
        assert_eq!(route_v4(&line("192.0.2.0", "192.0.3.1", "255.255.255.0")), None);
        assert_eq!(route_v4(&line("0.0.0.0", "0.0.0.0", "0.0.0.0")), None);
        let nothing = "0".repeat(32);
        let line = format!("20010db8000000000000000000000000 40 {nothing} 00 {nothing} 00000100 0 0 1 eth0");
        assert_eq!(route_v6(&line), "2001:db8::/64".parse().ok());
        assert_eq!(route_v6(&format!("{nothing} 00 {nothing} 00 {nothing} 00000100 0 0 1 lo")), None);
    }

    #[test]
    fn a_network_holds_what_begins_alike() {
        let holds =
            |network: &str, address: &str| network.parse::<Network>().unwrap().contains(address.parse().unwrap());
        assert!(holds("10.0.0.0/8", "10.255.1.1") && holds("10.0.0.7", "10.0.0.7") && holds("0.0.0.0/0", "1.2.3.4"));
        assert!(!holds("10.0.0.0/8", "11.0.0.0") && !holds("10.0.0.7", "10.0.0.6") && !holds("10.0.0.0/8", "::a00:1"));
        assert!(
            holds("2001:db8::/32", "2001:db8:1::1")
                && holds("::/0", "2001::1")
                && !holds("2001:db8::/32", "2001:db9::")
        );
        for bad in ["", "10.0.0.0/33", "a/8", "10.0.0.0/", "::/129"] {
            assert!(bad.parse::<Network>().is_err(), "{bad}");
        }
    }
}
