import MartletCore
import Testing

@testable import MartletREST

@Suite("Connection of a REST listener")
struct RESTConnectionTests {
    let budget: ListenerBudget
    let connection: RESTConnection

    init() throws {
        var limits = ListenerLimits(connectionsMax: 1, healthConnectionsMax: 1, closingConnectionsMax: 1)
        limits.connection = ByteAccount.Limits(bytesMax: 100, untrustedBytesMax: 10, freeBytes: 0)
        budget = ListenerBudget(limits)
        connection = try Self.connection(of: budget)
    }

    private static func connection(of budget: ListenerBudget) throws -> RESTConnection {
        let share = budget.open(at: Moment(nanoseconds: 0)) {}
        return RESTConnection(try #require(share), peer: nil)
    }

    @Test("may hold more once a token was accepted")
    func trusted() {
        #expect(connection.reserve(10))
        #expect(!connection.reserve(1))
        connection.trust()
        connection.trust()
        #expect(connection.reserve(90))
        #expect(!connection.reserve(1))
        #expect(budget.bytes.held == 100)
    }

    @Test("holds the bytes of a request and its response until the response is sent, each for itself")
    func sent() {
        connection.trust()
        #expect(connection.reserve(1))
        #expect(connection.reserve(20))
        connection.responseBegins()
        #expect(connection.reserve(3))
        #expect(connection.unsentBytes == 21)
        connection.responseBegins()
        connection.responseSent()
        #expect(budget.bytes.held == 3)
        #expect(connection.unsentBytes == 3)
        connection.responseSent()
        connection.responseSent()
        #expect(budget.bytes.held == 0)
        #expect(connection.unsentBytes == 0)
    }

    @Test("releases what it still holds at its end")
    func ended() throws {
        let limits = budget.limits
        let budget = ListenerBudget(limits)
        func hold() throws {
            let connection = try Self.connection(of: budget)
            #expect(connection.reserve(7))
            #expect(budget.bytes.held == 7)
        }
        try hold()
        #expect(budget.bytes.held == 0)
    }
}
