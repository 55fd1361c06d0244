import Synchronization
import Testing

@testable import MartletCore

@Suite("Connections of addresses with many of them")
struct CrowdedConnectionTests {
    private final class Log: Sendable {
        private let names = Mutex<[String]>([])

        var closed: [String] { names.withLock { $0 } }

        func add(_ name: String) { names.withLock { $0.append(name) } }
    }

    private static let (crowd, other, newcomer) = ("192.0.2.1", "192.0.2.2", "192.0.2.3")
    /// Asks before a client has stalled for long enough.
    private static let early = "192.0.2.4"

    private let log = Log()
    private let clock = SettableClock()

    /// A budget of so many connections; one of them is for an address that has few, from eight on.
    private static func budget(_ connections: Int) -> ListenerBudget {
        ListenerBudget(ListenerLimits(connectionsMax: connections, healthConnectionsMax: 1, closingConnectionsMax: 4))
    }

    private func set(milliseconds: Int) { clock.set(Moment(nanoseconds: 0) + .milliseconds(milliseconds)) }

    private func open(
        _ name: String,
        from address: String,
        in budget: ListenerBudget
    ) throws -> ListenerConnection {
        let peer = try #require(IPAddress(address))
        let connection = budget.open(from: peer, time: clock) { [log] in log.add(name) }
        return try #require(connection)
    }

    /// A connection whose response waits for its client.
    private func sending(
        _ name: String,
        from address: String = crowd,
        in budget: ListenerBudget
    ) throws -> ListenerConnection {
        let connection = try open(name, from: address, in: budget)
        connection.setSending(true)
        return connection
    }

    @Test("the longest stalled one of the address that has most closes, with whatever is not sent")
    func stalled() throws {
        let budget = Self.budget(4)
        _ = try sending("of another address", from: Self.other, in: budget)
        let first = try sending("first", in: budget)
        set(milliseconds: 100)
        let second = try sending("second", in: budget)
        _ = try sending("third", in: budget)
        set(milliseconds: 1_999)
        #expect(try open("early", from: Self.early, in: budget).isReserved)
        set(milliseconds: 2_000)
        #expect(try !open("newcomer", from: Self.newcomer, in: budget).isReserved)
        #expect(log.closed == ["first"])
        #expect(first.gaveWay && !second.gaveWay)
    }

    @Test("one that is idle closes before one that is stalled, and gracefully")
    func idle() throws {
        let budget = Self.budget(3)
        _ = try sending("first", in: budget)
        _ = try sending("second", in: budget)
        set(milliseconds: 5_000)
        let idle = try open("idle", from: Self.other, in: budget)
        #expect(try !open("newcomer", from: Self.newcomer, in: budget).isReserved)
        #expect(log.closed == ["idle"])
        #expect(!idle.gaveWay)
    }

    @Test("one with a token closes after those without one")
    func trusted() throws {
        let budget = Self.budget(2)
        try sending("with a token", in: budget).trust()
        set(milliseconds: 100)
        _ = try sending("without", in: budget)
        set(milliseconds: 5_000)
        _ = try open("newcomer", from: Self.newcomer, in: budget)
        #expect(log.closed == ["without"])
    }

    @Test("one whose client makes progress, or whose request is handled, keeps its place")
    func progress() throws {
        let budget = Self.budget(3)
        let reader = try sending("reader", in: budget)
        let worker = try sending("worker", in: budget)
        worker.began()
        let caller = try sending("caller", in: budget)
        set(milliseconds: 4_000)
        for connection in [reader, caller] { connection.progressed(at: clock.now) }
        set(milliseconds: 5_999)
        #expect(try open("newcomer", from: Self.newcomer, in: budget).isReserved)
        #expect(log.closed.isEmpty)
    }

    @Test("one whose request is handled closes when its response is blocked by the client")
    func blocked() throws {
        let budget = Self.budget(2)
        let streams = [try sending("first", in: budget), try sending("second", in: budget)]
        for connection in streams { connection.began() }
        set(milliseconds: 3_000)
        streams[1].progressed(at: clock.now)
        streams[1].setBlocked(true)
        #expect(try open("early", from: Self.early, in: budget).isReserved)
        set(milliseconds: 5_000)
        #expect(try !sending("newcomer", from: Self.newcomer, in: budget).isReserved)
        #expect(log.closed == ["second"])
        streams[0].setBlocked(true)
        streams[0].setBlocked(false)
        #expect(try open("late", from: Self.early, in: budget).isReserved)
    }

    @Test("one gives way to another address only when that then has at most half as many, and to its own")
    func half() throws {
        let budget = Self.budget(5)
        for name in ["a", "b", "c"] { _ = try sending(name, in: budget) }
        let others = [
            try sending("d", from: Self.other, in: budget), try sending("e", from: Self.other, in: budget),
        ]
        set(milliseconds: 2_000)
        for connection in others { connection.progressed(at: clock.now) }
        #expect(try open("of the other", from: Self.other, in: budget).isReserved)
        #expect(log.closed.isEmpty)
        #expect(try !open("of the same", from: Self.crowd, in: budget).isReserved)
        #expect(log.closed == ["a"])
    }

    @Test("the last places are for addresses that have few, at once")
    func places() throws {
        let budget = Self.budget(8)
        for number in 1...7 { _ = try sending("\(number)", in: budget) }
        #expect(try open("eighth", from: Self.crowd, in: budget).isReserved)
        #expect(try !open("newcomer", from: Self.newcomer, in: budget).isReserved)
        #expect(log.closed.isEmpty)
    }

    @Test("a new one that has no request yet is not closed for an address that has more")
    func new() throws {
        let budget = Self.budget(8)
        for number in 1...7 { _ = try sending("\(number)", in: budget) }
        _ = try open("new", from: Self.other, in: budget)
        #expect(try open("of the crowd", from: Self.crowd, in: budget).isReserved)
        #expect(log.closed.isEmpty)
        #expect(try !open("newcomer", from: Self.newcomer, in: budget).isReserved)
        #expect(log.closed == ["new"])
    }

    @Test("many addresses with many connections each leave the last places to one with few")
    func manyAddresses() throws {
        let budget = Self.budget(64)
        for number in 0..<56 { _ = try sending("\(number)", from: "198.51.100.\(number % 7)", in: budget) }
        #expect(try open("of one of them", from: "198.51.100.3", in: budget).isReserved)
        for number in 1...8 {
            #expect(try !sending("busy", from: "203.0.113.\(number)", in: budget).isReserved)
        }
        #expect(log.closed.isEmpty)
        set(milliseconds: 2_000)
        #expect(try !open("newcomer", from: Self.newcomer, in: budget).isReserved)
        // Its address has one more, which is for health.
        #expect(log.closed == ["3"])
    }

    @Test("the place of one that is closing is free")
    func closing() throws {
        let budget = Self.budget(8)
        for number in 1...11 { _ = try open("\(number)", from: Self.crowd, in: budget) }
        #expect(log.closed == ["1", "2", "3", "4"])
        #expect(try open("of the crowd", from: Self.crowd, in: budget).isReserved)
        #expect(try !open("newcomer", from: Self.newcomer, in: budget).isReserved)
    }

    @Test("many connections without a token do not push out an idle one with a token; an address with few may")
    func pushed() throws {
        let budget = Self.budget(8)
        try open("caller", from: Self.crowd, in: budget).trust()
        for number in 1...6 { _ = try sending("\(number)", in: budget) }
        #expect(try open("eighth", from: Self.crowd, in: budget).isReserved)
        #expect(log.closed.isEmpty)
        _ = try sending("other", from: Self.other, in: budget)
        #expect(try !open("newcomer", from: Self.newcomer, in: budget).isReserved)
        #expect(log.closed == ["caller"])
    }

    @Test("callers with tokens behind one address replace each other's idle connections")
    func proxy() throws {
        let budget = Self.budget(8)
        for number in 1...7 { try open("\(number)", from: Self.crowd, in: budget).trust() }
        #expect(try !open("eighth", from: Self.crowd, in: budget).isReserved)
        #expect(log.closed == ["1"])
    }

    @Test(
        "the last eighth of the connections is for addresses with few",
        arguments: [(1, 1), (7, 7), (8, 7), (512, 448)]
    )
    func limit(connections: Int, places: Int) {
        let limits = ListenerLimits(connectionsMax: connections, healthConnectionsMax: 1, closingConnectionsMax: 1)
        #expect(limits.crowdConnectionsMax == places)
    }
}
