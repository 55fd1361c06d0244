import MartletCore
import Testing

@Suite("A deadline")
struct DeadlineTests {
    let fixed = Fixed(date: Timestamp(microseconds: 0), bits: 0)

    @Test("lets a body answer in time, and without one for ever")
    func inTime() async throws {
        let limited = try await withDeadline(Moment(nanoseconds: 1), Sleepless()) { 1 }
        let free = try await withDeadline(nil, fixed) { 2 }
        #expect([limited, free] == [1, 2])
    }

    @Test("does not begin what is late already")
    func late() async {
        await #expect(throws: Fault.self) {
            try await withDeadline(Moment(nanoseconds: 0), fixed) { Issue.record("the body ran") }
        }
    }

    @Test("ends a body that takes too long")
    func tooLong() async {
        // This clock's sleep returns at once: the time is over while the body still waits to be cancelled.
        await #expect(throws: Fault.self) {
            try await withDeadline(Moment(nanoseconds: 1), fixed) { try await Sleepless().sleep(for: .seconds(1)) }
        }
    }
}

/// A clock on which nothing ever comes.
struct Sleepless: TimeSource {
    var now: Moment { Moment(nanoseconds: 0) }
    var date: Timestamp { Timestamp(microseconds: 0) }

    func sleep(until moment: Moment) async throws {
        let (stream, _) = AsyncStream<Never>.makeStream()
        for await _ in stream {}
        try Task.checkCancellation()
    }
}
