import MartletCore
import Testing

@testable import MartletNATS

@Suite("The members of a group on NATS")
struct NATSMembershipTests {
    private var membership = NATSMembership()
    private let start = Moment(nanoseconds: 0)
    private let a = ExactText("a")
    private let b = ExactText("b")
    private let c = ExactText("c")

    private func shares(_ members: [ExactText], at now: Moment) -> [[Bool]] {
        members.map { membership.partitions(of: $0, among: 4, at: now) }
    }

    @Test("each partition belongs to one of them, the same in every process")
    mutating func shares() {
        membership.join(b)
        #expect(shares([b], at: start) == [[true, true, true, true]])
        let isAnswered = membership.received(.joined, of: a, at: start)
        #expect(isAnswered)
        #expect(shares([a, b], at: start) == [[true, false, true, false], [false, true, false, true]])
        membership.leave(b)
        #expect(shares([a, b], at: start) == [[true, true, true, true], [false, false, false, false]])
    }

    @Test("one that leaves or is silent for long counts as ended, one of this process never")
    mutating func ends() {
        membership.join(a)
        for other in [b, c] {
            let isAnswered = membership.received(.alive, of: other, at: start)
            #expect(!isAnswered)
        }
        #expect(membership.members(at: start) == [a, b, c])
        _ = membership.received(.left, of: b, at: start)
        #expect(membership.members(at: start) == [a, c])
        #expect(membership.members(at: start + NATSMembership.patience) == [a])
        _ = membership.received(.left, of: a, at: start)
        #expect(membership.members(at: start + .seconds(3_600)) == [a])
    }
}
