package import MartletCore

/// A caller by a keyed hash of its name or address: of one size however long the name is.
package struct CallerKey: Sendable, Hashable {
    let high: UInt64
    let low: UInt64
}

/// Makes the keys of callers, with a random secret: no caller can choose two names with one key.
package struct CallerKeys: Sendable {
    /// The first byte of what is hashed; no key of one kind is that of another.
    private enum Kind: UInt8 {
        case unknown, ipv4, ipv6, anonymous, user, service
    }

    private let high: SipHash
    private let low: SipHash

    package init(_ entropy: any Entropy) {
        high = SipHash(entropy)
        low = SipHash(entropy)
    }

    /// - Parameter address: An IPv6 address counts as its /64, all of which one subscriber has. `nil`, an address that is
    ///   not known, is one caller.
    package func key(of address: IPAddress?) -> CallerKey {
        guard let subscriber = address?.subscriber else { return key(.unknown, []) }
        return key(subscriber.isIPv6 ? .ipv6 : .ipv4, subscriber.bytes)
    }

    /// The key of an identity.
    package func key(of principal: Principal) -> CallerKey {
        let kind: Kind =
            switch principal.kind {
            case .anonymous: .anonymous
            case .user: .user
            case .service: .service
            }
        return key(kind, Array(principal.id.text.utf8))
    }

    private func key(_ kind: Kind, _ bytes: [UInt8]) -> CallerKey {
        let bytes = [kind.rawValue] + bytes
        return CallerKey(high: high.hash(bytes), low: low.hash(bytes))
    }
}
