import MartletCore
import MartletMessaging
import Testing

@testable import MartletNATS

@Suite("A member on NATS")
struct NATSMemberStateTests {
    private var state = NATSMemberState(partitions: 2, window: 10)
    private let start = Moment(nanoseconds: 0)

    private mutating func deliver(
        _ offset: Int64,
        partition: Int = 0,
        pin: String? = "pin",
        at now: Moment? = nil
    ) -> Bool {
        let id = DeliveryID(partition: partition, offset: offset)
        let delivery = Delivery(id: id, event: numbered(offset, on: "t"), attempt: 1)
        return state.deliver(delivery, reply: "ack.\(partition).\(offset)", pin: pin, at: now ?? start)
    }

    @Test("asks for each partition once, and shares the window among them")
    mutating func requests() {
        let first = state.pulls([true, true], at: start)
        #expect(first.map(\.partition) == [0, 1])
        #expect(first.map(\.batch) == [5, 5])
        #expect(state.pulls([true, true], at: start).isEmpty)
    }

    @Test("asks only for what it is to have, with the server's name for it, until its window is full")
    mutating func window() {
        let first = state.pulls([true, false], at: start)
        #expect(first.map(\.batch) == [10])
        for offset in 1...10 { _ = deliver(Int64(offset)) }
        #expect(state.pulls([true, false], at: start).isEmpty)
        let taken = state.take(4)
        #expect(taken.map(\.id.offset) == [1, 2, 3, 4])
        #expect(state.release(taken.prefix(3).map(\.id)) == [["ack.0.1", "ack.0.2", "ack.0.3"]])
        let second = state.pulls([true, false], at: start)
        #expect(second.map(\.batch) == [3])
        #expect(second.map(\.pin) == ["pin"])
    }

    @Test("what is not an event of ours ends its request as an event does, and is not held")
    mutating func foreign() {
        #expect(state.pulls([true, false], at: start).map(\.batch) == [10])
        for _ in 1...9 { state.arrived(in: 0) }
        #expect(state.pulls([true, false], at: start).isEmpty)
        state.arrived(in: 0)
        #expect(state.pulls([true, false], at: start).map(\.batch) == [10])
        state.arrived(in: 9)
    }

    @Test("a request without an answer is repeated after its time, one that ended at once")
    mutating func repeats() throws {
        let first = try #require(state.pulls([true, false], at: start).first)
        let end = start + NATSMemberState.pullDuration
        #expect(state.pulls([true, false], at: end).isEmpty)
        #expect(state.pulls([true, false], at: end + .seconds(1)).count == 1)
        // An answer to the first one is late: it ends nothing.
        state.ended(0, first.number, status: 408, at: end)
        #expect(state.pulls([true, false], at: end + .seconds(1)).isEmpty)
    }

    @Test("a partition that was given to another member is asked for without a name, after a pause")
    mutating func wrongPin() throws {
        _ = state.pulls([true, false], at: start)
        _ = deliver(1)
        let second = try #require(state.pulls([true, false], at: start + .seconds(3)).first)
        #expect(second.pin == "pin")
        state.ended(0, second.number, status: 423, at: start + .seconds(3))
        #expect(state.pulls([true, false], at: start + .seconds(3)).isEmpty)
        #expect(state.pulls([true, false], at: start + .seconds(4)).map(\.pin) == [nil])
    }

    @Test("what is held for long is extended, again and again, until it is stuck")
    mutating func extensions() {
        _ = deliver(1)
        #expect(state.extensions(.seconds(3), at: start).isEmpty)
        for second in 1...5 {
            #expect(state.extensions(.seconds(3), at: start + .seconds(second)) == ["ack.0.1"])
            #expect(state.extensions(.seconds(3), at: start + .seconds(second)).isEmpty)
        }
        #expect(!state.isStuck(after: .seconds(5), at: start + .milliseconds(4_999)))
        #expect(state.isStuck(after: .seconds(5), at: start + .seconds(5)))
    }

    @Test("a partition is given away when nothing of it is held and no request is open")
    mutating func givesAway() {
        _ = state.pulls([true, true], at: start)
        _ = deliver(1)
        #expect(state.unpins([false, true]).isEmpty)
        _ = state.release([DeliveryID(partition: 0, offset: 1)])
        #expect(state.unpins([false, true]).isEmpty)
        state.disconnected()
        #expect(state.unpins([false, true]) == [0])
        #expect(state.unpins([false, true]).isEmpty)
    }

    @Test("what comes again is held once, and an acknowledgement of what is not held does nothing")
    mutating func again() {
        _ = deliver(1)
        _ = deliver(1)
        #expect(state.take(10).map(\.id.offset) == [1])
        #expect(state.release([DeliveryID(partition: 0, offset: 1)]) == [["ack.0.1"]])
        #expect(state.release([DeliveryID(partition: 0, offset: 1), DeliveryID(partition: 9, offset: 1)]).isEmpty)
    }

    @Test("at its end it returns everything in order, and refuses what comes later")
    mutating func leaves() {
        _ = state.pulls([true, true], at: start)
        for offset in [2, 1, 3] { _ = deliver(Int64(offset)) }
        let left = state.leave()
        #expect(left.replies == ["ack.0.1", "ack.0.2", "ack.0.3"])
        #expect(left.used == [0, 1])
        #expect(left.pinned == [0])
        #expect(state.leave().replies.isEmpty)
        let isRefused = deliver(4)
        #expect(isRefused)
        #expect(state.pulls([true, true], at: start + .seconds(60)).isEmpty)
    }
}
