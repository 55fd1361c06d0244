import Foundation
import MartletCore
import MartletMessaging
import MartletTesting
import Testing

@testable import MartletNATS

@Suite("NATS over TLS", .timeLimit(.minutes(HangLimit.testMinutes)))
struct NATSTLSProcessTests {
    @Test("a server is accepted with the right authority and name, and with no other")
    func verification() async throws {
        let folder = try ServerFolder()
        for name in ["right", "wrong"] { try await certificate(name, in: folder) }
        let server = try NATSServer(
            in: folder,
            settings: "tls { cert_file: \"\(folder.file("right.crt"))\", key_file: \"\(folder.file("right.key"))\" }"
        )
        try await server.start()
        for (authority, host, isAccepted) in [
            ("right", "broker", true), ("right", "other", false), ("wrong", "broker", false),
        ] {
            let change: @Sendable (inout NATSSettings) -> Void = {
                $0.tls = NATSSettings.TLS(authorities: folder.file("\(authority).crt"), host: host)
                $0.limits.callTimeout = .seconds(2)
            }
            try await server.withBus(change: change) { bus in
                if isAccepted {
                    let outcomes = try await bus.publish([numbered(1, on: "t")])
                    #expect(outcomes == [.accepted])
                } else {
                    await #expect(throws: Fault.self) { try await bus.publish([numbered(2, on: "t")]) }
                }
            }
        }
    }

    /// Makes a key, and a certificate for the name `broker` that it signs itself.
    private func certificate(_ name: String, in folder: ServerFolder) async throws {
        let arguments = [
            "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
            "-subj",
            "/CN=broker", "-addext", "subjectAltName=DNS:broker", "-keyout", folder.file("\(name).key"), "-out",
            folder.file("\(name).crt"),
        ]
        try await ServerProcess("/usr/bin/openssl", arguments, in: folder, name: "openssl-\(name)").run(SystemTime())
    }
}
