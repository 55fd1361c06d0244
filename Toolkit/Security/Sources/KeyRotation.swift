import Foundation
package import MartletCore

/// How far the local issuer has replaced the key that signs: what is stored, and what comes next.
package struct KeyRotation: Sendable, Equatable, Codable {
    /// Each is stored before its work begins, and its work may be done again: the next process continues.
    package enum Phase: String, Sendable, Codable, CaseIterable {
        /// The new key is made, and is being published beside the old one. Goes to `published`.
        case publishing
        /// All verifiers get to know the new key; the old one signs. Goes to `signing` after ``KeyRotation/publishedFor``.
        case published
        /// The new key begins to sign, and services get new tokens. Goes to `signed`.
        case signing
        /// The tokens of the old key come to their ends. Goes to `withdrawing` after ``KeyRotation/replacedFor`` and the last
        /// of them.
        case signed
        /// The old key is being withdrawn. The rotation is over afterwards.
        case withdrawing
    }

    /// How long a new key is published before it signs: verifiers read changed keys within a second.
    package static let publishedFor = Duration.seconds(3)
    /// How long services have to take their new tokens, which they read again within five seconds.
    package static let replacedFor = Duration.seconds(10)
    /// How long a key's tokens last, at most, of which it is not stored when they end: an earlier version did not.
    package static let unrecordedFor = Duration.seconds(7 * 24 * 3_600)

    package private(set) var phase: Phase
    /// The keys as they are published.
    let old: KeySet.Entry
    let new: KeySet.Entry
    /// When the phase began, by the wall clock, for operators: no decision depends on it but for unrecorded tokens.
    package private(set) var since: Timestamp
    /// The old key is withdrawn before its tokens end: it is no longer trusted.
    package var endsTokens: Bool

    init(from old: KeySet.Entry, to new: KeySet.Entry, at now: Timestamp, endsTokens: Bool) {
        phase = .publishing
        self.old = old
        self.new = new
        since = now
        self.endsTokens = endsTokens
    }

    /// The id of the key that is replaced.
    package var oldKey: String { old.kid ?? "" }
    /// The id of the key that replaces it.
    package var newKey: String { new.kid ?? "" }

    /// Whether the old key still signs.
    var oldSigns: Bool { phase == .publishing || phase == .published }

    /// Whether the old key is published.
    var publishesOld: Bool { phase != .withdrawing }

    /// Whether the wait of a phase is over; true for phases that do not wait.
    ///
    /// - Parameters:
    ///   - waited: How long this process has seen the phase, by the monotonic clock.
    ///   - end: When the last token of the old key ends; `nil` when it is not known.
    ///   - now: The wall clock, which the ends of tokens are stated by.
    func isDue(waited: Duration, end: Timestamp?, at now: Timestamp) -> Bool {
        switch phase {
        case .publishing, .signing, .withdrawing: true
        case .published: waited >= Self.publishedFor
        case .signed: waited >= Self.replacedFor && (endsTokens || now >= withdrawal(end: end))
        }
    }

    /// When the old key may be withdrawn at the earliest.
    package func withdrawal(end: Timestamp?) -> Timestamp { end ?? since + Self.unrecordedFor }

    /// The next phase; `nil` when the rotation is over.
    mutating func advance(at now: Timestamp) -> Phase? {
        let next: Phase? =
            switch phase {
            case .publishing: .published
            case .published: .signing
            case .signing: .signed
            case .signed: .withdrawing
            case .withdrawing: nil
            }
        if let next {
            phase = next
            since = now
        }
        return next
    }

    // MARK: Storage

    private enum CodingKeys: String, CodingKey { case phase, old, new, since, endsTokens }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        phase = try container.decode(Phase.self, forKey: .phase)
        old = try container.decode(KeySet.Entry.self, forKey: .old)
        new = try container.decode(KeySet.Entry.self, forKey: .new)
        since = Timestamp(microseconds: try container.decode(Int64.self, forKey: .since))
        endsTokens = try container.decode(Bool.self, forKey: .endsTokens)
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(phase, forKey: .phase)
        try container.encode(old, forKey: .old)
        try container.encode(new, forKey: .new)
        try container.encode(since.microseconds, forKey: .since)
        try container.encode(endsTokens, forKey: .endsTokens)
    }

    static func path(in folder: String) -> String { "\(folder)/rotation.json" }

    /// The rotation that is under way in the issuer's folder; `nil` when there is none.
    ///
    /// - Throws: `SecretFile.Unreadable` for a file that cannot be read.
    package static func read(in folder: String) throws -> KeyRotation? {
        guard let text = try SecretFile.read(path(in: folder)) else { return nil }
        do {
            return try JSONDecoder().decode(KeyRotation.self, from: Data(text.utf8))
        } catch {
            throw SecretFile.Unreadable(path: path(in: folder), message: "is not the state of a rotation of keys")
        }
    }

    func write(in folder: String) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        try SecretFile.write(String(decoding: try encoder.encode(self), as: UTF8.self), to: Self.path(in: folder))
    }
}
