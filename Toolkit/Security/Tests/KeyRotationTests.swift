import Foundation
import MartletCore
import MartletTesting
import Synchronization
import Testing

@testable import MartletSecurity

@Suite("Rotation of the local issuer's key")
struct KeyRotationTests {
    private struct Crash: Error {}

    /// Ends the process at a point, once.
    private final class Interruption: Sendable {
        private let point: Mutex<KeyRotator.Point?>

        init(at point: KeyRotator.Point?) { self.point = Mutex(point) }

        var isPending: Bool { point.withLock { $0 != nil } }

        func reached(_ now: KeyRotator.Point) throws {
            let ends = point.withLock { point in
                guard point == now else { return false }
                point = nil
                return true
            }
            if ends { throw Crash() }
        }
    }

    private let temporary = try? TemporaryFolder()
    private let time = ManualTime()

    private var keys: String { get throws { try #require(temporary).file("keys") } }
    private var process: String { get throws { try #require(temporary).file("parcelsd") } }

    private func issuer() async throws -> LocalIssuer {
        try await LocalIssuer(folder: keys, algorithm: .edDSA, time: time)
    }

    /// As a supervisor does.
    private func publish() async throws {
        let issuer = try await issuer()
        try issuer.writeKeySet(in: process)
        _ = try await issuer.writeServiceToken("parcels", to: "scales", in: process, lifetime: .seconds(172_800))
    }

    private func rotator(_ interruption: Interruption) throws -> KeyRotator {
        KeyRotator(folder: try keys, algorithm: .edDSA, time: time, reached: { try interruption.reached($0) })
    }

    private func token() async throws -> String {
        try await LocalIssuer(existingIn: keys, time: time).userToken("ann", scopes: [], lifetime: .seconds(60))
    }

    private func published() async throws -> [String] {
        try await KeySet.read(LocalIssuer.keySetPath(in: process)).map(\.id)
    }

    @Test(
        "every token that is in use is accepted at every moment, also when the process ends at any point",
        arguments: [nil] + KeyRotator.Point.allCases.map(Optional.some)
    )
    func continuity(point: KeyRotator.Point?) async throws {
        try await publish()
        let before = try LocalIssuer(existingIn: keys, time: time).signingKey
        let interruption = Interruption(at: point)
        var rotator = try rotator(interruption)
        let (keys, process) = (try keys, try process)
        let source = try FileKeySource(path: LocalIssuer.keySetPath(in: process), time: time)
        let verifier = TokenVerifier(
            issuers: [LocalIssuer.entry(source)],
            people: .people,
            audience: LocalIssuer.audience,
            callees: ["scales"],
            leeway: .zero,
            time: time
        )
        var users: [(token: String, end: Timestamp)] = []
        let services = TokenFile(
            path: LocalIssuer.tokenPath(of: "parcels", to: "scales", in: process),
            every: .seconds(5),
            time: time
        )
        try KeyRotator.request(in: keys, endsTokens: false)
        var phases: [KeyRotation.Phase] = []
        for second in 0..<120 {
            do {
                while try await rotator.advance(publish: { try await publish() }) {}
            } catch is Crash {
                // The next supervisor writes keys and tokens before it starts anything.
                try await publish()
                rotator = try self.rotator(interruption)
            }
            if let phase = try KeyRotation.read(in: keys)?.phase, phase != phases.last { phases.append(phase) }
            source.refresh()
            users.removeAll { $0.end <= time.date }
            if second < 30 { users.append((try await token(), time.date + .seconds(60))) }
            for user in users { #expect(throws: Never.self, "\(second) s") { try verifier.verify(user.token) } }
            let service = try services.token()
            #expect(throws: Never.self, "\(second) s") { try verifier.verify(service) }
            time.advance(by: .seconds(1))
        }
        #expect(!interruption.isPending)
        #expect(phases.filter { [.published, .signed].contains($0) } == [.published, .signed])
        #expect(try KeyRotation.read(in: keys) == nil)
        #expect(!KeyRotator.hasRequest(in: keys))
        let after = try LocalIssuer(existingIn: keys, time: time).signingKey
        #expect(after != before)
        #expect(try await published() == [after])
        let files = try FileManager.default.contentsOfDirectory(atPath: keys).sorted()
        // A kill behind the last step leaves when the tokens of the old key ended, which is not read any more.
        let left = point == .withdrawn ? ["\(before).end"] : []
        #expect(files == (["\(after).end", "issuer.pem", "jwks.json"] + left).sorted())
    }

    @Test("after a leak the old key is withdrawn before its tokens end, also when the rotation is under way")
    func endTokens() async throws {
        try await publish()
        let (keys, old) = (try keys, try await token())
        var rotator = try rotator(Interruption(at: nil))
        try KeyRotator.request(in: keys, endsTokens: false)
        while try await rotator.advance(publish: { try await publish() }) {}
        #expect(try await published().count == 2)
        try KeyRotator.request(in: keys, endsTokens: true)
        for _ in 0..<20 {
            while try await rotator.advance(publish: { try await publish() }) {}
            time.advance(by: .seconds(1))
        }
        #expect(try KeyRotation.read(in: keys) == nil)
        let verifier = try await LocalIssuer.verifier(in: process, callees: [], time: time)
        #expect(throws: Fault.self) { try verifier.verify(old) }
    }

    @Test("after a leak while the new key signs already, that key is replaced, too, and its tokens end")
    func endTokensOfNew() async throws {
        try await publish()
        let keys = try keys
        var rotator = try rotator(Interruption(at: nil))
        _ = try await token()
        try KeyRotator.request(in: keys, endsTokens: false)
        while try KeyRotation.read(in: keys)?.phase != .signed {
            while try await rotator.advance(publish: { try await publish() }) {}
            time.advance(by: .seconds(1))
        }
        let leaked = try await token()
        try KeyRotator.request(in: keys, endsTokens: true)
        for _ in 0..<30 {
            while try await rotator.advance(publish: { try await publish() }) {}
            time.advance(by: .seconds(1))
        }
        #expect(try KeyRotation.read(in: keys) == nil)
        #expect(!KeyRotator.hasRequest(in: keys))
        let verifier = try await LocalIssuer.verifier(in: process, callees: [], time: time)
        #expect(throws: Fault.self) { try verifier.verify(leaked) }
        let current = try await token()
        #expect(throws: Never.self) { try verifier.verify(current) }
    }

    @Test("a request that ends tokens is not replaced by a later one that does not")
    func bothRequests() async throws {
        try await publish()
        let keys = try keys
        var rotator = try rotator(Interruption(at: nil))
        try KeyRotator.request(in: keys, endsTokens: true)
        try KeyRotator.request(in: keys, endsTokens: false)
        while try await rotator.advance(publish: { try await publish() }) {}
        #expect(try KeyRotation.read(in: keys)?.endsTokens == true)
        #expect(!KeyRotator.hasRequest(in: keys))
    }

    @Test("a key of an earlier version, whose tokens were not recorded, is published for a week")
    func unrecorded() async throws {
        let keys = try keys
        try FileManager.default.createDirectory(atPath: keys, withIntermediateDirectories: true)
        try SecretFile.write(SigningKey(.edDSA).pem, to: LocalIssuer.signingKeyPath(in: keys))
        try await publish()
        let week = time.date + KeyRotation.unrecordedFor
        let old = try LocalIssuer(existingIn: keys, time: time).signingKey
        // A token of today does not hide those of before.
        _ = try await token()
        #expect(try #require(try KeyRotator.lastEnd(of: old, in: keys)) >= week)
        var rotator = try rotator(Interruption(at: nil))
        try KeyRotator.request(in: keys, endsTokens: false)
        for _ in 0..<30 {
            while try await rotator.advance(publish: { try await publish() }) {}
            time.advance(by: .seconds(1))
        }
        #expect(try KeyRotation.read(in: keys)?.phase == .signed)
        time.advance(by: KeyRotation.unrecordedFor)
        while try await rotator.advance(publish: { try await publish() }) {}
        #expect(try KeyRotation.read(in: keys) == nil)
    }

    @Test("the end of the last token is stored before it is made, and never goes back")
    func ends() throws {
        let issued = IssuedTokens(of: "k", in: try #require(temporary).path)
        #expect(try issued.end() == nil)
        try issued.begin()
        #expect(try issued.end() == Timestamp(seconds: 0))
        let unrecorded = Timestamp(seconds: 900)
        for (end, stored) in [(101, 110), (110, 110), (50, 110), (111, 120)] as [(Int64, Int64)] {
            try issued.record(Timestamp(seconds: end), unrecorded: unrecorded)
            #expect(try issued.end() == Timestamp(seconds: stored))
        }
        try issued.begin()
        try issued.adopt(unrecorded: unrecorded)
        #expect(try issued.end() == Timestamp(seconds: 120))
        let other = IssuedTokens(of: "l", in: try #require(temporary).path)
        try other.record(Timestamp(seconds: 1), unrecorded: unrecorded)
        #expect(try other.end() == unrecorded)
    }

    @Test("a state that cannot be read stops the rotation, and nothing else is changed")
    func unreadable() async throws {
        try await publish()
        let keys = try keys
        try SecretFile.write("{", to: KeyRotation.path(in: keys))
        var rotator = try rotator(Interruption(at: nil))
        await #expect(throws: SecretFile.Unreadable.self) { _ = try await rotator.advance(publish: {}) }
        #expect(try await published().count == 1)
    }
}
