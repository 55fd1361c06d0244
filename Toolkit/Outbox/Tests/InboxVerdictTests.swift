import MartletMessaging
import Testing

@testable import MartletOutbox

@Suite("The verdict on an event")
struct InboxVerdictTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let sequence: Int64
        var epoch = 2
        var position: (epoch: Int, last: Int64)?
        var isParked = false
        var anyBase = false
        let verdict: InboxVerdict

        var testDescription: String { "\(epoch)/\(sequence) at \(String(describing: position)) is \(verdict)" }
    }

    @Test(
        "follows from the position of its key",
        arguments: [
            Case(sequence: 1, verdict: .effect),
            Case(sequence: 2, verdict: .gap),
            Case(sequence: 2, anyBase: true, verdict: .effect),
            Case(sequence: 0, anyBase: true, verdict: .stale),
            Case(sequence: 5, position: (2, 4), verdict: .effect),
            Case(sequence: 5, position: (2, 4), isParked: true, verdict: .behind),
            Case(sequence: 4, position: (2, 4), verdict: .duplicate),
            Case(sequence: 3, position: (2, 4), isParked: true, verdict: .duplicate),
            Case(sequence: 6, position: (2, 4), verdict: .gap),
            Case(sequence: 6, position: (2, 4), anyBase: true, verdict: .gap),
            Case(sequence: 5, epoch: 1, position: (2, 4), verdict: .stale),
            Case(sequence: 1, epoch: 3, position: (2, 4), verdict: .effect),
            Case(sequence: 2, epoch: 3, position: (2, 4), verdict: .gap),
        ]
    )
    func verdict(_ example: Case) {
        let verdict = InboxPosition.verdict(
            on: .numbered(example.sequence, of: "k", epoch: example.epoch),
            at: example.position.map { InboxPosition(epoch: $0.epoch, last: $0.last) },
            isParked: example.isParked,
            anyBase: example.anyBase
        )
        #expect(verdict == example.verdict)
    }
}
