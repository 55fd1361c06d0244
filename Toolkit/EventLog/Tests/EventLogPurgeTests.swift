import MartletCore
import MartletMessaging
import MartletSQL
import MartletSQLite
import MartletTesting
import Testing

@testable import MartletEventLog

@Suite("Purges of many topics")
struct EventLogPurgeTests {
    private static let topics = (0..<2 * EventLog.purgeBatches + 1).map { "things.\($0)" }

    private let time = ManualTime()
    private let database: SQLiteDatabase
    private var limits = EventLogLimits()

    init() throws {
        database = try SQLiteDatabase.inMemory(time: time)
        limits.acceptsUndeclared = true
        limits.retention = .zero
    }

    private func event(_ sequence: Int64, on topic: String) -> Envelope {
        Envelope(
            id: "\(topic)/\(sequence)",
            source: "test",
            epoch: 1,
            topic: topic,
            key: "k",
            sequence: sequence,
            time: time.date,
            traceparent: nil,
            body: [7]
        )
    }

    /// A log with one event in each topic that is past its retention.
    private func log() async throws -> EventLog {
        let log = try await EventLog.open(
            database,
            runtime: Runtime(time: time, seed: 1),
            policy: .sole("test"),
            limits: limits
        )
        try await log.publish(Self.topics.map { event(1, on: $0) })
        time.advance(by: .seconds(1))
        return log
    }

    private func stored() async throws -> Int {
        try await database.read { tx in try tx.run("SELECT COUNT(*) FROM log_events").first?.int(0) ?? 0 }
    }

    @Test("a part of a purge continues with the topic at which the last one stopped")
    func parts() async throws {
        let log = try await log()
        var next: ExactText?
        for left in [EventLog.purgeBatches + 1, 1] {
            next = try await log.purge(from: next, batchesLimit: EventLog.purgeBatches)
            #expect(next != nil)
            #expect(try await stored() == left)
        }
        #expect(try await log.purge(from: next, batchesLimit: EventLog.purgeBatches) == nil)
        #expect(try await stored() == 0)
    }

    @Test("the log's loop purges all topics, and then waits for the next interval")
    func loop() async throws {
        let log = try await log()
        await withTaskGroup(of: Void.self) { group in
            group.addTask { try? await log.run() }
            await time.passPurge(limits)
            let left = try? await stored()
            #expect(left == 0)
            // One more would be removed by a purge that has not ended.
            _ = try? await log.publish([event(2, on: Self.topics[0])])
            for _ in 0..<3 {
                time.advance(by: limits.flushInterval)
                await time.waitForSleepers()
            }
            let later = try? await stored()
            #expect(later == 1)
            group.cancelAll()
        }
    }
}
