import MartletConfig
import MartletContract
import MartletCore
import MartletMessaging
import MartletSQL
import MartletSQLite
import MartletSecurity
import MartletTelemetry
import MartletTesting
import Synchronization
import Testing

@testable import MartletHost

/// The settings of a service that keeps notes.
struct NotesSettings: ServiceSettings {
    /// How many days a note is kept.
    let days: Int
    /// Where copies of notes are sent; `nil`: nowhere.
    let archive: String?
    /// The key of the archive; `nil` without one.
    let archiveKey: SecretSource?

    init(_ reader: inout ConfigReader) {
        days = reader.int("days", 30, in: 1...365, help: "How many days a note is kept.")
        archive = reader.optional("archive", help: "Where copies are sent; nowhere if missing.")
        archiveKey = reader.optionalSecret("archive-key", help: "The key of the archive.")
        if archive != nil, days < 7 {
            reader.fault(reader.flag("days"), "must be 7 at least with \(reader.flag("archive"))")
        }
    }
}

/// A service with settings of its own.
struct NotesService: ServiceBlueprint {
    typealias Settings = NotesSettings

    static let name = "notes"
    static let migrations: [Migration] = []

    let days: Int

    init(on platform: Platform) {
        days = platform.settings(of: Self.self).days
        Self.built.withLock { $0.append(days) }
    }

    /// The days of each service that was built, in order.
    static let built = Mutex<[Int]>([])
}

@Suite("Settings of a service", .serialized)
struct ServiceSettingsTests {
    private func read(_ arguments: [String], _ environment: [String: String] = [:]) throws -> NotesSettings {
        let required = ["--data", "d", "--registry", "r", "--keys", "k"]
        let settings = try Daemon.settings(
            "notesd",
            arguments: required + arguments,
            environment: environment,
            crashPoints: []
        ) { reader in
            _ = DaemonSettings(&reader)
            return BlueprintSettings(of: [NotesService.self, WordService.self], &reader).of(NotesService.self)
        }
        return try #require(settings.first as? NotesSettings)
    }

    @Test("are read by flag and variable with the service's name")
    func names() throws {
        #expect(try read([]).days == 30)
        #expect(try read(["--notes-days", "9"]).days == 9)
        #expect(try read([], ["MARTLET_NOTES_DAYS": "8", "MARTLET_NOTES_ARCHIVE": "a"]).archive == "a")
    }

    @Test("that are unknown or invalid are reported together with those of the daemon")
    func faults() throws {
        let faults = try #require(throws: ConfigFaults.self) {
            try read(["--notes-days", "0", "--notes-day", "1", "--days", "2", "--http-port", "x"])
        }
        #expect(
            faults.faults.map(\.description) == [
                "--http-port: 'x' must be a whole number from 0 to 65535",
                "--notes-days: '0' must be a whole number from 1 to 365",
                "--days: is not a flag of notesd",
                "--notes-day: is not a flag of notesd; the nearest is --notes-days",
            ]
        )
        let contradiction = try #require(throws: ConfigFaults.self) {
            try read(["--notes-days", "6", "--notes-archive", "a"])
        }
        #expect(contradiction.faults.map(\.description) == ["--notes-days: must be 7 at least with --notes-archive"])
    }

    @Test("can be secrets, whose files are read at the start, and whose faults do not show them")
    func secrets() throws {
        let folder = try TemporaryFolder()
        try SecretFile.write("sk-visible\n", to: folder.file("key"))
        let settings = try read(["--notes-archive-key", folder.file("key")])
        #expect(settings.archiveKey?.value.exposed == "sk-visible")
        #expect(!"\(settings)".contains("visible"))
        #expect(try read([]).archiveKey == nil)
        let faults = try #require(throws: ConfigFaults.self) {
            try read(["--notes-days", "0"], ["MARTLET_NOTES_ARCHIVE_KEY": "/nowhere/key"])
        }
        #expect(
            faults.faults.map(\.description) == [
                "--notes-days: '0' must be a whole number from 1 to 365",
                "MARTLET_NOTES_ARCHIVE_KEY: '/nowhere/key' there is no such file",
            ]
        )
    }

    @Test("reach the service, and presets where none are given")
    func built() async throws {
        NotesService.built.withLock { $0 = [] }
        for settings in [[], [try NotesSettings.read(["--days", "7"])]] {
            let time = ManualTime()
            var dependencies = WordFixture.dependencies(
                try SQLiteDatabase.inMemory(time: time),
                bus: InMemoryBus(time: time),
                runtime: Runtime(time: time, entropy: SeededEntropy(seed: 1))
            )
            dependencies.settings = settings
            _ = try await ServiceRuntime(NotesService.self, on: dependencies)
        }
        #expect(NotesService.built.withLock { $0 } == [30, 7])
    }

    @Test("with a fault in the file of settings end the program as a variable does")
    func status() throws {
        let faults = try #require(throws: ConfigFaults.self) { try read(["--settings", "/nowhere/settings"]) }
        #expect(faults.faults.map(\.key) == ["/nowhere/settings"])
        #expect(ExitStatus(faults) == .config)
    }
}
