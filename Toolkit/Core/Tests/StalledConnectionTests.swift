import Synchronization
import Testing

@testable import MartletCore

@Suite("Connections whose clients make no progress")
struct StalledConnectionTests {
    /// A connection, and what its owner does with it.
    private final class Holder {
        let connection: ListenerConnection
        private var account: ByteAccount

        init(_ connection: ListenerConnection) {
            self.connection = connection
            account = connection.account()
        }

        func hold(_ bytes: Int) -> Bool { account.reserve(bytes) }

        func release(_ bytes: Int) { account.release(bytes) }

        func trust() {
            connection.trust()
            account.trust()
        }
    }

    private let closed = Closed()
    private let clock = SettableClock()
    private let budget: ListenerBudget

    init() {
        var limits = ListenerLimits(connectionsMax: 8, healthConnectionsMax: 1, closingConnectionsMax: 2)
        limits.bytesMax = 200
        limits.untrustedBytesMax = 100
        limits.connection = ByteAccount.Limits(bytesMax: 1_000, untrustedBytesMax: 1_000, freeBytes: 0)
        limits.stallTime = .seconds(2)
        budget = ListenerBudget(limits)
    }

    private func open(_ name: String, from address: String? = nil) throws -> Holder {
        let peer = try address.map { try #require(IPAddress($0)) }
        let connection = budget.open(from: peer, time: clock) { [closed] in closed.names.withLock { $0.append(name) } }
        return Holder(try #require(connection))
    }

    private func set(milliseconds: Int) { clock.set(Moment(nanoseconds: 0) + .milliseconds(milliseconds)) }

    @Test("the one that has stalled for longest closes for one that needs space, and its bytes are free at once")
    func longest() throws {
        let first = try open("first")
        #expect(first.hold(50))
        set(milliseconds: 500)
        let second = try open("second")
        #expect(second.hold(50))
        let third = try open("third")
        set(milliseconds: 1_999)
        #expect(!third.hold(30))
        set(milliseconds: 2_600)
        #expect(third.hold(30))
        #expect(closed.all == ["first"])
        #expect(first.connection.gaveWay && !second.connection.gaveWay)
        #expect(budget.bytes.held == 80)
        #expect(!first.hold(1))
        first.release(50)
        #expect(budget.bytes.held == 80)
    }

    @Test("one whose client sends or takes a part, or whose request is handled, does not give way")
    func progress() throws {
        let (sender, worker, idle) = (try open("sender"), try open("worker"), try open("idle"))
        #expect(sender.hold(50))
        #expect(worker.hold(50))
        worker.connection.began()
        set(milliseconds: 1_000)
        sender.connection.progressed(at: clock.now)
        set(milliseconds: 2_999)
        #expect(!idle.hold(1))
        worker.connection.ended(at: clock.now)
        set(milliseconds: 3_100)
        #expect(idle.hold(1))
        #expect(closed.all == ["sender"])
    }

    @Test("none closes when all that stall hold too little, or when too many would close")
    func inVain() throws {
        let holders = [try open("first"), try open("second"), try open("third")]
        for holder in holders { #expect(holder.hold(30)) }
        let newcomer = try open("newcomer")
        set(milliseconds: 2_000)
        #expect(!newcomer.hold(101))
        #expect(!newcomer.hold(71))
        #expect(closed.all.isEmpty)
        #expect(newcomer.hold(70))
        #expect(closed.all == ["first", "second"])
    }

    @Test("what an address lacks of its share its own connections give")
    func address() throws {
        let other = try open("other", from: "192.0.2.2")
        #expect(other.hold(25))
        // A quarter stays free for addresses that hold less than an eighth.
        let first = try open("first", from: "192.0.2.1")
        #expect(first.hold(50))
        let second = try open("second", from: "192.0.2.1")
        #expect(!second.hold(10))
        let guest = try open("guest", from: "192.0.2.3")
        #expect(guest.hold(12))
        set(milliseconds: 2_000)
        #expect(second.hold(10))
        #expect(closed.all == ["first"])
    }

    @Test("the addresses of one IPv6 subscriber have one share")
    func subscriber() throws {
        let first = try open("first", from: "2001:db8::1")
        let second = try open("second", from: "2001:db8::2:1")
        #expect(first.hold(75))
        #expect(!second.hold(12))
        first.connection.closed()
        first.connection.closed()
        #expect(!second.hold(12))
        first.release(75)
        #expect(second.hold(12))
    }

    @Test("one with a token gives way last, and only when the whole budget is spent")
    func trusted() throws {
        let caller = try open("caller")
        caller.trust()
        #expect(caller.hold(100))
        set(milliseconds: 1_000)
        let guest = try open("guest")
        #expect(guest.hold(100))
        set(milliseconds: 5_000)
        let next = try open("next")
        next.trust()
        #expect(next.hold(50))
        #expect(closed.all == ["guest"])
        #expect(next.hold(60))
        #expect(closed.all == ["guest", "caller"])
        #expect(budget.bytes.held == 110)
    }

    @Test("after a search that found none the next one has a pause")
    func pause() throws {
        let busy = try open("busy")
        #expect(busy.hold(100))
        busy.connection.began()
        let newcomer = try open("newcomer")
        set(milliseconds: 5_000)
        #expect(!newcomer.hold(1))
        busy.connection.ended(at: Moment(nanoseconds: 0))
        #expect(!newcomer.hold(1))
        clock.set(clock.now + ConnectionTable.searchPause)
        #expect(newcomer.hold(1))
    }

    @Test("after a search that found too little the next one for as much has a pause")
    func pauseOfMore() throws {
        let (stalled, busy) = (try open("stalled"), try open("busy"))
        #expect(stalled.hold(30))
        #expect(busy.hold(60))
        busy.connection.began()
        let newcomer = try open("newcomer")
        set(milliseconds: 5_000)
        #expect(!newcomer.hold(50))
        busy.connection.ended(at: Moment(nanoseconds: 0))
        #expect(!newcomer.hold(50))
        #expect(closed.all.isEmpty)
        clock.set(clock.now + ConnectionTable.searchPause)
        #expect(newcomer.hold(50))
        #expect(!closed.all.isEmpty)
    }
}

/// The names of connections that were asked to close.
private final class Closed: Sendable {
    let names = Mutex<[String]>([])

    var all: [String] { names.withLock { $0 } }
}
