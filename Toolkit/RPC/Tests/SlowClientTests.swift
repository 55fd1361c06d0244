import NIOEmbedded
import Testing

@Suite("Slow client")
struct SlowClientTests {
    let connection: EmbeddedConnection

    init() throws { connection = try EmbeddedConnection() }

    @Test("a call whose request does not arrive is ended")
    func request() throws {
        let half = Wire.call(1) + Wire.frame(0, flags: 0, stream: 1, payload: [0, 0, 0, 0, 9])
        let first = try connection.send(Wire.handshake + half)
        let early = try connection.intervalOver()
        let late = try connection.intervalOver()
        #expect(first.filter { $0.stream == 1 }.isEmpty)
        #expect(early.filter { $0.stream == 1 }.isEmpty)
        #expect(late.filter { $0.stream == 1 }.map(\.kind) == [1, 3])
        #expect(connection.channel.isActive)
    }

    @Test("a call whose response is not read is reset")
    func answer() throws {
        // An initial window of 0 for each stream.
        let closed = Wire.frame(4, flags: 0, stream: 0, payload: [0, 4, 0, 0, 0, 0])
        let whole = Wire.call(1) + Wire.frame(0, flags: 1, stream: 1, payload: [0, 0, 0, 0, 3, 10, 1, 65])
        let first = try connection.send(Wire.handshake + closed + whole)
        let early = try connection.intervalOver()
        let late = try connection.intervalOver()
        #expect(first.filter { $0.stream == 1 }.map(\.kind) == [1])
        #expect(early.filter { $0.stream == 1 }.isEmpty)
        #expect(late.filter { $0.stream == 1 }.map(\.kind) == [3])
        #expect(connection.channel.isActive)
    }
}

@Suite("GOAWAY of the server")
struct ServerGoAwayTests {
    let connection: EmbeddedConnection

    init() throws { connection = try EmbeddedConnection() }

    @Test("a call that crosses it is refused; open calls end")
    func crossing() throws {
        _ = try connection.send(Wire.handshake + Wire.call(1))
        try connection.drain()
        let refused = try connection.send(Wire.call(3) + Wire.frame(0, flags: 1, stream: 3, payload: [0, 0, 0, 0, 0]))
        let answered = try connection.send(Wire.frame(0, flags: 1, stream: 1, payload: [0, 0, 0, 0, 0]))
        #expect(refused.filter { $0.stream == 3 }.map(\.kind) == [3])
        #expect(answered.filter { $0.stream == 1 }.map(\.kind) == [1, 0, 1])
    }

    @Test("without open calls it names the last stream id: calls that cross it were not processed")
    func idle() throws {
        let call = Wire.call(1) + Wire.frame(0, flags: 1, stream: 1, payload: [0, 0, 0, 0, 0])
        _ = try connection.send(Wire.handshake + call)
        try connection.drain()
        let frames = try connection.received()
        #expect(frames.map(\.kind) == [7])
        #expect(frames.last?.payload == [0, 0, 0, 1, 0, 0, 0, 0])
    }
}
