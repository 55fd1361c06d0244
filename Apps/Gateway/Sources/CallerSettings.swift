import MartletConfig
import MartletCore
import MartletREST
import MartletResilience

/// The settings of limits by address and by identity.
struct CallerSettings: Sendable {
    let limits: CallerLimits
    let addresses: ClientAddressRule

    init(_ reader: inout ConfigReader) {
        var limits = CallerLimits()
        for limit in LimitClass.allCases {
            limits[limit] = reader.int(
                "\(limit.rawValue)-per-minute",
                CallerLimits.standard(limit),
                in: 0...RateLimit.requestsMax,
                help: "\(Self.meaning(of: limit)); 0 for no limit."
            )
        }
        limits.burstPercent = reader.int(
            "burst-percent",
            CallerLimits.burstPercent,
            in: 1...100,
            help: "The share of each limit that a caller may send at once."
        )
        limits.callersMax = reader.int(
            "limited-callers-max",
            CallerLimits.callersMax,
            in: 1...1_000_000,
            help: "Callers a minute that are counted one by one, for each limit; 150 bytes to 1 KiB each."
        )
        self.limits = limits
        let proxies = reader.optional(
            "trusted-proxies",
            help: "Addresses and networks of proxies, as in 10.0.0.0/8,2001:db8::/32, whose header names the client.",
            expected: "must be addresses or networks with commas between them, as in 10.0.0.0/8,2001:db8::1",
            parse: IPNetwork.list
        )
        let header = reader.choice(
            "forwarded-header",
            ClientAddressRule.Header.xForwardedFor,
            help: "The header in which trusted proxies name the client: x-forwarded-for or forwarded (RFC 7239)."
        )
        addresses = ClientAddressRule(proxies: proxies ?? [], header: header)
    }

    private static func meaning(of limit: LimitClass) -> String {
        switch limit {
        case .anonymousReads: "Reads without a token, of one address"
        case .anonymousWrites: "Writes without a token that may be repeated, as to a cart's lines, of one address"
        case .anonymousCreations:
            "Writes without a token that leave something behind each, as a new cart, of one address"
        case .identityReads: "Reads with a token, of one identity"
        case .identityWrites: "Writes with a token, of one identity"
        case .rejectedTokens: "Tokens that are not valid, of one address"
        case .unroutedRequests:
            "Requests of no method of a contract, as of unknown paths and /openapi.json, of one address"
        }
    }
}
