import MartletContract
import MartletCore
import MartletEventLog
import MartletHost
import MartletSQLite
import MartletTesting
import Testing

@testable import EventLogDaemon

@Suite("Event log daemon")
struct EventLogProgramTests {
    @Test("published events survive a restart")
    func reopens() async throws {
        let folder = try TemporaryFolder()
        let time = ManualTime()
        for run in 1...3 {
            let database = try SQLiteDatabase(path: folder.file("eventlog.sqlite"), time: time)
            let log = try await EventLog.open(
                database,
                runtime: Runtime(time: time, seed: UInt64(run)),
                policy: .sole("test")
            )
            let handler = EventLogClient(over: InProcessChannel(.eventLog(log)))
            var declaration = DeclareRequest()
            var topic = TopicDeclaration()
            topic.topic = "mugs"
            declaration.topics = [topic]
            _ = try await handler.declare(declaration, context: context(time))
            _ = try await handler.publish(publication(run), context: context(time))
            let status = try await handler.status(StatusRequest(), context: context(time))
            #expect(status.topics.map(\.topic) == ["mugs"])
            #expect(status.topics.map(\.published) == [Int64(run)])
            await database.close()
        }
    }

    @Test("serves its contract to services and operators only")
    func servicesAndOperators() async throws {
        let time = ManualTime()
        let log = try await EventLog.open(
            try SQLiteDatabase.inMemory(time: time),
            runtime: Runtime(time: time, seed: 1),
            policy: .sole("test")
        )
        let contract = ServedContract.eventLog(log)
        #expect(contract.methods.count == 11)
        #expect(
            contract.methods.allSatisfy { method in
                let access = method.descriptor.access
                return access.scope == "operate" && access.callers.isEmpty
                    || access.users == .noUser && access.callers == [.anyService(for: .itself)]
            }
        )
        #expect(contract.methods.allSatisfy { $0.descriptor.http.isEmpty })
    }

    private func publication(_ sequence: Int) -> PublishRequest {
        var event = EventRecord()
        event.id = "event-\(sequence)"
        event.source = "test"
        event.topic = "mugs"
        event.key = "white"
        event.sequence = Int64(sequence)
        var request = PublishRequest()
        request.events = [event]
        return request
    }

    private func context(_ time: ManualTime) -> CallContext {
        CallContext(principal: Principal(service: "test", for: .itself))
    }
}
