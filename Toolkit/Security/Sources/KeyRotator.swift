import Foundation
import Logging
package import MartletCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Replaces the key of the local issuer, step by step: publishes the new key, waits, signs with it, has the services' tokens
/// minted anew, and withdraws the old key after the end of its last token.
///
/// Everything is in the issuer's folder: after a kill at any point, a rotator of the next process continues. Only the process
/// that owns the data folder has one; others ask by ``request(in:endsTokens:)``.
package struct KeyRotator: Sendable {
    /// Where a process may end; a test does so.
    enum Point: Sendable, CaseIterable {
        case keyMade, begun, requestRemoved, published, keyReplaced, stored, withdrawn
    }

    private let folder: String
    private let algorithm: TokenKey.Algorithm
    private let time: any TimeSource
    private let reached: @Sendable (Point) throws -> Void
    /// The phase that this process saw last, and since when.
    private var seen: (phase: KeyRotation.Phase, since: Moment)?

    /// - Parameters:
    ///   - folder: The issuer's.
    ///   - algorithm: That of new keys.
    ///   - time: Its clocks.
    package init(folder: String, algorithm: TokenKey.Algorithm, time: any TimeSource) {
        self.init(folder: folder, algorithm: algorithm, time: time, reached: { _ in })
    }

    init(
        folder: String,
        algorithm: TokenKey.Algorithm,
        time: any TimeSource,
        reached: @escaping @Sendable (Point) throws -> Void
    ) {
        self.folder = folder
        self.algorithm = algorithm
        self.time = time
        self.reached = reached
    }

    // MARK: Requests

    /// One file for each kind: a request never replaces one of the other kind.
    private static func requestPath(in folder: String, endsTokens: Bool) -> String {
        "\(folder)/\(endsTokens ? "end-tokens" : "rotate").request"
    }

    /// Asks the owner of the folder for a rotation.
    ///
    /// It joins the rotation under way. One that ends tokens does so while the old key still signs; later it also asks for
    /// another rotation, since the key that has leaked may be the new one.
    ///
    /// - Parameters:
    ///   - folder: The issuer's.
    ///   - endsTokens: Whether the old key is withdrawn before its tokens end.
    package static func request(in folder: String, endsTokens: Bool) throws {
        try SecretFile.write("", to: requestPath(in: folder, endsTokens: endsTokens))
    }

    /// Whether a request is not yet taken up.
    package static func hasRequest(in folder: String) -> Bool { !requests(in: folder).isEmpty }

    /// The requests that are not yet taken up, by whether they end tokens.
    private static func requests(in folder: String) -> [Bool] {
        [true, false].filter { SecretFile.stamp(of: requestPath(in: folder, endsTokens: $0)) != nil }
    }

    /// When the last token of a key ends, as far as it is stored.
    package static func lastEnd(of key: String, in folder: String) throws -> Timestamp? {
        try IssuedTokens(of: key, in: folder).end()
    }

    // MARK: Steps

    /// Takes the next step, if its time has come.
    ///
    /// - Parameter publish: Writes the issuer's key set and new tokens of services into the folders of all processes.
    /// - Returns: Whether there was a step; the next one may be due at once.
    /// - Throws: What prevented the step; a repeat takes it again.
    package mutating func advance(publish: @Sendable () async throws -> Void) async throws -> Bool {
        if try takeRequest() { return true }
        guard var rotation = try KeyRotation.read(in: folder) else {
            seen = nil
            return false
        }
        let now = time.now
        if seen?.phase != rotation.phase { seen = (rotation.phase, now) }
        guard let seen else { return false }
        let end = try IssuedTokens(of: rotation.oldKey, in: folder).end()
        guard rotation.isDue(waited: now - seen.since, end: end, at: time.date) else { return false }
        switch rotation.phase {
        case .publishing, .withdrawing:
            try await publish()
            try reached(.published)
        case .signing:
            try replaceKey(by: rotation)
            try reached(.keyReplaced)
            try await publish()
            try reached(.published)
        case .published, .signed: break
        }
        let before = rotation.phase
        guard let phase = rotation.advance(at: time.date) else {
            try finish(rotation)
            return true
        }
        try rotation.write(in: folder)
        try reached(.stored)
        Logger.current.notice(
            "the rotation of keys continues",
            metadata: ["from": "\(before.rawValue)", "to": "\(phase.rawValue)", "key": "\(rotation.newKey)"]
        )
        return true
    }

    /// Begins the rotation that is asked for, or joins the request to the one under way.
    ///
    /// - Returns: Whether anything has changed.
    private func takeRequest() throws -> Bool {
        var taken = Self.requests(in: folder)
        guard !taken.isEmpty else { return false }
        let endsTokens = taken.contains(true)
        var isChanged = false
        if var rotation = try KeyRotation.read(in: folder) {
            if endsTokens, !rotation.endsTokens {
                rotation.endsTokens = true
                try rotation.write(in: folder)
                isChanged = true
            }
            // The key that has leaked may be the one that signs now: the request waits for a rotation of its own.
            if !rotation.oldSigns { taken.removeAll { $0 } }
        } else {
            try begin(endsTokens: endsTokens)
        }
        for endsTokens in taken { try remove(Self.requestPath(in: folder, endsTokens: endsTokens)) }
        guard isChanged || !taken.isEmpty else { return false }
        try reached(.requestRemoved)
        return true
    }

    private func begin(endsTokens: Bool) throws {
        guard let pem = try SecretFile.read(LocalIssuer.signingKeyPath(in: folder)) else {
            throw SecretFile.Unreadable(path: LocalIssuer.signingKeyPath(in: folder), message: "there is no key")
        }
        let old = LocalIssuer.entry(try SigningKey(pem: pem).publicKey)
        let new = LocalIssuer.entry(try nextKey().publicKey)
        try reached(.keyMade)
        try KeyRotation(from: old, to: new, at: time.date, endsTokens: endsTokens).write(in: folder)
        try reached(.begun)
    }

    private func remove(_ path: String) throws {
        guard unlink(path) == 0 || errno == ENOENT else {
            throw SecretFile.Unreadable(path: path, message: String(cString: strerror(errno)))
        }
    }

    private var nextPath: String { "\(folder)/next.pem" }

    /// The key that is made for the rotation; a repeat yields the same one.
    private func nextKey() throws -> SigningKey {
        if let pem = try SecretFile.read(nextPath) { return try SigningKey(pem: pem) }
        let key = SigningKey(algorithm)
        try IssuedTokens(of: LocalIssuer.entry(key.publicKey).kid ?? "", in: folder).begin()
        try SecretFile.write(key.pem, to: nextPath)
        return key
    }

    /// Makes the new key the one that signs.
    ///
    /// The old one is gone then: nothing is signed with it any more.
    private func replaceKey(by rotation: KeyRotation) throws {
        let path = LocalIssuer.signingKeyPath(in: folder)
        guard let pem = try SecretFile.read(path) else {
            throw SecretFile.Unreadable(path: path, message: "there is no key")
        }
        guard LocalIssuer.entry(try SigningKey(pem: pem).publicKey) != rotation.new else { return }
        guard rename(nextPath, path) == 0 else {
            throw SecretFile.Unreadable(path: nextPath, message: String(cString: strerror(errno)))
        }
    }

    private func finish(_ rotation: KeyRotation) throws {
        // First: without the state there is no rotation, and the other file is of no further use.
        try remove(KeyRotation.path(in: folder))
        try reached(.withdrawn)
        IssuedTokens(of: rotation.oldKey, in: folder).remove()
        Logger.current.notice("the old key is withdrawn", metadata: ["key": "\(rotation.oldKey)"])
    }
}
