import MartletCore
import Testing

@testable import MartletOutbox

@Suite("Marker of an attempt")
struct AttemptMarkerTests {
    private static let now = Timestamp(seconds: 100)
    private let own = AttemptMarker.Holder(instance: "a", boot: "a2")

    private func marker(
        of holder: AttemptMarker.Holder?,
        lease: Duration = .seconds(30),
        ends: Int = 0
    ) -> AttemptMarker {
        AttemptMarker(holder: holder, leaseUntil: Self.now + lease, ends: ends)
    }

    private func decision(on marker: AttemptMarker?) -> AttemptMarker.Decision {
        AttemptMarker.decision(on: marker, by: own, at: Self.now)
    }

    @Test("none: the event is attempted")
    func none() {
        #expect(decision(on: nil) == .attempt(ends: 0))
    }

    @Test(
        "of another process with the name of this instance, which lives beside it: it counts when its lease has ended"
    )
    func sameName() {
        let other = AttemptMarker.Holder(instance: "a", boot: "a3")
        #expect(decision(on: marker(of: other)) == .redeliver)
        #expect(decision(on: marker(of: other, lease: .zero)) == .attempt(ends: 1))
    }

    @Test("of another instance: it counts when its lease has ended, and not before")
    func lease() {
        let other = AttemptMarker.Holder(instance: "b", boot: "b1")
        #expect(decision(on: marker(of: other, lease: .microseconds(1))) == .redeliver)
        #expect(decision(on: marker(of: other, lease: .zero)) == .attempt(ends: 1))
    }

    @Test("of another instance that has started again: that start has counted it, and it waits for no lease")
    func startOfAnother() {
        let (before, after) = (
            AttemptMarker.Holder(instance: "b", boot: "b1"), AttemptMarker.Holder(instance: "b", boot: "b2")
        )
        let counted = marker(of: before).replacing(before)
        #expect(counted == marker(of: nil, ends: 1))
        #expect(decision(on: counted) == .attempt(ends: 1))
        #expect(counted.replacing(before) == counted)
        #expect(marker(of: after).replacing(before) == marker(of: after))
    }

    @Test("of an earlier attempt of the same process: it does not count, however often")
    func ownAttempt() {
        #expect(decision(on: marker(of: own, lease: .zero)) == .attempt(ends: 0))
        #expect(decision(on: marker(of: own, ends: 1)) == .attempt(ends: 1))
    }

    @Test("an overwritten one keeps its count, and the second ended attempt parks the event")
    func count() {
        let other = AttemptMarker.Holder(instance: "b", boot: "b1")
        #expect(AttemptMarker.endsLimit == 2)
        #expect(decision(on: marker(of: other, lease: .zero, ends: 1)) == .park(ends: 2))
        #expect(decision(on: marker(of: nil, ends: 1)) == .attempt(ends: 1))
        #expect(decision(on: marker(of: nil, ends: 2)) == .park(ends: 2))
    }

    @Test("released: nothing is left of it, but the count of attempts that have ended their process")
    func released() {
        #expect(marker(of: own).released == nil)
        #expect(marker(of: own, ends: 1).released == marker(of: nil, ends: 1))
    }
}
