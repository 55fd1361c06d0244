import MartletCore
import Testing

@Suite("withDeadline")
struct DeadlineTests {
    let fixed = Fixed(date: Timestamp(microseconds: 0), bits: 0)

    @Test("returns the result of a body that ends in time, or without a deadline")
    func inTime() async throws {
        let limited = try await withDeadline(Moment(nanoseconds: 1), Sleepless()) { 1 }
        let free = try await withDeadline(nil, fixed) { 2 }
        #expect([limited, free] == [1, 2])
    }

    @Test("does not start a body after the deadline")
    func late() async {
        await #expect(throws: Fault.self) {
            try await withDeadline(Moment(nanoseconds: 0), fixed) { Issue.record("the body ran") }
        }
    }

    @Test("cancels a body that takes too long")
    func tooLong() async {
        // This clock's sleep returns immediately: the deadline passes while the body waits for its cancellation.
        await #expect(throws: Fault.self) {
            try await withDeadline(Moment(nanoseconds: 1), fixed) { try await Sleepless().sleep(for: .seconds(1)) }
        }
    }
}

/// A clock whose sleeps end only by cancellation.
struct Sleepless: TimeSource {
    var now: Moment { Moment(nanoseconds: 0) }
    var date: Timestamp { Timestamp(microseconds: 0) }

    func sleep(until moment: Moment) async throws {
        let (stream, _) = AsyncStream<Never>.makeStream()
        for await _ in stream {}
        try Task.checkCancellation()
    }
}
