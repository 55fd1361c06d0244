import Testing

@testable import MartletCore

@Suite("Fair share")
struct FairShareTests {
    var counts = CallerCounts()

    /// Adds for a caller what it may use.
    private mutating func take(_ caller: ExactText, of share: FairShare) -> Int {
        var taken = 0
        while share.admits(own: counts[caller], all: counts.total) {
            counts.add(caller)
            taken += 1
        }
        return taken
    }

    @Test("one caller never uses what is reserved for others")
    mutating func reserved() {
        let share = FairShare(of: 128)
        #expect(take("busy", of: share) == 96)
        #expect(take("a", of: share) == 16)
        #expect(take("b", of: share) == 16)
        #expect(take("c", of: share) == 0)
        counts.remove("a")
        #expect(take("busy", of: share) == 0)
        #expect(take("c", of: share) == 1)
    }

    @Test("a small limit is used up, and leaves a reserve as soon as a quarter of it is one", arguments: 1...8)
    mutating func small(_ limit: Int) {
        #expect(take("busy", of: FairShare(of: limit)) == limit - limit / 4)
        #expect(take("other", of: FairShare(of: limit)) == (limit < 4 ? 0 : 1))
    }

    @Test("a caller that uses nothing is not kept")
    mutating func forgotten() {
        counts.add("a")
        counts.remove("a")
        #expect(counts["a"] == 0)
        #expect(counts.total == 0)
    }
}
