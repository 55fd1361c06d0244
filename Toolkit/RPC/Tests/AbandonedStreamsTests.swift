import MartletCore
import Testing

@testable import MartletRPC

@Suite("Abandoned streams of a client")
struct AbandonedStreamsTests {
    var streams = AbandonedStreams(
        limits: .init(linger: .seconds(1), resetsMax: 2, waitingMax: 3, window: .seconds(30))
    )
    let start = Moment(nanoseconds: 77)

    /// Gives up so many calls whose deadline is then.
    private mutating func giveUp(_ count: Int, until deadline: Moment?, at now: Moment) -> [AbandonedStreams.Fate] {
        (0..<count).map { _ in streams.givenUp(until: deadline, at: now) }
    }

    @Test("a call whose deadline passes is left to the server, which ends it by itself")
    mutating func deadlines() {
        for _ in 1...1_000 {
            let fate = streams.givenUp(until: start, at: start)
            #expect(fate == .wait(until: start + .seconds(1)))
            streams.ended()
        }
        // So is one that is cancelled shortly before.
        let fate = streams.givenUp(until: start + .seconds(1), at: start)
        #expect(fate == .wait(until: start + .seconds(2)))
        #expect(streams.waiting == 1)
    }

    @Test("a cancelled call with a far deadline or none is reset, until there were too many resets")
    mutating func cancelled() {
        let far = giveUp(3, until: start + .seconds(9), at: start)
        #expect(far == [.reset, .reset, .wait(until: start + .seconds(1))])
        let none = giveUp(1, until: nil, at: start + .seconds(29))
        #expect(none == [.wait(until: start + .seconds(30))])
        let later = giveUp(1, until: nil, at: start + .seconds(30))
        #expect(later == [.reset])
    }

    @Test("a stream that the server does not end is reset, when resets are left")
    mutating func expired() {
        _ = giveUp(3, until: start, at: start)
        let ends = (0..<3).map { _ in streams.expired(at: start + .seconds(1)) }
        #expect(ends == [.reset, .reset, .wait(until: start + .seconds(2))])
        #expect(streams.waiting == 1)
    }

    @Test("few streams wait at a time, since each is one of the server's open calls")
    mutating func limit() {
        let fates = giveUp(5, until: start, at: start)
        #expect(fates.count { $0 == .reset } == 2)
        #expect(streams.waiting == 3)
    }
}
