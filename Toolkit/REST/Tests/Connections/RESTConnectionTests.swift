import MartletCore
import MartletTesting
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
        let share = budget.open(from: nil, time: ManualTime()) {}
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
        #expect(connection.oldestUnsentBytes == 21)
        #expect(connection.unsentBytes == 24)
        connection.responseSent()
        #expect(budget.bytes.held == 3)
        #expect(connection.oldestUnsentBytes == 3)
        #expect(connection.unsentBytes == 3)
        connection.responseSent()
        connection.responseSent()
        #expect(budget.bytes.held == 0)
        #expect(connection.unsentBytes == 0)
    }

    @Test("a response is reserved as it grows, and what it does not need is released")
    func response() {
        connection.trust()
        #expect(connection.reserve(10))
        let request = connection.request
        #expect(connection.reserveResponse(upTo: 30, of: request))
        #expect(connection.reserveResponse(upTo: 20, of: request))
        #expect(budget.bytes.held == 40)
        #expect(connection.reserveResponse(upTo: 90, of: request))
        #expect(!connection.reserveResponse(upTo: 91, of: request))
        #expect(!connection.setResponse(91))
        #expect(budget.bytes.held == 100)
        #expect(connection.setResponse(50))
        #expect(budget.bytes.held == 60)
        connection.responseBegins()
        #expect(connection.unsentBytes == 60)
        connection.responseSent()
        #expect(budget.bytes.held == 0)
    }

    @Test("nothing is reserved for the response to an earlier request")
    func earlier() {
        connection.trust()
        let request = connection.request
        connection.responseBegins()
        #expect(!connection.reserveResponse(upTo: 1, of: request))
        #expect(connection.reserveResponse(upTo: 1, of: connection.request))
        #expect(budget.bytes.held == 1)
    }

    @Test("requests that wait behind another one are held until none waits")
    func queue() {
        #expect(connection.queue(6))
        #expect(connection.queue(4))
        #expect(!connection.queue(1))
        #expect(budget.bytes.held == 10)
        connection.queueEnded()
        connection.queueEnded()
        #expect(budget.bytes.held == 0)
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
