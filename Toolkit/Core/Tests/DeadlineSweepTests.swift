import MartletCore
import Testing

@Suite("Deadline sweep")
struct DeadlineSweepTests {
    var sweep = DeadlineSweep()
    let start = Moment(nanoseconds: 0)

    @Test("reschedules its timer only for an earlier deadline, and returns the expired calls")
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
