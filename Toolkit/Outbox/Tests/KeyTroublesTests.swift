import MartletCore
import MartletMessaging
import Testing

@testable import MartletOutbox

@Suite("The memory for keys in trouble")
struct KeyTroublesTests {
    var troubles = KeyTroubles()
    let start = Moment(nanoseconds: 0)

    private func delivery(_ key: String, _ sequence: Int64 = 1, epoch: Int = 1, attempt: Int = 1) -> Delivery {
        Delivery(
            id: DeliveryID(partition: 0, offset: 1),
            event: .numbered(sequence, of: key, epoch: epoch),
            attempt: attempt
        )
    }

    /// Fails once and answers how often it has.
    private mutating func fail(_ delivery: Delivery, at now: Moment) -> Int {
        troubles.failed(delivery, at: now) { _ in .seconds(1) }.attempts
    }

    private mutating func fill() {
        for number in 1...KeyTroubles.keysLimit { _ = fail(delivery("\(number)"), at: start) }
    }

    @Test("counts itself as far as it reaches, and lets the bus count beyond")
    mutating func full() {
        fill()
        let known = fail(delivery("1", attempt: 9), at: start)
        let beyond = [fail(delivery("x", attempt: 3), at: start), fail(delivery("x", attempt: 4), at: start)]
        #expect(known == 2)
        #expect(beyond == [3, 4])
    }

    @Test("makes room of keys that have not come again")
    mutating func room() {
        fill()
        let late = start + .seconds(1) + KeyTroubles.forgetting
        let counts = [fail(delivery("x", attempt: 5), at: late), fail(delivery("x", attempt: 6), at: late)]
        #expect(counts == [1, 2])
    }

    @Test("lets an event wait for a failing one before it, in the order of epochs and numbers, until its pause is over")
    mutating func blocking() {
        _ = fail(delivery("k", 5), at: start)
        let waiting = [(4, 1), (5, 1), (6, 1), (1, 2)].map { sequence, epoch in
            troubles.blocking(.numbered(sequence, of: "k", epoch: epoch), at: start) != nil
        }
        #expect(waiting == [false, true, true, true])
        #expect(troubles.blocking(.numbered(6, of: "k"), at: start + .seconds(1)) == nil)

        troubles.passed(.numbered(6, of: "k"))
        #expect(troubles.blocking(.numbered(5, of: "k"), at: start) == nil)
    }

    @Test("times a gap by its lowest event, and anew when it has not been seen for long")
    mutating func gaps() {
        var now = start
        for _ in 1...10 {
            _ = troubles.gap(before: .numbered(1, of: "k", epoch: 2), at: now)
            _ = troubles.gap(before: .numbered(7, of: "k"), at: now)
            now = now + .seconds(30)
        }
        let isOverdue = [(7, 1), (1, 2)].map { sequence, epoch in
            troubles.isOverdue(.numbered(sequence, of: "k", epoch: epoch), at: now, patience: .seconds(300))
        }
        #expect(isOverdue == [true, false])
        let open = troubles.gap(before: .numbered(7, of: "k"), at: now + .seconds(60))
        #expect(open == .zero)
    }
}
