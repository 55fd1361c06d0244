import Synchronization
import Testing

@testable import MartletCore

@Suite("Budget of listeners")
struct ListenerBudgetTests {
    private final class Log: Sendable {
        private let names = Mutex<[String]>([])

        var closed: [String] { names.withLock { $0 } }

        func add(_ name: String) { names.withLock { $0.append(name) } }
    }

    private let log = Log()
    private let clock = SettableClock()
    private let budget: ListenerBudget

    init() {
        budget = ListenerBudget(
            ListenerLimits(connectionsMax: 2, healthConnectionsMax: 1, closingConnectionsMax: 1)
        )
    }

    private func open(_ name: String, at seconds: Int) -> ListenerConnection? {
        clock.set(Self.moment(seconds))
        return budget.open(from: nil, time: clock) { [log] in log.add(name) }
    }

    private static func moment(_ seconds: Int) -> Moment { Moment(nanoseconds: 0) + .seconds(seconds) }

    @Test("the longest idle connection closes for a new one")
    func longestIdle() {
        let first = open("first", at: 1)
        let second = open("second", at: 2)
        first?.began()
        first?.ended(at: Self.moment(3))
        let third = open("third", at: 4)
        #expect(log.closed == ["second"])
        #expect(third?.isReserved == false)
        #expect(budget.connections == 3)
        second?.closed()
        second?.closed()
        #expect(budget.connections == 2)
        let fourth = open("fourth", at: 5)
        #expect(fourth?.isReserved == false)
        #expect(log.closed == ["second", "first"])
    }

    @Test("a connection without a token closes before one with a token")
    func untrusted() {
        let trusted = open("trusted", at: 1)
        trusted?.trust()
        _ = open("anonymous", at: 2)
        _ = open("new", at: 3)
        #expect(log.closed == ["anonymous"])
        #expect(trusted?.isTrusted == true)
    }

    @Test("when all are busy, only health gets a connection, and the next one takes its place")
    func busy() {
        let busy = [open("first", at: 1), open("second", at: 1)]
        for connection in busy { connection?.began() }
        let third = open("third", at: 2)
        #expect(third?.isReserved == true)
        #expect(log.closed.isEmpty)
        let fourth = open("fourth", at: 3)
        #expect(fourth?.isReserved == true)
        #expect(log.closed == ["third"])
    }

    @Test("as long as too many are closing, further ones are refused")
    func closing() {
        let busy = [open("first", at: 1), open("second", at: 1)]
        for connection in busy { connection?.began() }
        let third = open("third", at: 2)
        _ = open("fourth", at: 3)
        #expect(open("fifth", at: 4) == nil)
        third?.closed()
        #expect(open("sixth", at: 5)?.isReserved == true)
        #expect(log.closed == ["third", "fourth"])
    }

    @Test(
        "half of the descriptors are for connections",
        arguments: [(256, 128), (1_024, 512), (20_000, 10_000), (1 << 20, 10_000), (UInt64.max, 10_000), (1, 1)]
    )
    func descriptors(count: UInt64, connections: Int) {
        let limits = ListenerLimits(descriptors: count)
        #expect(limits.connectionsMax == connections)
        #expect(limits.healthConnectionsMax == max(1, min(16, connections / 8)))
        #expect(limits.closingConnectionsMax == max(1, min(64, connections / 8)))
    }

    @Test("its load is what connections hold and need; the highest one is known until it is taken")
    func load() {
        let each = ListenerLimits.connectionBytes
        guard let first = open("first", at: 1) else { return #expect(Bool(false)) }
        let second = open("second", at: 1)
        var account = first.account()
        let reserved = account.reserve(20_000)
        let free = budget.limits.connection.freeBytes
        #expect(reserved)
        #expect(budget.load == 2 * each + 20_000 - free)
        second?.closed()
        account.release(20_000)
        #expect(budget.load == each)
        #expect(budget.takePeakLoad() == 2 * each + 20_000 - free)
        #expect(budget.takePeakLoad() == each)
    }

    @Test("the bytes of a connection are bounded by the budget of the process")
    func bytes() {
        var limits = ListenerLimits(connectionsMax: 2, healthConnectionsMax: 1, closingConnectionsMax: 1)
        limits.bytesMax = 100
        limits.untrustedBytesMax = 10
        limits.connection = ByteAccount.Limits(bytesMax: 100, untrustedBytesMax: 100, freeBytes: 0)
        let budget = ListenerBudget(limits)
        guard let connection = budget.open(from: nil, time: clock, close: {}) else { return #expect(Bool(false)) }
        var account = connection.account()
        let within = account.reserve(10)
        let beyond = account.reserve(1)
        #expect([within, beyond] == [true, false])
    }
}
