import MartletCore

/// A bounded cache of verified tokens by the hash of their bytes; evicts the oldest.
struct VerifiedTokens: Sendable {
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
    mutating func keep(_ keys: Set<VerifiedKey>) { entries = entries.filter { keys.contains($0.value.key) } }
}

/// A key of one of the issuers.
struct VerifiedKey: Sendable, Hashable {
    let issuer: IssuerAlias
    let key: TokenKey.Identity
}
