import MartletCore
import NIOCore
import Testing

@testable import MartletRPC

@Suite("Server connection lifecycle")
struct ServerConnectionLifecycleTests {
    var lifecycle = ServerConnectionLifecycle()

    @Test("drain: announces GOAWAY, names the last stream id after the PING's acknowledgement, ends with the last call")
    mutating func drain() {
        lifecycle.opened(1)
        lifecycle.opened(3)
        let announced = lifecycle.drain()
        let repeated = lifecycle.drain()
        lifecycle.opened(5)
        let first = lifecycle.streamClosed()
        let acknowledged = lifecycle.pingAcknowledged(ServerConnectionLifecycle.drainPing)
        let second = lifecycle.streamClosed()
        let third = lifecycle.streamClosed()
        #expect(announced == [.goAway(lastStream: nil), .ping(ServerConnectionLifecycle.drainPing)])
        #expect(repeated.isEmpty && first.isEmpty && second.isEmpty)
        #expect(acknowledged == [.goAway(lastStream: 5)])
        #expect(third == [.finish])
    }

    @Test("drain without open calls: names the last stream id and finishes, with or without the PING's acknowledgement")
    mutating func idle() {
        var busy = lifecycle
        let idle = lifecycle.drain()
        let otherPing = lifecycle.pingAcknowledged(7)
        let late = lifecycle.pingAcknowledged(ServerConnectionLifecycle.drainPing)
        busy.opened(1)
        _ = busy.drain()
        let last = busy.streamClosed()
        let over = busy.stop()
        #expect(idle == [.goAway(lastStream: 0), .finish])
        #expect(otherPing.isEmpty && late.isEmpty)
        #expect(last == [.goAway(lastStream: 1), .finish])
        #expect(over == [.close])
    }

    @Test("keepalive: sends a PING after one interval without bytes and closes after the next")
    mutating func unresponsive() {
        let first = lifecycle.intervalOver()
        let second = lifecycle.intervalOver()
        let third = lifecycle.intervalOver()
        let fourth = lifecycle.intervalOver()
        #expect(first.isEmpty)
        #expect(second == [.ping(ServerConnectionLifecycle.keepAlivePing)])
        #expect(third == [.close])
        #expect(fourth.isEmpty)
    }

    @Test("dismiss: GOAWAY and close; a connection that drains continues")
    mutating func dismissed() {
        lifecycle.opened(3)
        var draining = lifecycle
        _ = draining.drain()
        let first = lifecycle.dismiss()
        let second = lifecycle.dismiss()
        let late = draining.dismiss()
        #expect(first == [.goAway(lastStream: 3), .close])
        #expect(second.isEmpty && late.isEmpty)
        #expect(draining.state == .announced)
    }

    @Test("refuse: GOAWAY with an error and close, once")
    mutating func refused() {
        let first = lifecycle.refuse()
        let second = lifecycle.refuse()
        #expect(first == [.calm, .close])
        #expect(second.isEmpty)
    }

    @Test("keepalive: received bytes keep the connection open")
    mutating func responsive() {
        _ = lifecycle.intervalOver()
        _ = lifecycle.intervalOver()
        lifecycle.bytesArrived()
        let next = lifecycle.intervalOver()
        #expect(next.isEmpty)
        #expect(lifecycle.state == .serving)
    }
}

@Suite("Client connection lifecycle")
struct ClientConnectionLifecycleTests {
    typealias Lifecycle = ClientConnectionLifecycle<String, Int>
    var lifecycle = Lifecycle(waitersMax: 2, callsPerLinkMax: 3)
    let start = Moment(nanoseconds: 0)

    @Test("connects for the first call, queues further ones up to the limit, and opens them all")
    mutating func waiting() {
        let begins = [lifecycle.begin(1, now: start), lifecycle.begin(2, now: start), lifecycle.begin(3, now: start)]
        let waiters = lifecycle.connected(1, "link")
        let fourth = lifecycle.begin(4, now: start)
        #expect(begins.map(Self.name) == ["connect 1", "wait", "refuse resourceExhausted"])
        #expect(waiters == [1, 2])
        #expect(Self.name(fourth) == "open link")
    }

    @Test("backs off after a failed connect, then connects again")
    mutating func failure() {
        _ = lifecycle.begin(1, now: start)
        let failed = lifecycle.connectFailed(1, until: start + .seconds(1))
        let backingOff = lifecycle.begin(2, now: start)
        let later = lifecycle.begin(3, now: start + .seconds(1))
        #expect(failed == [1])
        #expect(Self.name(backingOff) == "refuse unavailable")
        #expect(Self.name(later) == "connect 2")
        #expect(lifecycle.failures == 1)
    }

    @Test("replaces a lost link: immediately if it had worked, else after the backoff")
    mutating func lostLink() {
        _ = lifecycle.begin(1, now: start)
        _ = lifecycle.connected(1, "a")
        lifecycle.confirmed(1)
        lifecycle.lost(1, confirmed: true, until: start + .seconds(1))
        let next = lifecycle.begin(2, now: start)
        #expect(Self.name(next) == "connect 2")
        let late = lifecycle.connected(1, "a")
        #expect(late == nil)
        _ = lifecycle.connected(2, "b")
        lifecycle.lost(2, confirmed: false, until: start + .seconds(1))
        let backingOff = lifecycle.begin(3, now: start)
        #expect(Self.name(backingOff) == "refuse unavailable")
    }

    @Test("replaces a link before its stream ids run out")
    mutating func numbers() {
        _ = lifecycle.begin(1, now: start)
        _ = lifecycle.connected(1, "a")
        let begins = [lifecycle.begin(2, now: start), lifecycle.begin(3, now: start), lifecycle.begin(4, now: start)]
        #expect(begins.map(Self.name) == ["open a", "open a", "replace a 2"])
    }

    @Test("refuses all calls after close")
    mutating func close() {
        _ = lifecycle.begin(1, now: start)
        let waiters = lifecycle.close()
        let connected = lifecycle.connected(1, "a")
        let next = lifecycle.begin(2, now: start)
        #expect(waiters == [1])
        #expect(connected == nil)
        #expect(Self.name(next) == "refuse unavailable")
    }

    private static func name(_ begin: Lifecycle.Begin) -> String {
        switch begin {
        case .open(let link): "open \(link)"
        case .wait: "wait"
        case .connect(let number): "connect \(number)"
        case .replace(let link, let number): "replace \(link) \(number)"
        case .refuse(let fault): "refuse \(fault.code)"
        }
    }
}

@Suite("Response queue")
struct ResponseQueueTests {
    @Test("pauses reading when it is full, and resumes when half is read")
    func backpressure() {
        var queue = ResponseInbox.Queue(messagesAhead: 2)
        queue.append(ByteBuffer(bytes: [1]))
        let one = queue.shouldPause()
        queue.append(ByteBuffer(bytes: [2]))
        let two = queue.shouldPause()
        #expect([one, two] == [false, true])
        guard case .message(_, resumesReading: true) = queue.take() else { return #expect(Bool(false)) }
        guard case .message(_, resumesReading: false) = queue.take() else { return #expect(Bool(false)) }
        guard case .nothing = queue.take() else { return #expect(Bool(false)) }
        queue.end(nil)
        queue.end(.deadlineExceeded)
        guard case .end(nil) = queue.take() else { return #expect(Bool(false)) }
    }
}
