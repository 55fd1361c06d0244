import NIOEmbedded
import Testing

@Suite("A client that keeps its call waiting")
struct SlowClientTests {
    let connection: SocketlessConnection

    init() throws { connection = try SocketlessConnection() }

    @Test("loses a call whose request does not come")
    func request() throws {
        let half = Wire.call(1) + Wire.frame(0, 0, stream: 1, [0, 0, 0, 0, 9])
        let first = try connection.say(Wire.hello + half)
        let early = try connection.intervalOver()
        let late = try connection.intervalOver()
        #expect(first.filter { $0.stream == 1 }.isEmpty)
        #expect(early.filter { $0.stream == 1 }.isEmpty)
        #expect(late.filter { $0.stream == 1 }.map(\.kind) == [1, 3])
        #expect(connection.channel.isActive)
    }

    @Test("loses a call whose answer it does not take")
    func answer() throws {
        // A window of nothing for each stream.
        let closed = Wire.frame(4, 0, stream: 0, [0, 4, 0, 0, 0, 0])
        let whole = Wire.call(1) + Wire.frame(0, 1, stream: 1, [0, 0, 0, 0, 3, 10, 1, 65])
        let first = try connection.say(Wire.hello + closed + whole)
        let early = try connection.intervalOver()
        let late = try connection.intervalOver()
        #expect(first.filter { $0.stream == 1 }.map(\.kind) == [1])
        #expect(early.filter { $0.stream == 1 }.isEmpty)
        #expect(late.filter { $0.stream == 1 }.map(\.kind) == [3])
        #expect(connection.channel.isActive)
    }
}

@Suite("A server that says goodbye")
struct ServerGoodbyeTests {
    let connection: SocketlessConnection

    init() throws { connection = try SocketlessConnection() }

    @Test("refuses a call that crosses it and lets the others end")
    func crossing() throws {
        _ = try connection.say(Wire.hello + Wire.call(1))
        try connection.drain()
        let refused = try connection.say(Wire.call(3) + Wire.frame(0, 1, stream: 3, [0, 0, 0, 0, 0]))
        let answered = try connection.say(Wire.frame(0, 1, stream: 1, [0, 0, 0, 0, 0]))
        #expect(refused.filter { $0.stream == 3 }.map(\.kind) == [3])
        #expect(answered.filter { $0.stream == 1 }.map(\.kind) == [1, 0, 1])
    }

    @Test("to a connection without a call names the last one: what crosses it was not processed")
    func idle() throws {
        let hello = Wire.call(1) + Wire.frame(0, 1, stream: 1, [0, 0, 0, 0, 0])
        _ = try connection.say(Wire.hello + hello)
        try connection.drain()
        let said = try connection.heard()
        #expect(said.map(\.kind) == [7])
        #expect(said.last?.payload == [0, 0, 0, 1, 0, 0, 0, 0])
    }
}
