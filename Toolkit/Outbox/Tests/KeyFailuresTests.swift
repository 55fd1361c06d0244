import MartletCore
import MartletMessaging
import Testing

@testable import MartletOutbox

@Suite("Key failures")
struct KeyFailuresTests {
    var failures = KeyFailures()
    let start = Moment(nanoseconds: 0)

    private func delivery(_ key: String, _ sequence: Int64 = 1, epoch: Int = 1, attempt: Int = 1) -> Delivery {
        Delivery(
            id: DeliveryID(partition: 0, offset: 1),
            event: .numbered(sequence, of: key, epoch: epoch),
            attempt: attempt
        )
    }

    /// Records a failure and returns the number of attempts.
    private mutating func fail(_ delivery: Delivery, at now: Moment) -> Int {
        failures.failed(delivery, at: now) { _ in .seconds(1) }.attempts
    }

    private mutating func fill() {
        for number in 1...KeyFailures.keysLimit { _ = fail(delivery("\(number)"), at: start) }
    }

    @Test("counts attempts up to the key limit, and uses the bus's count beyond it")
    mutating func full() {
        fill()
        let tracked = fail(delivery("1", attempt: 9), at: start)
        let beyond = [fail(delivery("x", attempt: 3), at: start), fail(delivery("x", attempt: 4), at: start)]
        #expect(tracked == 2)
        #expect(beyond == [3, 4])
    }

    @Test("at the key limit, evicts keys that were not redelivered")
    mutating func eviction() {
        fill()
        let late = start + .seconds(1) + KeyFailures.retention
        let counts = [fail(delivery("x", attempt: 5), at: late), fail(delivery("x", attempt: 6), at: late)]
        #expect(counts == [1, 2])
    }

    @Test("a failing event blocks itself and later events of its key, by epoch and sequence, until its delay is over")
    mutating func blocking() {
        _ = fail(delivery("k", 5), at: start)
        let waiting = [(4, 1), (5, 1), (6, 1), (1, 2)].map { sequence, epoch in
            failures.blocking(.numbered(sequence, of: "k", epoch: epoch), at: start) != nil
        }
        #expect(waiting == [false, true, true, true])
        #expect(failures.blocking(.numbered(6, of: "k"), at: start + .seconds(1)) == nil)

        failures.advanced(to: .numbered(6, of: "k"))
        #expect(failures.blocking(.numbered(5, of: "k"), at: start) == nil)
    }
}
