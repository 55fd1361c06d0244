import MartletCore
import MartletSQL
import SwiftProtobuf
import Testing

@testable import MartletHost

@Suite("Operator API: losses of groups")
struct OperateLossTests {
    let fixture: WordFixture
    let client: OperateClient
    let caller = WordFixture.operatorContext

    init() async throws {
        fixture = try await WordFixture()
        client = fixture.operators()
        try await fixture.database.transaction("lose") { tx in
            for id in 1...2 {
                try tx.run(
                    """
                    INSERT INTO inbox_losses (id, group_name, topic, partition, first_number, last_number, events,
                        reason, first_stored_at, last_stored_at, booked_at)
                    VALUES (\(id), 'words', 'test.words', 3, \(10 * id), \(10 * id + 4), 2, 'purged', 5, 6, 7)
                    """
                )
            }
        }
    }

    private func ids(confirmed: Bool = false, after id: Int64 = 0) async throws -> [Int64] {
        let request = ListGroupLossesRequest.with { ($0.confirmed, $0.afterID) = (confirmed, id) }
        return try await client.listGroupLosses(request, context: caller).losses.map(\.id)
    }

    private func confirm(_ id: Int64) async throws {
        let request = ConfirmGroupLossRequest.with { ($0.id, $0.reason) = (id, "switched off") }
        _ = try await client.confirmGroupLoss(request, context: caller)
    }

    @Test("they are listed by pages, and confirmed once with an audit row")
    func confirmed() async throws {
        let found = try await client.listGroupLosses(.init(), context: caller).losses
        #expect(
            found.map { [$0.first, $0.last, $0.events, Int64($0.partition)] } == [[10, 14, 2, 3], [20, 24, 2, 3]]
        )
        #expect(found.map { [$0.group, $0.topic, $0.reason] }.first == ["words", "test.words", "purged"])
        #expect(try await ids(after: 1) == [2])
        for _ in 0..<2 { try await confirm(1) }
        #expect(try await ids() == [2])
        #expect(try await ids(confirmed: true) == [1, 2])
        let records = try await client.listAudit(.init(), context: caller).records
        #expect(records.map { [$0.who, $0.act, $0.target, $0.before] } == [["olga", "loss.confirm", "1", "2 events"]])
        let unknown = try await #require(throws: Fault.self) { try await confirm(3) }
        #expect(unknown.reason == "operate.unknown_loss")
    }

    @Test("their events wait for an operator until they are confirmed")
    func counted() async throws {
        let work = try #require(OperatorWork.toolkit.first { $0.kind == "lost_events" })
        #expect(try await fixture.database.read("count") { tx in try work.count(tx) } == 4)
        try await confirm(2)
        #expect(try await fixture.database.read("count") { tx in try work.count(tx) } == 2)
    }
}
