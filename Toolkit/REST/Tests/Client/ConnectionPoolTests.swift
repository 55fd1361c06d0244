import MartletCore
import Testing

@testable import MartletREST

@Suite("Connection pool of a client")
struct ConnectionPoolTests {
    @Test("connects up to the limit of each peer, then requests wait, and then they are refused")
    func limits() {
        let pool = TestedPool(connectionsMax: 2, waitersMax: 1)
        #expect(["a", "b", "c", "d"].map { pool.begin($0) } == ["connect", "connect", "wait", "refuse overloaded"])
        #expect(pool.begin("e", port: 2) == "connect")
    }

    @Test("a free connection goes to the first waiter; without one it is used by the next request")
    func reuse() {
        let pool = TestedPool(connectionsMax: 1, waitersMax: 2)
        #expect(["a", "b", "c"].map { pool.begin($0) } == ["connect", "wait", "wait"])
        #expect(pool.connected(1))
        #expect((1...3).map { _ in pool.release(1) } == ["use b", "use c", "idle"])
        #expect(pool.begin("d") == "use 1")
        #expect(pool.begin("e") == "wait")
    }

    @Test("a lost connection or attempt leaves its place to a waiter, or to the next request")
    func lost() {
        let pool = TestedPool(connectionsMax: 1, waitersMax: 2)
        #expect(["a", "b"].map { pool.begin($0) } == ["connect", "wait"])
        #expect(pool.failed() == "b")
        #expect(pool.connected(1))
        #expect(pool.release(1) == "idle")
        #expect(pool.lost(1) == nil)
        #expect(pool.release(1) == "close")
        #expect(pool.begin("c") == "connect")
    }

    @Test("only an idle connection is retired, and it counts until it is lost")
    func retired() {
        let pool = TestedPool(connectionsMax: 1, waitersMax: 1)
        #expect(pool.begin("a") == "connect")
        #expect(pool.connected(1))
        #expect(!pool.retire(1))
        #expect(pool.release(1) == "idle")
        #expect(pool.retire(1))
        #expect(!pool.retire(1))
        #expect(pool.begin("b") == "wait")
        #expect(pool.lost(1) == "b")
    }

    @Test("a waiter that was abandoned gets no connection")
    func abandoned() {
        let pool = TestedPool(connectionsMax: 1, waitersMax: 2)
        #expect(["a", "b", "c"].map { pool.begin($0) } == ["connect", "wait", "wait"])
        #expect(pool.connected(1))
        pool.abandon("b")
        #expect(pool.release(1) == "use c")
    }

    @Test("one caller leaves connections and places in the queue to others, with whom it takes turns")
    func callers() {
        let pool = TestedPool(connectionsMax: 8, waitersMax: 8)
        let most = (1...20).map { pool.begin("g\($0)", of: "busy") }
        #expect(most.prefix(6).allSatisfy { $0 == "connect" })
        #expect(most.dropFirst(6).prefix(6).allSatisfy { $0 == "wait" })
        #expect(most.dropFirst(12).allSatisfy { $0 == "refuse overloaded" })
        for id in 1...6 { #expect(pool.connected(id, for: "busy")) }
        #expect(["a", "b", "c"].map { pool.begin($0, of: ExactText($0)) } == ["connect", "connect", "wait"])
        #expect(pool.connected(7, for: "a"))
        #expect(pool.release(1) == "use c")
        #expect(pool.failed(for: "b") == nil)
        #expect(pool.release(7) == "idle")
        #expect(pool.release(1) == "use g7")
        #expect(pool.lost(1) == "g8")
    }

    @Test("closed: returns its connections and waiters, and refuses new ones")
    func closed() {
        let pool = TestedPool(connectionsMax: 1, waitersMax: 2)
        #expect(["a", "b"].map { pool.begin($0) } == ["connect", "wait"])
        #expect(pool.connected(1))
        #expect(pool.close() == "1 b")
        #expect(pool.begin("c") == "refuse shutDown")
        #expect(pool.release(1) == "close")
        #expect(!pool.connected(2))
        #expect(pool.lost(1) == nil)
    }
}

/// A pool whose decisions are text.
private final class TestedPool {
    struct Connection: Identifiable, Sendable {
        let id: Int
    }

    struct Waiter: Identifiable, Sendable {
        let id: String
    }

    private let peer = ClientPeer(host: "h", port: 1)
    private var pool: ConnectionPool<Connection, Waiter>

    init(connectionsMax: Int, waitersMax: Int) {
        pool = ConnectionPool(connectionsMax: connectionsMax, waitersMax: waitersMax)
    }

    func begin(_ id: String, of caller: ExactText = "one", port: Int = 1) -> String {
        switch pool.begin(Waiter(id: id), of: caller, to: ClientPeer(host: "h", port: port)) {
        case .use(let connection): "use \(connection.id)"
        case .connect: "connect"
        case .wait: "wait"
        case .refuse(let error): "refuse \(error)"
        }
    }

    func connected(_ id: Int, for caller: ExactText = "one") -> Bool {
        pool.connected(Connection(id: id), for: caller, to: peer)
    }

    func release(_ id: Int) -> String {
        switch pool.release(Connection(id: id), to: peer) {
        case .use(let waiter): "use \(waiter.id)"
        case .idle: "idle"
        case .close: "close"
        }
    }

    func retire(_ id: Int) -> Bool { pool.retire(id, peer) }

    func lost(_ id: Int) -> String? { pool.lost(id, peer)?.id }

    func failed(for caller: ExactText = "one") -> String? { pool.failed(for: caller, peer)?.id }

    func abandon(_ id: String) { pool.abandon(id, of: "one", peer) }

    /// The ids of the connections, then of the waiters.
    func close() -> String {
        let (connections, waiters) = pool.close()
        return (connections.map { "\($0.id)" } + waiters.map(\.id)).joined(separator: " ")
    }
}
