import MartletCore

/// The keys of all issuers, and the tokens that were verified by them: without lock, clock or file.
struct TrustedKeys: Sendable {
    /// A key, and what it speaks for.
    struct Entry: Sendable {
        let key: TokenKey
        let rules: TokenRules

        var identity: VerifiedKey { VerifiedKey(issuer: rules.alias, key: key.identity) }
    }

    /// By issuer.
    private let rules: [TokenRules]
    /// What was last taken from each issuer; 0 for nothing yet.
    private var versions: [UInt64]
    private var keys: [[TokenKey]]
    /// By the id of the key; two issuers may have one id.
    private var entries: [ExactText: [Entry]] = [:]
    private var verified: VerifiedTokens
    /// Grows with each change of the keys.
    private(set) var generation: UInt64 = 0

    /// - Parameters:
    ///   - rules: Those of each issuer.
    ///   - limit: How many verified tokens are remembered.
    init(_ rules: [TokenRules], limit: Int) {
        self.rules = rules
        versions = Array(repeating: 0, count: rules.count)
        keys = Array(repeating: [], count: rules.count)
        verified = VerifiedTokens(limit: limit)
    }

    /// Takes the keys that are newer than those it has, and drops the tokens of keys that are gone.
    ///
    /// - Parameter snapshots: One of each issuer; an older one than before, as another thread has read it, changes nothing.
    mutating func update(_ snapshots: [KeySnapshot]) {
        var isChanged = false
        for (index, snapshot) in snapshots.enumerated() where snapshot.version > versions[index] {
            versions[index] = snapshot.version
            keys[index] = snapshot.keys
            isChanged = true
        }
        guard isChanged else { return }
        generation += 1
        entries = [:]
        for (rules, keys) in zip(rules, keys) {
            for key in keys {
                let own = entries[ExactText(key.id), default: []]
                guard !own.contains(where: { $0.rules.alias == rules.alias }) else { continue }
                entries[ExactText(key.id)] = own + [Entry(key: key, rules: rules)]
            }
        }
        verified.keep(Set(entries.values.joined().map(\.identity)))
    }

    /// The keys with this id.
    func find(_ id: ExactText) -> [Entry] { entries[id] ?? [] }

    /// The principal of a token that was verified before.
    mutating func principal(_ hash: [UInt8], of token: ExactText, at now: Timestamp) -> Principal? {
        verified.find(hash, of: token, at: now)
    }

    /// The principal of a token that was verified before and used recently.
    mutating func principal(ofRecent token: ExactText, at now: Timestamp) -> Principal? {
        verified.findRecent(token, at: now)
    }

    /// Remembers a token that was verified with the keys of `generation`, unless they have changed since.
    mutating func remember(_ hash: [UInt8], _ entry: VerifiedTokens.Entry, generation: UInt64) {
        guard generation == self.generation else { return }
        verified.insert(hash, entry)
    }
}
