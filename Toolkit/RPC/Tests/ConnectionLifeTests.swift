import MartletCore
import NIOCore
import Testing

@testable import MartletRPC

@Suite("The life of a server's connection")
struct ServerConnectionLifeTests {
    var life = ServerConnectionLife()

    @Test("announces its end, names the last call after the client's answer, and finishes with that call")
    mutating func drain() {
        life.opened(1)
        life.opened(3)
        let announced = life.drain()
        let repeated = life.drain()
        life.opened(5)
        let first = life.streamClosed()
        let ponged = life.ponged(ServerConnectionLife.drainPing)
        let second = life.streamClosed()
        let third = life.streamClosed()
        #expect(announced == [.goAway(lastStream: nil), .ping(ServerConnectionLife.drainPing)])
        #expect(repeated.isEmpty && first.isEmpty && second.isEmpty)
        #expect(ponged == [.goAway(lastStream: 5)])
        #expect(third == [.finish])
    }

    @Test("names the last call and finishes when nothing is open, at once or before the client's answer")
    mutating func idle() {
        var busy = life
        let idle = life.drain()
        let stranger = life.ponged(7)
        let late = life.ponged(ServerConnectionLife.drainPing)
        busy.opened(1)
        _ = busy.drain()
        let last = busy.streamClosed()
        let over = busy.stop()
        #expect(idle == [.goAway(lastStream: 0), .finish])
        #expect(stranger.isEmpty && late.isEmpty)
        #expect(last == [.goAway(lastStream: 1), .finish])
        #expect(over == [.close])
    }

    @Test("asks after one silent interval and closes after the next")
    mutating func silence() {
        let first = life.intervalOver()
        let second = life.intervalOver()
        let third = life.intervalOver()
        let fourth = life.intervalOver()
        #expect(first.isEmpty)
        #expect(second == [.ping(ServerConnectionLife.keepAlivePing)])
        #expect(third == [.close])
        #expect(fourth.isEmpty)
    }

    @Test("goes on when the client answers")
    mutating func answer() {
        _ = life.intervalOver()
        _ = life.intervalOver()
        life.bytesArrived()
        let next = life.intervalOver()
        #expect(next.isEmpty)
        #expect(life.state == .serving)
    }
}

@Suite("The life of a client's connection")
struct ClientConnectionLifeTests {
    typealias Life = ClientConnectionLife<String, Int>
    var life = Life(waitersMax: 2, callsPerLinkMax: 3)
    let start = Moment(nanoseconds: 0)

    @Test("connects for the first call, keeps the next ones waiting up to the limit, and opens them all")
    mutating func waiting() {
        let begins = [life.begin(1, now: start), life.begin(2, now: start), life.begin(3, now: start)]
        let waiters = life.connected(1, "link")
        let fourth = life.begin(4, now: start)
        #expect(begins.map(Self.name) == ["connect 1", "wait", "refuse resourceExhausted"])
        #expect(waiters == [1, 2])
        #expect(Self.name(fourth) == "open link")
    }

    @Test("rests after a failure and tries again afterwards")
    mutating func failure() {
        _ = life.begin(1, now: start)
        let failed = life.connectFailed(1, until: start + .seconds(1))
        let resting = life.begin(2, now: start)
        let later = life.begin(3, now: start + .seconds(1))
        #expect(failed == [1])
        #expect(Self.name(resting) == "refuse unavailable")
        #expect(Self.name(later) == "connect 2")
        #expect(life.failures == 1)
    }

    @Test("goes to a new link when the old one says goodbye, at once when it had worked")
    mutating func goodbye() {
        _ = life.begin(1, now: start)
        _ = life.connected(1, "a")
        life.proved(1)
        life.lost(1, proved: true, until: start + .seconds(1))
        let next = life.begin(2, now: start)
        #expect(Self.name(next) == "connect 2")
        let late = life.connected(1, "a")
        #expect(late == nil)
        _ = life.connected(2, "b")
        life.lost(2, proved: false, until: start + .seconds(1))
        let resting = life.begin(3, now: start)
        #expect(Self.name(resting) == "refuse unavailable")
    }

    @Test("replaces a link before its stream numbers run out")
    mutating func numbers() {
        _ = life.begin(1, now: start)
        _ = life.connected(1, "a")
        let begins = [life.begin(2, now: start), life.begin(3, now: start), life.begin(4, now: start)]
        #expect(begins.map(Self.name) == ["open a", "open a", "replace a 2"])
    }

    @Test("refuses all after its close")
    mutating func close() {
        _ = life.begin(1, now: start)
        let waiters = life.close()
        let connected = life.connected(1, "a")
        let next = life.begin(2, now: start)
        #expect(waiters == [1])
        #expect(connected == nil)
        #expect(Self.name(next) == "refuse unavailable")
    }

    private static func name(_ begin: Life.Begin) -> String {
        switch begin {
        case .open(let link): "open \(link)"
        case .wait: "wait"
        case .connect(let number): "connect \(number)"
        case .replace(let link, let number): "replace \(link) \(number)"
        case .refuse(let fault): "refuse \(fault.code)"
        }
    }
}

@Suite("A sweep of deadlines")
struct DeadlineSweepTests {
    var sweep = DeadlineSweep()
    let start = Moment(nanoseconds: 0)

    @Test("moves its timer only for an earlier deadline, and names the calls whose time is over")
    mutating func order() {
        let first = sweep.add(1, until: start + .seconds(5))
        let later = sweep.add(2, until: start + .seconds(6))
        let earlier = sweep.add(3, until: start + .seconds(1))
        sweep.remove(3)
        let (none, next) = sweep.fire(at: start + .seconds(1))
        let (both, end) = sweep.fire(at: start + .seconds(6))
        #expect(first == start + .seconds(5))
        #expect(later == nil)
        #expect(earlier == start + .seconds(1))
        #expect(none.isEmpty)
        #expect(next == start + .seconds(5))
        #expect(both == [1, 2])
        #expect(end == nil)
        #expect(sweep.armed == nil)
    }
}

@Suite("A queue of responses")
struct ResponseQueueTests {
    @Test("holds the connection back when it is full, and lets it go on when half is read")
    func holding() {
        var queue = ResponseInbox.Queue(messagesAhead: 2)
        queue.append(ByteBuffer(bytes: [1]))
        let one = queue.pauses()
        queue.append(ByteBuffer(bytes: [2]))
        let two = queue.pauses()
        #expect([one, two] == [false, true])
        guard case .message(_, resumesReading: true) = queue.take() else { return #expect(Bool(false)) }
        guard case .message(_, resumesReading: false) = queue.take() else { return #expect(Bool(false)) }
        guard case .nothing = queue.take() else { return #expect(Bool(false)) }
        queue.end(nil)
        queue.end(.deadlineExceeded)
        guard case .end(nil) = queue.take() else { return #expect(Bool(false)) }
    }
}
