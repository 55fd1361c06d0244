import MartletCore
import MartletPostgreSQL
import MartletPostgreSQLTesting
import MartletSQL
import MartletTelemetry
import MartletTesting
import Testing

@Suite(
    "The databases of services",
    .enabled(if: PostgresServer.isAvailable),
    .timeLimit(.minutes(HangLimit.testMinutes))
)
struct PostgresProvisioningSocketTests {
    private static let services: [SQLChannel] = [SQLChannel("svc_a"), SQLChannel("svc_b"), SQLChannel("user")]
    private let time = SystemTime()

    private func open(_ settings: PostgresSettings) -> PostgresDatabase {
        PostgresDatabase(settings, runtime: Runtime(time: time, entropy: SystemEntropy()))
    }

    /// The settings of a role for a database, by TCP.
    private func settings(
        _ server: PostgresServer,
        of role: String,
        in database: String,
        password: String
    ) -> PostgresSettings {
        var settings = server.settings(database, throughSocket: false)
        settings.user = role
        settings.password = { Redacted(password) }
        return settings
    }

    @Test(
        "each role uses its own database with its password, and no role connects to another's, nor to the server's own"
    )
    func pairs() async throws {
        let server = try await PostgresServer(.processOnly)
        try server.requirePasswords()
        try await server.start()
        let admin = open(server.settings("postgres"))
        for _ in 0..<2 {
            for service in Self.services {
                try await PostgresProvisioning(on: admin).provision(service, password: Redacted("it's \(service)"))
            }
        }
        await admin.close()
        for role in Self.services.map({ "\($0)" }) {
            for name in Self.services.map({ "\($0)" }) + ["postgres", "template1"] {
                let other = open(settings(server, of: role, in: name, password: "it's \(role)"))
                let error = await self.error {
                    try await other.migrate([Migration("module", 1, ["CREATE TABLE own (id BIGINT)"])])
                }
                if role == name {
                    #expect(error == nil)
                } else {
                    #expect(error?.kind == .unavailable, "\(role) in \(name)")
                }
                await other.close()
            }
            let wrong = open(settings(server, of: role, in: role, password: "another"))
            #expect(await error { _ = try await wrong.read { try $0.run("SELECT 1") } }?.kind == .unavailable)
            await wrong.close()
        }
        try await server.stop()
    }

    private func error(_ body: () async throws -> Void) async -> SQLError? {
        do {
            try await body()
            return nil
        } catch {
            return error as? SQLError ?? SQLError(.misuse, code: "", message: "\(error)")
        }
    }
}
