import MartletCore

/// A bounded cache of verified tokens by the hash of their bytes; evicts the oldest.
///
/// The few that were used last are known by their bytes as well: their hash, a microsecond for each call, is not computed.
struct VerifiedTokens: Sendable {
    /// Tokens that are known by their bytes; with one more, all are forgotten as such.
    static let recentLimit = 64

    struct Entry: Sendable {
        let principal: Principal
        /// The key that has signed the token.
        let key: VerifiedKey
        /// When the entry expires.
        let until: Timestamp
    }

    let limit: Int
    private var entries: [[UInt8]: Entry] = [:]
    private var order: [[UInt8]] = []
    /// The index of the oldest entry in `order`, a ring buffer.
    private var oldest = 0
    /// The same entries as in `entries`, by the tokens themselves.
    private var recent: [ExactText: Entry] = [:]

    init(limit: Int) { self.limit = limit }

    var count: Int { entries.count }

    mutating func find(_ hash: [UInt8], at now: Timestamp) -> Principal? {
        guard let entry = entries[hash] else { return nil }
        guard now < entry.until else {
            entries[hash] = nil
            return nil
        }
        return entry.principal
    }

    /// The principal of a token that was found by its hash recently.
    mutating func findRecent(_ token: ExactText, at now: Timestamp) -> Principal? {
        guard let entry = recent[token] else { return nil }
        guard now < entry.until else {
            recent[token] = nil
            return nil
        }
        return entry.principal
    }

    /// The principal of a token, which is known by its bytes from then on.
    mutating func find(_ hash: [UInt8], of token: ExactText, at now: Timestamp) -> Principal? {
        guard let principal = find(hash, at: now) else { return nil }
        if recent.count == Self.recentLimit { recent.removeAll(keepingCapacity: true) }
        recent[token] = entries[hash]
        return principal
    }

    mutating func insert(_ hash: [UInt8], _ entry: Entry) {
        guard limit > 0, entries.updateValue(entry, forKey: hash) == nil else { return }
        if order.count < limit {
            order.append(hash)
        } else {
            entries[order[oldest]] = nil
            order[oldest] = hash
            oldest = (oldest + 1) % limit
            // It may have been the oldest itself, as one that was dropped and verified again.
            entries[hash] = entry
        }
    }

    /// Drops the tokens of all keys but these.
    mutating func keep(_ keys: Set<VerifiedKey>) {
        entries = entries.filter { keys.contains($0.value.key) }
        recent = recent.filter { keys.contains($0.value.key) }
    }
}

/// A key of one of the issuers.
struct VerifiedKey: Sendable, Hashable {
    let issuer: IssuerAlias
    let key: TokenKey.Identity
}
