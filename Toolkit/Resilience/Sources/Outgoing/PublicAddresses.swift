import MartletCore

/// Which addresses are public: everything else may lead into the deployment's own network.
///
/// By the registries of special-purpose addresses of IANA (RFC 6890).
enum PublicAddresses {
    private static let special = [
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
        "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
        "224.0.0.0/4", "240.0.0.0/4",
        // Of the addresses of IPv6 that are assigned at all: those of protocols, of examples, and those that contain an
        // address of IPv4.
        "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20",
    ]
    private static let specialNetworks = special.compactMap { IPNetwork($0) }
    private static let assignedIPv6 = IPNetwork("2000::/3")

    /// Whether every text of the list could be read.
    static var isComplete: Bool { specialNetworks.count == special.count && assignedIPv6 != nil }

    static func contains(_ address: IPAddress) -> Bool {
        if address.isIPv6, assignedIPv6?.contains(address) != true { return false }
        return !specialNetworks.contains { $0.contains(address) }
    }
}
