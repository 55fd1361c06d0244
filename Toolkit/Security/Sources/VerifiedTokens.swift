import MartletCore

/// Tokens that were verified not long ago, by the hash of their bytes: a bounded memory, oldest out first.
struct VerifiedTokens: Sendable {
    struct Entry: Sendable {
        let principal: Principal
        /// From here on it is verified anew, and then refused.
        let until: Timestamp
    }

    let limit: Int
    private var entries: [[UInt8]: Entry] = [:]
    private var order: [[UInt8]] = []
    /// Where the oldest entry stands in `order`, so that forgetting costs no shift.
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

    mutating func remember(_ hash: [UInt8], _ entry: Entry) {
        guard limit > 0, entries.updateValue(entry, forKey: hash) == nil else { return }
        if order.count < limit {
            order.append(hash)
        } else {
            entries[order[oldest]] = nil
            order[oldest] = hash
            oldest = (oldest + 1) % limit
        }
    }
}
