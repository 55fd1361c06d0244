import Console
import Foundation
import MartletCore
import MartletHost
import MartletSecurity
import MartletTesting
import Synchronization
import Testing

@testable import CLI

@Suite("Rotation of a system's keys", .timeLimit(.minutes(HangLimit.testMinutes)))
struct SupervisedRotationTests {
    private final class Notes: Sendable {
        private let texts = Mutex<[String]>([])

        var all: [String] { texts.withLock { $0 } }

        func add(_ text: String) { texts.withLock { $0.append(text) } }
    }

    private func launch(_ folder: DataFolder, time: ManualTime) throws -> Launch {
        var free = FreePorts(entropy: SystemEntropy())
        let topology = try Topology(json: TopologyTests.mill)
        return Launch(
            folder: folder,
            system: "this-system",
            topology: topology,
            members: topology.processes,
            port: try free.reserve(nil),
            programs: "/nowhere",
            crashes: [:],
            settings: [:],
            logLevel: .info,
            runtime: Runtime(time: time, entropy: SystemEntropy())
        )
    }

    @Test("an operator's request replaces the keys and tokens of all processes while the supervisor runs")
    func request() async throws {
        let temporary = try TemporaryFolder()
        let folder = DataFolder(temporary.path)
        try folder.make()
        let time = ManualTime()
        let launch = try launch(folder, time: time)
        _ = try await launch.prepare()
        let before = try await LocalKeys(folder: folder, time: time).existingIssuer().signingKey
        try KeyRotator.request(in: folder.keys, endsTokens: false)
        async let _: Void = launch.renewTokens { _ in }
        for _ in 0..<60 {
            await time.waitForSleepers()
            time.advance(by: TokenRenewal.checkInterval)
        }
        await time.waitForSleepers()
        #expect(try KeyRotation.read(in: folder.keys) == nil)
        let after = try await LocalKeys(folder: folder, time: time).existingIssuer().signingKey
        #expect(after != before)
        for member in launch.members {
            let own = folder.keys(of: member.program)
            let keys = try await KeySet.read(LocalIssuer.keySetPath(in: own))
            #expect(keys.map(\.id) == [after], "\(member.program)")
            let paths = (FileManager.default.subpaths(atPath: own) ?? []).filter { $0.hasSuffix(".token") }
            for path in paths {
                let callee = String(path.split(separator: "/")[1].dropLast(".token".count))
                let verifier = try await LocalIssuer.verifier(in: own, callees: [callee], time: time)
                let token = try TokenFile(path: "\(own)/\(path)", every: .seconds(5), time: time).token()
                #expect(try verifier.verify(token).kind == .service, "\(path)")
            }
        }
    }

    @Test("a failure is reported once and repeated after a pause")
    func failure() async throws {
        let temporary = try TemporaryFolder()
        let folder = DataFolder(temporary.path)
        let time = ManualTime()
        let keys = LocalKeys(folder: folder, time: time)
        _ = try await keys.issuer()
        try KeyRotator.request(in: folder.keys, endsTokens: false)
        let notes = Notes()
        let tries = Notes()
        var rotation = SupervisedRotation(keys.rotator())
        for _ in 0..<12 {
            await rotation.advance(at: time.now, note: { notes.add($0) }) {
                tries.add("")
                throw CommandFailure("the disk is full")
            }
            time.advance(by: .seconds(1))
        }
        #expect(notes.all == ["the keys cannot be rotated, will retry: the disk is full"])
        #expect(tries.all.count == 3)
    }
}
