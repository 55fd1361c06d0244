import Foundation
import MartletCore
import MartletMessaging
import MartletTelemetry
import MartletTesting
import Synchronization
import Testing

@testable import MartletNATS

@Suite("NATS with faults", .timeLimit(.minutes(HangLimit.testMinutes)))
struct NATSFaultsProcessTests {
    let time = SystemTime()

    private static func quick(_ settings: inout NATSSettings) {
        settings.limits.callTimeout = .milliseconds(500)
        settings.limits.acknowledgementWait = .seconds(1)
    }

    @Test("killed and started again three times: no event is lost, and each key stays in order")
    func killed() async throws {
        let server = try NATSServer()
        try await server.start()
        try await server.withBus(change: Self.quick) { bus in
            let load = Load(bus, events: 400)
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await load.publish() }
                group.addTask { try await load.consume() }
                for kill in 1...3 {
                    try await load.wait(until: kill * 80)
                    try await server.process.kill(SystemTime())
                    try await server.start()
                }
                try await group.waitForAll()
            }
            #expect(load.received == load.expected)
        }
    }

    @Test("a stopped server: a publication fails within its time, and succeeds when the server continues")
    func stopped() async throws {
        let server = try NATSServer()
        try await server.start()
        try await server.withBus(change: { $0.limits.callTimeout = .seconds(2) }) { bus in
            try await repeating { try await bus.publish([numbered(1, on: "t")]) }
            server.process.pause()
            // Its threads stop one by one.
            let fault = await #expect(throws: Fault.self) {
                while true { try await bus.publish([numbered(2, on: "t")]) }
            }
            #expect(fault?.code.outcome == .unknown)
            server.process.resume()
            try await repeating { try await bus.publish([numbered(2, on: "t")]) }
            let member = try await repeating { try await bus.join(topic: "t", group: "test", start: .earliest) }
            // The server continues with what it had received, and stores the repeat no second time.
            #expect(try await received(2, by: member) == [1, 2])
            #expect(try await bus.status().map(\.published) == [2])
        }
    }

    @Test("a server that is away at the start is connected to when it is there")
    func late() async throws {
        let server = try NATSServer()
        try await server.withBus(change: Self.quick) { bus in
            let fault = await #expect(throws: Fault.self) { try await bus.publish([numbered(1, on: "t")]) }
            #expect(fault?.code == .unavailable)
            try await server.start()
            try await repeating { try await bus.publish([numbered(1, on: "t")]) }
        }
    }

    @Test("a server that refuses the credentials, and accepts them later, is connected to again")
    func credentials() async throws {
        let server = try NATSServer(settings: "authorization { user: test, password: earlier }")
        try await server.start()
        let change: @Sendable (inout NATSSettings) -> Void = {
            Self.quick(&$0)
            $0.credentials = .user("test", password: Redacted("later"))
        }
        try await server.withBus(change: change) { bus in
            // The library gives up after its second attempt.
            while bus.link.connection.status != .closed { try await SystemTime().sleep(for: .milliseconds(10)) }
            let fault = await #expect(throws: Fault.self) { try await bus.publish([numbered(1, on: "t")]) }
            #expect(fault?.code == .unavailable)
            let file = server.folder.file("nats.conf")
            let configuration = try String(contentsOfFile: file, encoding: .utf8)
            try server.folder.write(configuration.replacing("earlier", with: "later"), to: "nats.conf")
            server.process.signal(SIGHUP)
            try await repeating { try await bus.publish([numbered(1, on: "t")]) }
        }
    }

    @Test("a process that is stopped: another one gets its partitions and what it held")
    func takeover() async throws {
        let server = try await SharedServer.current.get()
        let change: @Sendable (inout NATSSettings) -> Void = {
            $0.limits.acknowledgementWait = .seconds(1)
            $0.prefix = "takeover"
        }
        var settings = server.settings
        change(&settings)
        let stopped = try await NATSBus.open(settings, service: "test", policy: .sole("test"), runtime: .system)
        // It joins and receives, and then does nothing of what a running one does.
        stopped.state.withLock { $0.isRunning = true }
        try await stopped.publish((1...20).map { numbered(1, of: "key-\($0)", on: "t") })
        let first = try await stopped.join(topic: "t", group: "test", start: .earliest)
        _ = try await received(20, by: first)
        try await server.withBus(change: change) { bus in
            let second = try await bus.join(topic: "t", group: "test", start: .earliest)
            try await bus.publish((1...20).map { numbered(2, of: "key-\($0)", on: "t") })
            var seen: Set<ExactText> = []
            while seen.count < 40 {
                let deliveries = try await second.receive(limit: 100)
                seen.formUnion(deliveries.map { ExactText($0.event.id) })
                try await second.acknowledge(deliveries.map(\.id))
            }
            #expect(try await bus.status().first?.groups.map(\.lag) == [0])
        }
        withExtendedLifetime((stopped, first)) {}
    }

    @Test("a member extends what it holds as its group was made, also when its settings state another time")
    func otherWait() async throws {
        let server = try await SharedServer.current.get()
        let change: @Sendable (inout NATSSettings) -> Void = { $0.prefix = "otherWait" }
        try await server.withBus(
            change: {
                change(&$0)
                Self.quick(&$0)
            },
            { bus in await (try bus.join(topic: "t", group: "test", start: .earliest)).leave() }
        )
        try await server.withBus(
            change: {
                change(&$0)
                $0.limits.acknowledgementWait = .seconds(60)
            },
            { bus in
                let member = try await bus.join(topic: "t", group: "test", start: .earliest)
                #expect((member as? NATSMember)?.wait == .seconds(1))
                #expect(bus.interval == .milliseconds(200))
                await member.leave()
            }
        )
    }

    @Test("a full stream refuses publications, loses nothing, and takes them again after a purge")
    func full() async throws {
        let server = try await SharedServer.current.get()
        let change: @Sendable (inout NATSSettings) -> Void = {
            $0.prefix = "full"
            $0.limits.streamBytes = 20_000
            $0.limits.partitions = 1
        }
        try await server.withBus(change: change) { bus in
            try await bus.declare(BusDeclaration(topics: [TopicPlan("t", retention: .seconds(1))]))
            let member = try await bus.join(topic: "t", group: "test", start: .earliest)
            let body = [UInt8](repeating: 7, count: 4_000)
            var stored: Int64 = 0
            let fault = await #expect(throws: Fault.self) {
                while stored < 100 {
                    try await bus.publish([numbered(stored + 1, on: "t", body: body)])
                    stored += 1
                }
            }
            #expect(fault?.code == .resourceExhausted)
            // There is room for the second one, which must not come before the first.
            await #expect(throws: Fault.self) {
                try await bus.publish([
                    numbered(stored + 1, on: "t", body: body), numbered(stored + 2, on: "t", body: []),
                ])
            }
            #expect(try await bus.status().first?.published == stored)
            var done: [DeliveryID] = []
            while done.count < Int(stored) { done += try await member.receive(limit: 10).map(\.id) }
            try await member.acknowledge(done)
            let later = try await NATSBus.open(
                bus.settings,
                service: "test",
                policy: .sole("test"),
                runtime: Runtime(time: LaterTime(ahead: .seconds(60)), entropy: SystemEntropy())
            )
            try await later.purge("t")
            #expect(try await bus.publish([numbered(stored + 1, on: "t", body: body)]) == [.accepted])
            #expect(try await received(1, by: member) == [stored + 1])
        }
    }

    @Test("a jump of the wall clock removes nothing")
    func jump() async throws {
        let server = try await SharedServer.current.get()
        let time = JumpingTime()
        var settings = server.settings
        settings.prefix = "jump"
        let bus = try await NATSBus.open(
            settings,
            service: "test",
            policy: .sole("test"),
            runtime: Runtime(time: time, entropy: SystemEntropy())
        )
        try await bus.declare(BusDeclaration(topics: [TopicPlan("t", retention: .seconds(60))]))
        try await bus.publish([numbered(1, on: "t")])
        let clock = ClockWatch(time: time, metrics: nil)
        time.jump(by: .seconds(3_600))
        try await bus.purge(unless: clock)
        #expect(try await bus.streams.stream(bus.names.stream("t"))?.state.messages == 1)
        try await bus.purge(unless: ClockWatch(time: time, metrics: nil))
        #expect(try await bus.streams.stream(bus.names.stream("t"))?.state.messages == 0)
    }

    @Test("a server that acknowledges before it writes to the disk is refused, unless that is accepted")
    func unsynced() async throws {
        let server = try NATSServer(syncs: false)
        try await server.start()
        try await server.withBus { bus in
            let fault = await #expect(throws: Fault.self) { try await bus.publish([numbered(1, on: "t")]) }
            #expect(fault?.reason == "nats.unsynced_writes")
            #expect(fault?.message.contains("sync_interval") == true)
            await #expect(throws: Fault.self) { try await bus.declare(BusDeclaration(topics: [TopicPlan("t")])) }
            let topics = try await bus.status()
            #expect(topics.isEmpty)
        }
        let accepting: @Sendable (inout NATSSettings) -> Void = { $0.acceptsUnsyncedWrites = true }
        try await server.withBus(change: accepting) { bus in
            let outcomes = try await bus.publish([numbered(1, on: "t")])
            #expect(outcomes == [.accepted])
        }
    }

    private func received(_ count: Int, by member: any GroupMember) async throws -> [Int64] {
        var events: [Envelope] = []
        while events.count < count { events += try await member.receive(limit: count).map(\.event) }
        return events.map(\.sequence)
    }
}

/// Runs `body` until it succeeds, unless a setting of a server is refused.
@discardableResult
func repeating<R>(_ body: () async throws -> R) async throws -> R {
    let time = SystemTime()
    let limit = time.now + HangLimit.wait
    // What a server's settings are does not change.
    let settings: [Reason] = ["nats.unsynced_writes", "nats.unlisted_servers"]
    while true {
        do {
            return try await body()
        } catch let fault as Fault where time.now < limit && !settings.contains(fault.reason) {
            try await time.sleep(for: .milliseconds(50))
        }
    }
}

/// The system's clocks, of which the wall clock is ahead.
struct LaterTime: TimeSource {
    let ahead: Duration
    private let system = SystemTime()

    init(ahead: Duration) { self.ahead = ahead }

    var now: Moment { system.now }
    var date: Timestamp { system.date + ahead }

    func sleep(until moment: Moment) async throws { try await system.sleep(until: moment) }
}

/// The system's clocks, of which the wall clock jumps.
final class JumpingTime: TimeSource {
    private let ahead = Mutex(Duration.zero)
    private let system = SystemTime()

    var now: Moment { system.now }
    var date: Timestamp { system.date + ahead.withLock { $0 } }

    func jump(by duration: Duration) { ahead.withLock { $0 += duration } }

    func sleep(until moment: Moment) async throws { try await system.sleep(until: moment) }
}
