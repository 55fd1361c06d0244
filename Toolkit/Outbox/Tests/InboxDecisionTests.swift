import MartletMessaging
import Testing

@testable import MartletOutbox

@Suite("Inbox decision")
struct InboxDecisionTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let sequence: Int64
        var epoch = 2
        var position: (epoch: Int, last: Int64)?
        var isParked = false
        var anyBase = false
        let decision: InboxDecision

        var testDescription: String { "\(epoch)/\(sequence) at \(String(describing: position)) is \(decision)" }
    }

    @Test(
        "depends on the position of the event's key",
        arguments: [
            Case(sequence: 1, decision: .handle),
            Case(sequence: 2, decision: .gap),
            Case(sequence: 2, anyBase: true, decision: .handle),
            Case(sequence: 0, anyBase: true, decision: .obsolete),
            Case(sequence: 5, position: (2, 4), decision: .handle),
            Case(sequence: 5, position: (2, 4), isParked: true, decision: .enqueue),
            Case(sequence: 4, position: (2, 4), decision: .duplicate),
            Case(sequence: 3, position: (2, 4), isParked: true, decision: .duplicate),
            Case(sequence: 6, position: (2, 4), decision: .gap),
            Case(sequence: 6, position: (2, 4), anyBase: true, decision: .gap),
            Case(sequence: 5, epoch: 1, position: (2, 4), decision: .obsolete),
            Case(sequence: 1, epoch: 3, position: (2, 4), decision: .handle),
            Case(sequence: 2, epoch: 3, position: (2, 4), decision: .gap),
        ]
    )
    func decision(_ example: Case) {
        let decision = InboxPosition.decision(
            on: .numbered(example.sequence, of: "k", epoch: example.epoch),
            at: example.position.map { InboxPosition(epoch: $0.epoch, last: $0.last) },
            isParked: example.isParked,
            anyBase: example.anyBase
        )
        #expect(decision == example.decision)
    }
}
