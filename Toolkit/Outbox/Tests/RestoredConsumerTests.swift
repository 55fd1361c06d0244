import MartletCore
import MartletMessaging
import MartletSQL
import MartletSQLite
import MartletTesting
import Testing

@testable import MartletOutbox

@Suite("A restored consumer", .timeLimit(.minutes(HangLimit.testMinutes)))
struct RestoredConsumerTests {
    let fixture: OutboxFixture
    let handler = FaultyHandler()

    init() async throws { fixture = try await OutboxFixture() }

    /// Runs the subscription on a database until it has no lag.
    private func consume(on database: any SQLDatabase, start: GroupStart = .earliest, joins: Int = 1) async throws {
        let bus = DisconnectingBus(fixture.bus, joins: joins)
        let runner = SubscriptionRunner(
            [handler.subscription(start: start)],
            database: database,
            bus: bus,
            runtime: fixture.runtime
        )
        async let _: Void = fixture.passTime()
        await #expect(throws: CancellationError.self) { try await runner.run() }
    }

    private func restore(_ database: any SQLDatabase) async throws {
        let entropy = fixture.entropy
        _ = try await database.transaction("restore") { tx in try Restores.begin(after: nil, entropy, in: tx) }
    }

    private func effects(on database: any SQLDatabase) async throws -> [Int] {
        try await database.read("effects") { tx in
            try tx.run("SELECT sequence FROM effects ORDER BY number").map { try $0.int(0) }
        }
    }

    @Test("its groups go back to the oldest event that the bus holds, once, and take what they have forgotten")
    func again() async throws {
        try await fixture.bus.publish([.numbered(1, of: "a"), .numbered(2, of: "a")])
        try await consume(on: fixture.target)
        #expect(try await fixture.effects(of: "a") == [1, 2])

        // From before the second event.
        let backup = try await OutboxFixture.database(fixture.time)
        let subscription = handler.subscription()
        _ = try await backup.transaction { tx in try GroupRows.begin(subscription, isWhole: false, in: tx) }
        _ = try await subscription.deliver(.numbered(1, of: "a"), on: backup)
        try await restore(backup)
        try await consume(on: backup)
        #expect(try await effects(on: backup) == [1, 2])
        let rewound = try await backup.read { tx in try GroupRows.rewound(subscription, in: tx) }
        #expect(rewound == 1)
        #expect(try await fixture.lag() == 0)
    }

    @Test("a backup of before its group began: it goes back, too")
    func unknownGroup() async throws {
        try await fixture.bus.publish([.numbered(1, of: "a")])
        try await consume(on: fixture.target)
        let backup = try await OutboxFixture.database(fixture.time)
        try await restore(backup)
        try await consume(on: backup)
        #expect(try await effects(on: backup) == [1])
    }

    @Test("a group that began with the latest event continues from what it had taken, and counts what is older")
    func latest() async throws {
        let backup = try await OutboxFixture.database(fixture.time)
        let subscription = handler.subscription(start: .latest)
        try await fixture.bus.publish([.numbered(1, of: "a")])
        let began = try await backup.transaction { tx in
            try tx.run(
                """
                INSERT INTO inbox_groups (group_name, topic, began_at, before_count)
                VALUES ('g', 'things', \(Timestamp(seconds: 2).microseconds), 0)
                """
            )
            return try GroupRows.beginning(of: subscription, in: tx)
        }
        #expect(began?.began == Timestamp(seconds: 2))
        try await restore(backup)
        try await consume(on: backup, start: .latest)
        #expect(try await effects(on: backup) == [])
        let before = try await backup.read { tx in
            try tx.run("SELECT before_count FROM inbox_groups").map { try $0.int(0) }
        }
        #expect(before == [1])
    }
}
