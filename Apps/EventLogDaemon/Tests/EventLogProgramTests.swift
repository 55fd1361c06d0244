import Foundation
import MartletContract
import MartletCore
import MartletDaemon
import MartletEventLog
import MartletHost
import MartletMessaging
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

    @Test("its policy is of the topology: publishers own, and who calls or consumes reads")
    func policy() throws {
        let folder = try TemporaryFolder()
        let file = folder.file("martlet.json")
        let topology = """
            {
              "name": "mill",
              "processes": [
                {"program": "grindd", "services": ["grind"], "consumes": ["mill.grain.v1.sacks"]},
                {"program": "graind", "services": ["grain"]},
                {"program": "eventlogd", "services": ["eventlog"]}
              ],
              "topics": [
                {"name": "mill.grain.v1.sacks", "publisher": "grain", "partitions": 4},
                {"name": "mill.grind.v1.flour", "publisher": "grind"},
                {"name": "mill.bins.v1.bins", "publisher": "bins"}
              ],
              "methods": [
                {"service": "grind", "name": "mill.grind.v1.Grind/Grind", "users": "NOBODY", "callers": ["bins for users"]},
                {"service": "bins", "name": "mill.bins.v1.Bins/Open", "users": "NOBODY", "callers": ["ANY_SERVICE"]}
              ]
            }
            """
        try Data(topology.utf8).write(to: URL(fileURLWithPath: file))
        let policy = try BusPolicy(topologyAt: file)
        #expect(policy.owner(of: "mill.grain.v1.sacks") == "grain")
        #expect(policy.partitions(of: "mill.grain.v1.sacks") == 4)
        let services: [ExactText] = ["grind", "grain", "bins"]
        func readers(_ topic: String) -> [ExactText] {
            services.filter { policy.denial(ofReading: topic, by: $0) == nil }
        }
        #expect(readers("mill.grain.v1.sacks") == ["grind", "grain"])
        #expect(readers("mill.grind.v1.flour") == ["grind", "bins"])
        // A contract for any service is no edge of one.
        #expect(readers("mill.bins.v1.bins") == ["bins"])
    }

    @Test("a topology that cannot be read is refused, and so is a number of partitions that no topic has")
    func invalidPolicy() throws {
        let folder = try TemporaryFolder()
        let file = folder.file("martlet.json")
        #expect(throws: (any Error).self) { try BusPolicy(topologyAt: file) }
        let topology = #"{"processes": [], "topics": [{"name": "a", "publisher": "b", "partitions": 0}]}"#
        try Data(topology.utf8).write(to: URL(fileURLWithPath: file))
        #expect(throws: (any Error).self) { try BusPolicy(topologyAt: file) }
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
